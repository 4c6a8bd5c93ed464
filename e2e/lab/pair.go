// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// NewPair builds two routers joined directly by a number of links, eth0 to eth0 and so on. Without a switch
// or a host, the traffic costs only the work of the routers. The i-th link has the subnet 10.i.0.0/16.
func NewPair(tb testing.TB, links int) *Lab {
	tb.Helper()
	l := open(tb)
	for i := 1; i <= 2; i++ {
		l.Routers = append(l.Routers, l.namespace(fmt.Sprintf("r%d", i), ""))
	}
	r2 := l.Routers[1]
	for i, n := range l.Routers {
		lines := []string{"link set lo up"}
		for k := range links {
			if i == 0 {
				lines = append(lines, fmt.Sprintf("link add eth%d type veth peer name eth%d netns %s", k, k, r2.Name))
			}
			lines = append(lines, fmt.Sprintf("addr add %s/24 dev eth%d", pairAddr(k, 251+i), k))
			lines = append(lines, fmt.Sprintf("link set eth%d up", k))
		}
		n.IP(lines...)
		n.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	}
	for _, n := range l.Routers {
		Until(tb, time.Minute, n.Role+": all links up", func() error {
			if up := strings.Count(n.Run("ip", "-o", "link"), "state UP"); up != links {
				return fmt.Errorf("%d of %d", up, links)
			}
			return nil
		})
	}
	return l
}
