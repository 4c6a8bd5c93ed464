// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Kind is a router's program.
type Kind string

// The programs that can run a Fleet.
const (
	KindVrrpsh     Kind = "vrrpsh"
	KindKeepalived Kind = "keepalived"
	KindFRR        Kind = "frr"
)

// Fleet is many VRRPv3 virtual routers, spread evenly over the links of a pair, with one address each.
type Fleet struct {
	Links, PerLink int
	Interval       time.Duration
	Macvlan        bool
	Preempt        bool
	// IPv6 makes them virtual routers of IPv6; Both adds these to those of IPv4.
	IPv6, Both bool
	// Global are additional lines for the top of the configuration file, in the format of the Kind.
	Global string
}

// pairAddr is an address on a link of a pair: the subnet is 10.x.y.0/24, where x and y are the number of the link.
func pairAddr(link, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(link >> 8), byte(link), byte(host)})
}

// addr is the address of one of the virtual routers.
func (f Fleet) addr(link, vrid int, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: 1, 10: byte(link >> 8), 11: byte(link), 15: byte(vrid)})
	}
	return pairAddr(link, vrid)
}

// Addrs returns all addresses.
func (f Fleet) Addrs() []netip.Addr {
	var all []netip.Addr
	f.each(func(link, vrid int, v6 bool) { all = append(all, f.addr(link, vrid, v6)) })
	return all
}

// Size is the number of virtual routers.
func (f Fleet) Size() int {
	if f.Both {
		return 2 * f.Links * f.PerLink
	}
	return f.Links * f.PerLink
}

func (f Fleet) each(do func(link, vrid int, v6 bool)) {
	for link := range f.Links {
		for vrid := 1; vrid <= f.PerLink; vrid++ {
			if !f.IPv6 {
				do(link, vrid, false)
			}
			if f.IPv6 || f.Both {
				do(link, vrid, true)
			}
		}
	}
}

// Crew is a router that runs a Fleet.
type Crew struct {
	Kind Kind
	// Vrrpsh is set if the Kind is vrrpsh.
	Vrrpsh *Vrrpsh
	// Started is when its first process started.
	Started time.Time

	procs []*Process
}

// Crew starts a router that runs a fleet with a priority. bin is the executable of vrrpsh.
func (l *Lab) Crew(kind Kind, bin string, n *Namespace, f Fleet, priority int) *Crew {
	l.tb.Helper()
	c := &Crew{Kind: kind}
	switch kind {
	case KindVrrpsh:
		c.Vrrpsh = l.vrrpsh(bin, n)
		l.File(filepath.Base(c.Vrrpsh.Config), f.vrrpsh(n.Role, c.Vrrpsh.StateDir, priority))
		c.Vrrpsh.Start()
		c.procs = []*Process{c.Vrrpsh.Process}
	case KindKeepalived:
		path := l.File(n.Role+"-keepalived.conf", f.keepalived(n.Role, priority))
		pid := func(kind string) string { return l.Dir + "/" + n.Role + "-" + kind + ".pid" }
		c.procs = []*Process{l.Start(n, "keepalived", "keepalived", "--dont-fork", "--log-console", "--no-syslog",
			"--vrrp", "--use-file", path, "--pid", pid("keepalived"), "--vrrp_pid", pid("vrrp"))}
	case KindFRR:
		l.startFRR(c, n, f, priority)
	}
	c.Started = c.procs[len(c.procs)-1].Started
	return c
}

// Kill ends the router without a chance to clean up.
func (c *Crew) Kill() {
	for i := len(c.procs) - 1; i >= 0; i-- {
		p := c.procs[i]
		for _, child := range children(p.PID()) {
			if process, err := os.FindProcess(child); err == nil {
				_ = process.Kill()
			}
		}
		p.Kill()
	}
}

// Stop ends the router cleanly.
func (c *Crew) Stop() {
	for i := len(c.procs) - 1; i >= 0; i-- {
		c.procs[i].Signal(sigStop)
		c.procs[i].Wait(60 * time.Second)
	}
}

// PIDs returns all its processes, including child processes.
func (c *Crew) PIDs() []int {
	var all []int
	for _, p := range c.procs {
		all = append(append(all, p.PID()), children(p.PID())...)
	}
	return all
}

