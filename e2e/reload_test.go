// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/e2e/lab"
)

// secondVIP is the address of the version 2 virtual router, thirdVIP one that is added and removed.
const (
	secondVIP = "192.0.2.101"
	thirdVIP  = "192.0.2.102"
)

// TestReload makes every change of a Master that is possible in place, under pings and beside a Backup of each
// version: no router changes state and no ping is lost. commit check announces changes that are not possible in place.
func TestReload(t *testing.T) {
	parallel(t)
	l := lab.New(t, 3)
	wire := l.Capture()
	v3 := lab.Group{VRID: vrid, Version: 3, Interval: 500 * time.Millisecond}
	v2 := func(priority int) string {
		return fmt.Sprintf("\n[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nvip = \"%s/24\"\npriority = %d\npreemption = true\n",
			vrid+1, secondVIP, priority)
	}
	ours := l.VrrpshFile(bin, l.Routers[0], v3.Table(200)+v2(200))
	keepalived := l.Keepalived(l.Routers[1], v3)
	backup := l.VrrpshFile(bin, l.Routers[2], v2(100))
	start := time.Now()
	ours.Start()
	lab.Until(t, patience, "both groups are Master", func() error {
		all, err := ours.TryStatus()
		if err != nil || len(all) != 2 || all[0].State != "Master" || all[1].State != "Master" {
			return errNotYet
		}
		return nil
	})
	keepalived.Start()
	backup.Start()
	backup.WaitState("Backup", patience)
	pings := []*lab.Pinger{l.Ping(lab.VIP), l.Ping(secondVIP)}
	for _, p := range pings {
		p.WaitAnswer(time.Now(), patience)
	}
	wire.WaitMaster("r1", time.Now(), patience)

	settled := time.Now()
	const group = "interface eth0 vrrp 51 "
	commit := func(v *lab.Vrrpsh, lines ...string) {
		t.Helper()
		v.Script(append(append([]string{"configure"}, lines...), "commit", "end")...)
	}
	inPlace := []struct{ line, fields string }{
		{group + "priority 180", "priority"},
		{group + "priority 220", "priority"},
		{group + "no preempt", "preemption"},
		{group + "preempt delay 30s", "preemption, preempt_delay"},
		{group + "timers advertise 300ms", "advertise_interval"},
		{group + "description a b", "description"},
		{group + "garp repeat 2", "garp_repeat"},
		{group + "garp delay 1s", "garp_delay"},
		{group + "garp refresh 1s", "garp_refresh"},
		{group + "checksum rfc5798", "checksum"},
		{group + "no rfc3768", "rfc3768"},
		{group + "no socket-filter", "socket_filter"},
		{group + "advert-mac interface", "advert_mac"},
		{group + "no advert-mac", "advert_mac"},
		{"track link interface eth0\n" + group + "track link decrement 20", "track"},
		{group + "track link", "track"},
		{group + "no track", "track"},
		{group + "sync-group edge", "sync_group"},
		{group + "no sync-group", "sync_group"},
		{group + "vip " + thirdVIP, "vips"},
		{group + "no vip " + thirdVIP, "vips"},
		{group + "accept-ping\n" + group + "no accept-mode", "accept_mode, accept_ping"},
		{group + "accept-mode\n" + group + "no accept-ping", "accept_mode, accept_ping"},
	}
	for _, change := range inPlace {
		lines := append(append([]string{"configure"}, strings.Split(change.line, "\n")...), "commit check", "commit", "end")
		out := ours.Script(lines...)
		if want := "eth0 IPv4 group 51: changed in place (" + change.fields + ")\n"; !strings.Contains(out, want) || strings.Contains(out, "gives up") {
			t.Errorf("commit check of %q prints\n%swant %q", change.line, out, want)
		}
	}
	// An edit of the file by hand.
	l.File("r1.toml", strings.Replace(ours.ConfigText(), `"a b"`, `"by hand"`, 1))
	ours.Signal(unix.SIGHUP)
	lab.Until(t, patience, "the file is read again", func() error {
		if !strings.Contains(ours.Show("show", "running-config"), "by hand") {
			return errNotYet
		}
		return nil
	})
	// Authentication must change on both; between the changes the Backup accepts no adverts.
	const other = "interface eth0 vrrp 52 "
	for _, line := range []string{other + "auth rfc2338-simple secret one", other + "auth p0-t8-sha256 secret two", other + "no auth"} {
		commit(ours, line)
		commit(backup, line)
		wire.WaitMaster("r1", time.Now(), patience)
	}
	commit(ours, other+"timers advertise 2")
	commit(backup, other+"timers advertise 2")

	for _, cannot := range []struct{ lines, want string }{
		{group + "version 2\n" + group + "timers advertise 1\n" + group + "no checksum", "group 51: restarted (version"},
		{group + "iftype macvlan", "group 51: restarted (iftype, vifname), gives up Master"},
		{group + "vmac", "group 51: restarted (vmac), gives up Master"},
		{group + "netdrv ioctl", "group 51: restarted (netdrv), gives up Master"},
		{group + "shutdown", "group 51: changed in place (shutdown), gives up Master"},
		{"no " + group + "\ninterface eth0 vrrp 61 vip " + lab.VIP, "group 61: created\neth0 IPv4 group 51: removed, gives up Master"},
		{"no " + group + "\ninterface eth1 vrrp 51 vip " + lab.VIP, "eth1 IPv4 group 51: created\neth0 IPv4 group 51: removed, gives up Master"},
		{"no " + group + "\ninterface eth0 vrrp 51 ipv6 vip " + lab.VIP6Global, "eth0 IPv6 group 51: created\neth0 IPv4 group 51: removed, gives up Master"},
	} {
		out := ours.Script(append(append([]string{"configure"}, strings.Split(cannot.lines, "\n")...), "commit check", "discard", "end")...)
		if !strings.Contains(out, cannot.want) {
			t.Errorf("commit check of %q prints\n%swant %q", cannot.lines, out, cannot.want)
		}
	}

	for range 3 {
		wire.WaitMaster("r1", time.Now(), patience)
	}
	for i, p := range pings {
		p.WaitAnswer(time.Now(), patience)
		if n := p.Lost(settled); n > 0 {
			t.Errorf("pinger %d: %d of %d pings were lost; the longest outage was %v", i, n, p.Sent(), p.Longest(settled).Length())
		}
	}
	for _, peer := range []string{"r2", "r3"} {
		for _, a := range wire.Adverts(peer, start) {
			t.Errorf("a Backup has taken over: %v", a)
		}
	}
	for _, a := range wire.Adverts("r1", settled) {
		if a.Priority == 0 {
			t.Errorf("resigned: %v", a)
		}
	}
	if out := ours.Show("show", "vrrp", "history"); strings.Count(out, "Master") != 2 {
		t.Errorf("more than one transition to Master each:\n%s", out)
	}
}
