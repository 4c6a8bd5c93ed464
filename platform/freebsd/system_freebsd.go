// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// New opens the run-state file and the kernel's devices and sockets. It fails with platform.ErrConflict if
// another router uses the run-state file, and with the kernel's error if the caller may
// not use BPF.
func New(o Options) (*System, error) {
	boot, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return nil, fmt.Errorf("boot time: %w", err)
	}
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	s, err := newSystem(k, strconv.FormatInt(boot.Sec, 10), o)
	if err != nil {
		k.close()
		return nil, err
	}
	return s, nil
}
