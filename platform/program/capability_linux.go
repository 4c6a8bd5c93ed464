// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// allowRawSockets gives a process CAP_NET_RAW, if this process has it.
func allowRawSockets(attr *syscall.SysProcAttr) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) == nil && data[0].Permitted&(1<<unix.CAP_NET_RAW) != 0 {
		attr.AmbientCaps = []uintptr{unix.CAP_NET_RAW}
	}
}
