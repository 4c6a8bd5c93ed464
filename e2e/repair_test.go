// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// damaged are the virtual routers of the repair test, one of each interface type and family.
var damaged = []struct {
	vrid      uint8
	iftype    string
	link, vip string // the address that is damaged, and the other one
	vif       string // their interface
}{
	{vrid: 51, iftype: ether, link: lab.VIP, vif: "eth0"},
	{vrid: 52, iftype: macvlan, link: "192.0.2.102", vif: "standby52"},
	{vrid: 53, iftype: ether, link: "fe80::103", vip: "2001:db8::103", vif: "eth0"},
	{vrid: 54, iftype: macvlan, link: "fe80::104", vip: "2001:db8::104", vif: "standby54"},
}

// damagedFile is a configuration with all of them.
func damagedFile(priority uint8) string {
	var b strings.Builder
	for _, d := range damaged {
		vips := []string{d.link}
		if d.vip != "" {
			vips = append(vips, d.vip)
		}
		fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\npriority = %d\npreemption = true\n"+
			"advertise_interval = \"300ms\"\niftype = %q\nvips = [\"%s\"]\n", d.vrid, priority, d.iftype, strings.Join(vips, `", "`))
	}
	return b.String()
}

// repairing is a lab in which the first of two routers is damaged.
type repairing struct {
	t      *testing.T
	lab    *lab.Lab
	wire   *lab.Capture
	r1, r2 *lab.Vrrpsh
}

// are waits until the given virtual routers of a router, or all, are in a state.
func (p *repairing) are(v *lab.Vrrpsh, state string, vrids ...int) {
	p.t.Helper()
	lab.Until(p.t, patience, fmt.Sprintf("%s is %s of %v", v.Node().Role, state, vrids), func() error {
		all, err := v.TryStatus()
		if err != nil || len(all) != len(damaged) {
			return errors.Join(err, errNotYet)
		}
		for _, s := range all {
			if (len(vrids) == 0 || slices.Contains(vrids, s.Group)) && s.State != state {
				return fmt.Errorf("the API has %+v", all)
			}
		}
		return nil
	})
}

// whole waits until r1 is Master of everything, has the addresses on the right interfaces, and the host reaches them there.
func (p *repairing) whole(when string) {
	p.t.Helper()
	p.are(p.r1, "Master")
	r1 := p.lab.Routers[0]
	for _, d := range damaged {
		lab.Until(p.t, patience, fmt.Sprintf("%s: r1 has %s on %s", when, d.link, d.vif), func() error {
			if on := r1.Holds(d.link); on != d.vif {
				return fmt.Errorf("it is on %q", on)
			}
			return nil
		})
		lab.Until(p.t, patience, when+": the host reaches "+d.link, func() error {
			to := d.link
			if d.vip != "" {
				to += "%eth0"
			}
			_, err := p.lab.Host.Try("ping", "-q", "-c", "1", "-W", "1", to)
			return err
		})
		want := r1.MAC("eth0")
		if d.iftype == macvlan {
			want = lab.Group{VRID: d.vrid, IPv6: d.vip != ""}.VirtualMAC().String()
		}
		if got := p.lab.Host.Neighbor(d.link); got != want {
			p.t.Errorf("%s: the host's neighbor entry for %s is %q, want %q", when, d.link, got, want)
		}
	}
}

// shows waits until the output of a show command of r1 contains a text.
func (p *repairing) shows(command, want string) {
	p.t.Helper()
	lab.Until(p.t, patience, command+" says "+want, func() error {
		if out := p.r1.Show(strings.Fields(command)...); !says(out, want) {
			return errors.New(out)
		}
		return nil
	})
}

// remove deletes an address, if it exists.
func remove(n *lab.Namespace, addr, dev string) {
	family := "-4"
	if strings.Contains(addr, ":") {
		family = "-6"
	}
	_, _ = n.Try("ip", family, "addr", "flush", "dev", dev, "to", addr)
}

// TestRepair damages a Master's state in the kernel, its interface and its segment, one after the other, and checks that each
// damage is repaired, or that the other router takes over while it cannot be.
func TestRepair(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	p := &repairing{t: t, lab: l, wire: l.Capture()}
	p.r1, p.r2 = l.VrrpshFile(bin, l.Routers[0], damagedFile(200)), l.VrrpshFile(bin, l.Routers[1], damagedFile(100))
	p.r1.Start()
	p.are(p.r1, "Master")
	p.r2.Start()
	p.are(p.r2, "Backup")
	p.whole("at the start")
	for _, harm := range []struct {
		name string
		do   func()
	}{
		{"deleted addresses", p.addresses},
		{"deleted macvlans", p.macvlans},
		{"a fight over an address", p.fight},
		{"a split", p.split},
		{"a rival", p.rival},
		{"another MAC address", p.mac},
		{"no primary address", p.primary},
		{"another name", p.rename},
		{"no interface", p.vanish},
	} {
		start := time.Now()
		harm.do()
		p.whole("after " + harm.name)
		t.Logf("%-24s %5.1f s", harm.name, time.Since(start).Seconds())
	}
}

func (p *repairing) addresses() {
	for _, d := range damaged {
		remove(p.lab.Routers[0], d.link, d.vif)
		p.whole("after the deletion of " + d.link)
	}
	for _, d := range damaged {
		want := "removed from outside, putting it back: [" + d.link
		lab.Until(p.t, patience, "the log reports "+want, func() error {
			if !strings.Contains(p.r1.Log(), want) {
				return errNotYet
			}
			return nil
		})
	}
}

