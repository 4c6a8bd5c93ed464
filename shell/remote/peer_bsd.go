// SPDX-License-Identifier: GPL-3.0-only

//go:build freebsd || darwin

package remote

import (
	"errors"

	"golang.org/x/sys/unix"
)

// solLocal is SOL_LOCAL of <sys/un.h>, the level of socket options for local sockets.
const solLocal = 0

func credentials(fd int) (Peer, error) {
	c, err := unix.GetsockoptXucred(fd, solLocal, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	if c.Ngroups < 1 {
		return Peer{}, errors.New("no group")
	}
	return Peer{UID: int(c.Uid), GID: int(c.Groups[0])}, nil
}
