// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"strings"
	"testing"
)

// The addresses of a second segment are those of the first in another subnet.
const (
	secondSubnet = "203.0.113."
	// VIP2 is for a virtual router on eth1.
	VIP2 = secondSubnet + "100"
)

// NewDouble builds two segments with the same routers and the same host; eth1 is their interface on the second.
func NewDouble(tb testing.TB, routers int) *Lab {
	tb.Helper()
	l := New(tb, routers)
	l.double = true
	l.Bridge.IP("link add br1 type bridge mcast_snooping 0 stp_state 0 forward_delay 0", "link set br1 up")
	for _, n := range append([]*Namespace{l.Host}, l.Routers...) {
		port := n.SecondPort()
		l.Bridge.IP(
			fmt.Sprintf("link add %s type veth peer name eth1 netns %s", port, n.Name),
			fmt.Sprintf("link set %s master br1", port),
			fmt.Sprintf("link set %s up", port),
		)
		station := n.Addr[strings.LastIndexByte(n.Addr, '.')+1:]
		n.Run("sysctl", "-q", "-w", "net.ipv6.conf.eth1.accept_dad=0", "net.ipv4.conf.eth1.send_redirects=0")
		n.IP("addr add "+secondSubnet+station+"/24 dev eth1", "link set eth1 up")
	}
	for _, n := range append([]*Namespace{l.Host}, l.Routers...) {
		l.waitCarrier(n, "eth1")
	}
	return l
}

// SecondPort is the namespace's port on the second switch.
func (n *Namespace) SecondPort() string { return n.Role + "-2" }
