// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nameless returns a file in memory: a full or read-only disk cannot prevent the hand-over, and no secrets are
// written to a disk. On kernels without such files (before Linux 3.17), it returns a file in dir.
func nameless(dir string, content []byte) (*os.File, error) {
	const name = "handover"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return unlinked(dir, content)
	}
	return filled(os.NewFile(uintptr(fd), name), content)
}
