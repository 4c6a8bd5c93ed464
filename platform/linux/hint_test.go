// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// TestHint checks what is told of an alternative name, and of an address that another host has.
func TestHint(t *testing.T) {
	runtime.LockOSThread() // and never unlocks it: the thread's network namespace ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("needs root:", err)
	}
	if out, err := exec.Command("sh", "-e", "-c", `
ip link add eth0 type veth peer name p0
ip link property add dev eth0 altname enp0s1
ip link set p0 addrgenmode none && ip link set eth0 addrgenmode none
ip addr add fe80::1/64 dev p0 nodad
ip link set p0 up && ip link set eth0 up
ip addr add fe80::1/64 dev eth0`).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		iface  string
		family platform.Family
		want   string
	}{
		{"eth0", platform.IPv4, ""},
		{"eth9", platform.IPv4, ""},
		{"p0", platform.IPv6, ""},
		{"enp0s1", platform.IPv4, "enp0s1 is an alternative name of eth0: configure interface eth0"},
		{"eth0", platform.IPv6, "fe80::1 on eth0 failed duplicate address detection: another host has this address"},
	} {
		got := Hint(c.iface, c.family)
		for end := time.Now().Add(10 * time.Second); got != c.want && time.Now().Before(end); {
			runtime.Gosched() // the detection takes a second
			got = Hint(c.iface, c.family)
		}
		if got != c.want {
			t.Errorf("%s, IPv%d: %q, want %q", c.iface, c.family, got, strings.TrimSpace(c.want))
		}
	}
}
