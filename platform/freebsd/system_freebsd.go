package freebsd

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// New opens what a System needs of the kernel. It fails with platform.ErrConflict when the
// run-state file is in use by another router, and with the kernel's error when the caller may
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
