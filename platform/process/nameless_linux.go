// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nameless returns a file in memory: no disk that is full or read-only keeps what is handed over from the successor, and
// none has its secrets. On kernels without such files (before Linux 3.17) it is one in dir.
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
