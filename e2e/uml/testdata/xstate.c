// SPDX-License-Identifier: GPL-3.0-only

// User Mode Linux 6.1 sets the registers of its processes with a buffer of a fixed size. On processors whose
// extended state is larger (AMX), the machine's kernel refuses it, and User Mode Linux panics. This library,
// loaded before the C library, fills the buffer up with what the process has.

#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

long ptrace(enum __ptrace_request request, ...)
{
	static char full[65536] __attribute__((aligned(64)));
	va_list args;
	va_start(args, request);
	long pid = va_arg(args, pid_t);
	void *addr = va_arg(args, void *);
	void *data = va_arg(args, void *);
	va_end(args);
	if (request == PTRACE_SETREGSET && (long)addr == NT_X86_XSTATE) {
		struct iovec whole = {full, sizeof full}, *given = data;
		if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, addr, &whole) == 0 && given->iov_len < whole.iov_len) {
			memcpy(full, given->iov_base, given->iov_len);
			return syscall(SYS_ptrace, request, pid, addr, &whole);
		}
	}
	if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER) { // the C library returns the word
		long word, err = syscall(SYS_ptrace, request, pid, addr, &word);
		return err < 0 ? err : word;
	}
	return syscall(SYS_ptrace, request, pid, addr, data);
}
