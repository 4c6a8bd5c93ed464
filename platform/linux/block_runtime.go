//go:build linux

package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollPwait2 is epoll_pwait2(2) without a signal mask; no timeout is forever.
//
// A wait through unix.Syscall keeps its place among the running goroutines, in case it is short. To find out, the
// runtime's monitor looks fifty times in the first milliseconds of each wait, and for a router that wakes up
// for a few packets at a time that costs as much as the packets (docs/performance.md). So
// the runtime is told at once that this one blocks. RawSyscall must not be without that: a collection of garbage
// would wait for it.
func epollPwait2(epoll int, events []unix.EpollEvent, timeout *unix.Timespec) (int, unix.Errno) {
	if timeout != nil && *timeout == (unix.Timespec{}) {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(timeout)), 0, 0)
		return int(n), errno
	}
	n, errno := blockingEpollPwait2(uintptr(epoll), unsafe.Pointer(&events[0]), uintptr(len(events)), unsafe.Pointer(timeout))
	return int(n), errno
}

// blockingEpollPwait2 makes the system call between the calls that the runtime makes around its own blocking ones.
// No stack may grow between them.
//
//go:nosplit
//go:norace
func blockingEpollPwait2(epoll uintptr, events unsafe.Pointer, n uintptr, timeout unsafe.Pointer) (uintptr, unix.Errno) {
	enterBlockingSyscall()
	ready, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, epoll, uintptr(events), n, uintptr(timeout), 0, 0)
	exitSyscall()
	return ready, errno
}

// These two the runtime offers to packages that know what they do.

//go:linkname enterBlockingSyscall runtime.entersyscallblock
func enterBlockingSyscall()

//go:linkname exitSyscall runtime.exitsyscall
func exitSyscall()
