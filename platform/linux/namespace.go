// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// namespace is the network namespace that sockets are opened in.
type namespace struct{ fd int }

// do calls fn on a thread that is in the namespace.
func (n namespace) do(fn func() error) error {
	if n.fd == 0 {
		return fn()
	}
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("network namespace: %w", err)
	}
	defer func() { _ = home.Close() }()
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	err = fn()
	// A thread that cannot switch back stays locked and ends with its goroutine.
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return fmt.Errorf("leave network namespace: %w", back)
	}
	runtime.UnlockOSThread()
	return err
}

// origin identifies a boot of the machine and a network namespace.
type origin struct {
	BootID string `json:"boot_id"`
	// Inode is the namespace's number in /proc. It may be reused after the namespace
	// is gone. Cookie never is, but kernels before 5.14 lack it.
	Inode  uint64 `json:"netns"`
	Cookie uint64 `json:"netns_cookie,omitempty"`

	initial bool // the namespace is that of the first process
}

func (o origin) same(p origin) bool {
	return o.BootID == p.BootID && o.Inode == p.Inode && o.Cookie == p.Cookie
}

// currentOrigin returns the origin of the calling thread.
func currentOrigin() (origin, error) {
	var o origin
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return o, fmt.Errorf("boot id: %w", err)
	}
	o.BootID = strings.TrimSpace(string(id))
	var st, first unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return o, fmt.Errorf("network namespace: %w", err)
	}
	o.Inode = st.Ino
	o.initial = unix.Stat("/proc/1/ns/net", &first) == nil && first.Ino == st.Ino
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return o, fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE); err == nil {
		o.Cookie = cookie
	}
	return o, nil
}

// kernelMarksAddresses reports whether addresses can carry a protocol number (IFA_PROTO, since
// Linux 5.18).
func kernelMarksAddresses() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 18
}
