// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInUse is wrapped in the error of Listen when another router answers on the socket.
var ErrInUse = errors.New("control socket in use")

// socketMode gives the socket's group access: connecting requires write permission.
const socketMode = 0o660

// Listen creates the control socket with mode 0660, for its group or the group vrrpsh, and, if it is missing, its directory with mode
// 0755. It replaces a socket that a dead process left behind. It does not replace a socket on which
// a process answers (ErrInUse), and leaves anything else at path alone.
func Listen(path string) (*net.UnixListener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		if errors.Is(err, syscall.EROFS) {
			err = fmt.Errorf("%w: -s or control_socket names another path", err)
		}
		return nil, fmt.Errorf("control socket: %w", err)
	}
	unlock := lockDir(dir)
	defer unlock()
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// On systems that take the mode from the socket, there is no moment in which others could
		// connect. On other systems only Chmod below sets the mode.
		return c.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), socketMode) })
	}}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		if errors.Is(err, syscall.EINVAL) && len(path) > 100 {
			err = fmt.Errorf("path of %d bytes is too long for a socket: %w", len(path), err)
		}
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	share(path, group)
	return l.(*net.UnixListener), nil // net returns this type for "unix" listeners
}

// group is the group whose members may use the shell, if the system has it.
const group = "vrrpsh"

// share gives a socket to a group. A router that may not do that keeps the socket for itself.
func share(path, group string) {
	g, err := user.LookupGroup(group)
	if err != nil {
		return
	}
	if id, err := strconv.Atoi(g.Gid); err == nil {
		_ = os.Chown(path, -1, id)
	}
}

// removeStale removes the socket at path if no process answers on it.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() != os.ModeSocket {
		return errors.New("exists and is not a socket")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("%w: another router answers there", ErrInUse)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		// A full backlog or a missing permission also means that a process listens.
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return os.Remove(path)
}

// lockDir prevents two routers that start at the same time from removing each other's new socket.
// It does not wait long, because every user who can read the directory can hold its lock.
func lockDir(dir string) (unlock func()) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for range 50 {
		if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return func() { _ = d.Close() }
}
