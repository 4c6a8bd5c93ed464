// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package program

import "syscall"

// allowRawSockets does nothing: programs that need raw sockets are setuid here.
func allowRawSockets(*syscall.SysProcAttr) {}
