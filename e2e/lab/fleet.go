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
	// Global are additional lines for the top of the configuration file, in the format of the Kind.
	Global string
}

// Addr is the address of one of the virtual routers, 10.link.1.vrid.
func (f Fleet) Addr(link, vrid int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(link), 1, byte(vrid)})
}

// Addrs returns all addresses.
func (f Fleet) Addrs() []netip.Addr {
	var all []netip.Addr
	f.each(func(link, vrid int) { all = append(all, f.Addr(link, vrid)) })
	return all
}

// Size is the number of virtual routers.
func (f Fleet) Size() int { return f.Links * f.PerLink }

func (f Fleet) each(do func(link, vrid int)) {
	for link := range f.Links {
		for vrid := 1; vrid <= f.PerLink; vrid++ {
			do(link, vrid)
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
	f.each(func(link, vrid int) {
		fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth%d\"\nvip = \"%s\"\nversion = 3\npriority = %d\npreemption = %v\n"+
			"advertise_interval = \"%v\"\niftype = %q\n", vrid, link, f.Addr(link, vrid), priority, f.Preempt, f.Interval, iftype)
	})
	return b.String()
}

func (f Fleet) keepalived(name string, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  vrrp_version 3\n  router_id %s\n%s}\n", name, f.Global)
	f.each(func(link, vrid int) {
		fmt.Fprintf(&b, "vrrp_instance v%d_%d {\n  state BACKUP\n  interface eth%d\n  virtual_router_id %d\n  priority %d\n  advert_int %g\n",
			link, vrid, link, vrid, priority, f.Interval.Seconds())
		if !f.Preempt {
			b.WriteString("  nopreempt\n")
		}
		if f.Macvlan {
			fmt.Fprintf(&b, "  use_vmac v%d.%d\n", link, vrid)
		}
		fmt.Fprintf(&b, "  virtual_ipaddress {\n    %s/32\n  }\n}\n", f.Addr(link, vrid))
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
	f.each(func(link, vrid int) {
		name := fmt.Sprintf("vrrp4-%d-%d", link, vrid)
		lines = append(lines,
			fmt.Sprintf("link add %s link eth%d address %v type macvlan mode bridge", name, link, VirtualMAC(uint8(vrid))),
			fmt.Sprintf("link set %s addrgenmode none", name),
			fmt.Sprintf("addr add %s/16 dev %s noprefixroute", f.Addr(link, vrid), name),
			fmt.Sprintf("link set %s protodown on", name),
			fmt.Sprintf("link set %s up", name))
		if link != last {
			fmt.Fprintf(&conf, "interface eth%d\n", link)
			last = link
		}
		fmt.Fprintf(&conf, " vrrp %d version 3\n vrrp %d priority %d\n vrrp %d advertisement-interval %d\n vrrp %d ip %s\n",
			vrid, vrid, priority, vrid, f.Interval.Milliseconds(), vrid, f.Addr(link, vrid))
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
