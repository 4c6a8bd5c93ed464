// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// frr runs FRR's zebra and vrrpd.
type frr struct {
	lab      *Lab
	node     *Namespace
	group    Group
	priority uint8
	dir      string
	zebra    *Process
	vrrpd    *Process
}

var _ Router = (*frr)(nil)

// frrDaemons is the directory of the daemons in Debian's package.
const frrDaemons = "/usr/lib/frr/"

// FRR returns an FRR for a namespace. FRR always uses the virtual MAC address.
func (l *Lab) FRR(n *Namespace, g Group) Router {
	l.tb.Helper()
	f := &frr{lab: l, node: n, group: g, priority: 100, dir: filepath.Join(l.Dir, n.Role+"-frr")}
	// The daemons drop to the user frr before they open their sockets.
	u, err := user.Lookup("frr")
	if err != nil {
		l.tb.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Mkdir(f.dir, 0o755); err != nil {
		l.tb.Fatal(err)
	}
	if err := os.Chown(f.dir, uid, gid); err != nil {
		l.tb.Fatal(err)
	}
	return f
}

func (f *frr) Node() *Namespace { return f.node }

// macvlan is the name of the virtual router's interface in FRR.
func (f *frr) macvlan() string {
	if f.group.IPv6 {
		return fmt.Sprintf("vrrp6-2-%d", f.group.VRID)
	}
	return fmt.Sprintf("vrrp4-2-%d", f.group.VRID)
}

func (f *frr) Start() {
	f.lab.tb.Helper()
	// The address exists even while the virtual router is Backup, so only its macvlan may answer for it.
	f.node.Run("sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
	f.node.IP(
		fmt.Sprintf("link add %s link eth0 address %v type macvlan mode bridge",
			f.macvlan(), f.group.VirtualMAC()),
		fmt.Sprintf("link set %s addrgenmode none", f.macvlan()),
	)
	option, family := "noprefixroute", "ip"
	if f.group.IPv6 {
		option, family = "nodad", "ipv6"
	}
	for _, p := range f.group.prefixes() {
		f.node.IP(fmt.Sprintf("addr add %s dev %s %s", p, f.macvlan(), option))
	}
	f.node.IP(
		// The address must not answer until vrrpd enables it.
		fmt.Sprintf("link set %s protodown on", f.macvlan()),
		fmt.Sprintf("link set %s up", f.macvlan()),
	)
	config := fmt.Sprintf(`hostname %s
interface eth0
 vrrp %d version %d
 vrrp %d priority %d
 vrrp %d advertisement-interval %d
 vrrp %d %s %s
`, f.node.Role, f.group.VRID, f.group.Version, f.group.VRID, f.priority,
		f.group.VRID, f.group.Interval.Milliseconds(), f.group.VRID, family, f.group.VIP())
	none := f.lab.File(f.node.Role+"-zebra.conf", "")
	path := f.lab.File(f.node.Role+"-vrrpd.conf", config)
	daemon := func(name, conf string) *Process {
		return f.lab.Start(f.node, name, frrDaemons+name, "--vty_socket", f.dir, "-A", "127.0.0.1", "-P", "0",
			"-i", filepath.Join(f.dir, name+".pid"), "-z", filepath.Join(f.dir, "zserv"), "-f", conf,
			"--log", "stdout")
	}
	f.zebra = daemon("zebra", none)
	Until(f.lab.tb, startLimit, "zebra's socket", func() error {
		_, err := os.Stat(filepath.Join(f.dir, "zserv"))
		return err
	})
	f.vrrpd = daemon("vrrpd", path)
}

// vtysh runs commands in FRR's shell.
func (f *frr) vtysh(commands ...string) string {
	f.lab.tb.Helper()
	argv := []string{"vtysh", "--vty_socket", f.dir}
	for _, c := range commands {
		argv = append(argv, "-c", c)
	}
	return f.node.Run(argv...)
}

func (f *frr) SetPriority(p uint8) {
	f.lab.tb.Helper()
	f.priority = p
	if f.vrrpd != nil && f.vrrpd.Running() {
		f.vtysh("configure", "interface eth0", fmt.Sprintf("vrrp %d priority %d", f.group.VRID, p))
	}
}

func (f *frr) Stop() {
	f.lab.tb.Helper()
	f.vrrpd.Signal(sigStop)
	f.vrrpd.Wait(stopLimit)
	f.Kill()
}

// Kill also removes the macvlan, since FRR leaves it unchanged, with the address.
func (f *frr) Kill() {
	f.vrrpd.Kill()
	f.zebra.Kill()
	_ = os.Remove(filepath.Join(f.dir, "zserv"))
	if strings.Contains(f.node.Run("ip", "-o", "link"), f.macvlan()) {
		f.node.IP("link del " + f.macvlan())
	}
}