func children(pid int) []int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var all []int
	for _, field := range strings.Fields(string(b)) {
		if child, err := strconv.Atoi(field); err == nil {
			all = append(all, child)
		}
	}
	return all
}

func (f Fleet) vrrpsh(hostname, stateDir string, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "hostname = %q\nstate_dir = %q\n%s\n", hostname, stateDir, f.Global)
	iftype := "ether"
	if f.Macvlan {
		iftype = "macvlan"
	}
	f.each(func(link, vrid int, v6 bool) {
		fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth%d\"\nvip = \"%s\"\nversion = 3\npriority = %d\npreemption = %v\n"+
			"advertise_interval = \"%v\"\niftype = %q\n", vrid, link, f.addr(link, vrid, v6), priority, f.Preempt, f.Interval, iftype)
	})
	return b.String()
}

func (f Fleet) keepalived(name string, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  vrrp_version 3\n  router_id %s\n%s}\n", name, f.Global)
	f.each(func(link, vrid int, v6 bool) {
		suffix, bits := "", 32
		if v6 {
			suffix, bits = "_6", 64
		}
		fmt.Fprintf(&b, "vrrp_instance v%d_%d%s {\n  state BACKUP\n  interface eth%d\n  virtual_router_id %d\n  priority %d\n  advert_int %g\n",
			link, vrid, suffix, link, vrid, priority, f.Interval.Seconds())
		if !f.Preempt {
			b.WriteString("  nopreempt\n")
		}
		if f.Macvlan {
			fmt.Fprintf(&b, "  use_vmac v%d.%d%s\n", link, vrid, suffix)
		}
		fmt.Fprintf(&b, "  virtual_ipaddress {\n    %s/%d\n  }\n}\n", f.addr(link, vrid, v6), bits)
	})
	return b.String()
}

// startFRR creates the macvlans, as FRR requires of its users, and starts zebra and vrrpd.
func (l *Lab) startFRR(c *Crew, n *Namespace, f Fleet, priority int) {
	l.tb.Helper()
	dir := filepath.Join(l.Dir, n.Role+"-frr")
	u, err := user.Lookup("frr")
	if err == nil {
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err = os.Mkdir(dir, 0o755); err == nil {
			err = os.Chown(dir, uid, gid)
		}
	}
	if err != nil {
		l.tb.Fatal(err)
	}
	n.Run("sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
	var lines []string
	var conf strings.Builder
	fmt.Fprintf(&conf, "hostname %s\n", n.Role)
	last := -1
	f.each(func(link, vrid int, v6 bool) {
		name := fmt.Sprintf("vrrp4-%d-%d", link, vrid)
		lines = append(lines,
			fmt.Sprintf("link add %s link eth%d address %v type macvlan mode bridge", name, link, VirtualMAC(uint8(vrid))),
			fmt.Sprintf("link set %s addrgenmode none", name),
			fmt.Sprintf("addr add %s/24 dev %s noprefixroute", f.addr(link, vrid, v6), name),
			fmt.Sprintf("link set %s protodown on", name),
			fmt.Sprintf("link set %s up", name))
		if link != last {
			fmt.Fprintf(&conf, "interface eth%d\n", link)
			last = link
		}
		fmt.Fprintf(&conf, " vrrp %d version 3\n vrrp %d priority %d\n vrrp %d advertisement-interval %d\n vrrp %d ip %s\n",
			vrid, vrid, priority, vrid, f.Interval.Milliseconds(), vrid, f.addr(link, vrid, v6))
	})
	n.IP(lines...)
	none := l.File(n.Role+"-zebra.conf", "")
	path := l.File(n.Role+"-vrrpd.conf", conf.String())
	daemon := func(name, conf string) {
		c.procs = append(c.procs, l.Start(n, name, frrDaemons+name, "--vty_socket", dir, "-A", "127.0.0.1", "-P", "0",
			"-i", filepath.Join(dir, name+".pid"), "-z", filepath.Join(dir, "zserv"), "-f", conf, "--log", "stdout"))
	}
	daemon("zebra", none)
	Until(l.tb, startLimit, "zebra's socket", func() error {
		_, err := os.Stat(filepath.Join(dir, "zserv"))
		return err
	})
	daemon("vrrpd", path)
}