func (p *repairing) macvlans() {
	r1 := p.lab.Routers[0]
	for _, d := range damaged {
		if d.iftype == macvlan {
			r1.IP("link del " + d.vif)
		}
	}
}

// fight deletes an address whenever it is installed: the router leaves it to the other one, and comes back later.
func (p *repairing) fight() {
	r1, d := p.lab.Routers[0], damaged[0]
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				remove(r1, d.link, d.vif)
			}
		}
	}()
	p.are(p.r2, "Master", int(d.vrid))
	p.shows("show vrrp group 51", "Fault: removed from outside more than 5 times in 10s: ["+d.link)
	p.shows("show vrrp history group 51", "address")
	close(stop)
	<-stopped
	p.are(p.r1, "Master")
	if out := p.r1.Show("show", "vrrp", "group", "51"); strings.Contains(out, "Fault") {
		p.t.Errorf("the fault stays:\n%s", out)
	}
}

// rival sends the adverts of another Master that ignores this one.
func (p *repairing) rival() {
	forged := lab.Forged{
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}, Src: netip.MustParseAddr("192.0.2.9"), VIP: netip.MustParseAddr(lab.VIP),
		Version: 3, VRID: 51, Priority: 50, Interval: 300 * time.Millisecond,
	}
	for range 3 {
		p.lab.Deliver(p.lab.Routers[0], forged.Frame())
	}
	p.shows("show vrrp group 51", "Rival Master is 192.0.2.9, priority is 50")
	p.shows("show vrrp explain group 51", "192.0.2.9 also claims to be Master, with priority 50")
	p.shows("show vrrp group 51 | json", `"kind": "master",`)
	forged.Priority = 0
	p.lab.Deliver(p.lab.Routers[0], forged.Frame())
	lab.Until(p.t, patience, "the rival is gone", func() error {
		if out := p.r1.Show("show", "vrrp", "group", "51"); strings.Contains(out, "Rival") {
			return errors.New(out)
		}
		return nil
	})
}

// split separates r1 from the segment, and joins it again.
func (p *repairing) split() {
	r1 := p.lab.Routers[0]
	ping := p.lab.Ping(lab.VIP)
	defer ping.Stop()
	p.lab.Partition(r1)
	p.are(p.r2, "Master")
	ping.WaitAnswer(time.Now(), patience)
	healed := time.Now()
	p.lab.Heal(r1)
	p.are(p.r2, "Backup")
	ping.WaitAnswer(time.Now(), patience)
	// Without an announcement the host would send to r2 for many more seconds.
	if out := ping.Longest(healed); out.Length() > 3*time.Second {
		p.t.Errorf("after the split the pings were unanswered for %v", out.Length())
	}
	if !slices.ContainsFunc(p.wire.Frames("r1", healed), func(f lab.Frame) bool {
		_, ok := lab.GratuitousARP(f, lab.VIP)
		return ok
	}) {
		p.t.Error("after the split the address is not announced")
	}
}

// mac gives the interface another MAC address.
func (p *repairing) mac() {
	since := time.Now()
	const mac = "02:00:00:00:00:99"
	p.lab.Routers[0].IP("link set eth0 address " + mac)
	p.wire.Wait("r1", since, patience, "an advert from the new MAC address", func(a lab.Advert) bool {
		return a.VRID == 51 && a.MAC.String() == mac
	})
	lab.Until(p.t, patience, "the host has the new MAC address", func() error {
		if got := p.lab.Host.Neighbor(lab.VIP); got != mac {
			return fmt.Errorf("it has the MAC %s", got)
		}
		return nil
	})
}

// primary removes the interface's IPv4 address, and adds it again.
func (p *repairing) primary() {
	r1 := p.lab.Routers[0]
	r1.IP("addr del " + r1.Addr + "/24 dev eth0")
	p.are(p.r1, "Init", 51, 52)
	p.are(p.r1, "Master", 53, 54)
	p.shows("show vrrp explain group 51", "eth0 has no IPv4 address to send adverts from.")
	p.are(p.r2, "Master", 51, 52)
	r1.IP("addr add " + r1.Addr + "/24 dev eth0")
}

// rename renames the interface, and restores its name.
func (p *repairing) rename() {
	r1 := p.lab.Routers[0]
	r1.IP("link set eth0 down", "link set eth0 name lan7", "link set lan7 up")
	p.are(p.r1, "Init")
	p.shows("show vrrp explain group 52", "interface eth0 does not exist.")
	p.are(p.r2, "Master")
	if links := strings.Join(r1.Links(), " "); strings.Contains(links, "standby") {
		p.t.Errorf("under another name r1 has the interfaces %s", links)
	}
	r1.IP("link set lan7 down", "link set lan7 name eth0", "link set eth0 up")
}

// vanish deletes the interface, and adds another one.
func (p *repairing) vanish() {
	r1 := p.lab.Routers[0]
	r1.IP("link del eth0")
	p.are(p.r1, "Init")
	p.shows("show vrrp explain group 53", "interface eth0 does not exist.")
	p.are(p.r2, "Master")
	p.lab.Plug(r1)
}
