// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// routeBuffer is the size in bytes of the socket's buffer.
const routeBuffer = 256 << 10

// routeSocket reports changes of interfaces and addresses, among others.
type routeSocket struct {
	file *os.File
	raw  syscall.RawConn
	buf  []byte
}

var _ notifications = (*routeSocket)(nil)

func (k *freebsd) notify() (notifications, error) {
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, routeBuffer) // the default size works, too
	n := &routeSocket{file: os.NewFile(uintptr(fd), "route"), buf: make([]byte, 2<<10)}
	if n.raw, err = n.file.SyscallConn(); err != nil {
		_ = n.file.Close()
		return nil, err
	}
	return n, nil
}

func (n *routeSocket) next(patience time.Duration) ([]byte, error) {
	if err := n.file.SetReadDeadline(time.Now().Add(max(patience, time.Second))); err != nil {
		return nil, err
	}
	var size int
	var inner error
	err := n.raw.Read(func(fd uintptr) bool {
		for {
			if size, inner = unix.Read(int(fd), n.buf); !errors.Is(inner, unix.EINTR) {
				return !errors.Is(inner, unix.EAGAIN) || patience == 0
			}
		}
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || err == nil && errors.Is(inner, unix.EAGAIN):
		return nil, nil
	case err != nil:
		return nil, err
	case inner != nil:
		return nil, inner
	}
	return n.buf[:size], nil
}

func (n *routeSocket) close() error { return n.file.Close() }
