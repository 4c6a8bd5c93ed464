// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// TestClaimedAddress has another station claim the virtual addresses of a Master, by ARP and Neighbor Discovery: hosts that have followed it
// come back, and the router says who it was.
func TestClaimedAddress(t *testing.T) {
	parallel(t)
	for _, macvlan := range []bool{false, true} {
		t.Run(map[bool]string{false: "ether", true: "macvlan"}[macvlan], func(t *testing.T) { claimAddresses(t, macvlan) })
	}
}

func claimAddresses(t *testing.T, macvlan bool) {
	l := lab.New(t, 2)
	v4, v6 := fast, fast6
	v6.VRID = vrid + 1
	v4.Macvlan, v6.Macvlan = macvlan, macvlan
	r1 := l.VrrpshFile(bin, l.Routers[0], v4.Table(200)+"\n"+v6.Table(200))
	r1.Start()
	evil := net.HardwareAddr{0x02, 0xbe, 0xef, 0, 0, 1}
	for _, addr := range []string{lab.VIP, lab.VIP6} {
		to := addr
		if strings.Contains(addr, ":") {
			to += "%eth0"
		}
		var own string
		lab.Until(t, patience, "the host knows "+addr, func() error {
			if _, err := l.Host.Try("ping", "-c", "1", "-W", "1", to); err != nil {
				return err
			}
			if own = l.Host.Neighbor(addr); own == "" {
				return errNotYet
			}
			return nil
		})
		f, err := frame.AppendAnnouncement(nil, &platform.Announcement{MAC: [6]byte(evil), Addr: netip.MustParseAddr(addr), Router: true})
		if err != nil {
			t.Fatal(err)
		}
		var said string
		lab.Until(t, patience, "the claim of "+addr+" is shown", func() error {
			l.Inject(l.Routers[1], f)
			if said = r1.Show("show", "vrrp"); !strings.Contains(said, fmt.Sprintf("Virtual IP address %s is claimed by another host, %s", addr, evil)) {
				return fmt.Errorf("it says\n%s", said)
			}
			return nil
		})
		lab.Until(t, patience, "the host has come back to the Master of "+addr, func() error {
			if now := l.Host.Neighbor(addr); now != own {
				return fmt.Errorf("it has %s, want %s", now, own)
			}
			return nil
		})
	}
	if text := r1.Show("show", "vrrp", "statistics"); strings.Contains(text, "Addresses claimed by other hosts       0\n") {
		t.Errorf("statistics:\n%s", text)
	}
	if !strings.Contains(r1.Log(), evil.String()+" also claims the virtual address") {
		t.Error("the log does not say it")
	}
}

// TestFloodOfClaims floods a Master with forged ARP replies for its address, from any number of MAC addresses: it sends its adverts in time,
// says so in a few lines and answers with a few announcements, the last of them when the flood is over.
func TestFloodOfClaims(t *testing.T) {
	// Not in parallel with other tests: it measures milliseconds.
	require(t)
	const size, rate = 100_000, 20_000
	d := newDuo(t, fast)
	var frames [][]byte
	for i := range 256 {
		f, err := frame.AppendAnnouncement(nil, &platform.Announcement{MAC: [6]byte{0x02, 0xbe, 0xef, 0, 0, byte(i)}, Addr: netip.MustParseAddr(lab.VIP)})
		if err != nil {
			t.Fatal(err)
		}
		f[21] = 2 // a reply
		frames = append(frames, f)
	}
	before := strings.Count(d.r1.Log(), "\n")
	began := time.Now()
	flood := d.lab.Junk(rate, frames)
	lab.Until(t, patience, "the flood is over", func() error {
		if n := flood.Sent(); n < size {
			return fmt.Errorf("%d frames were sent", n)
		}
		return nil
	})
	late := lateness(d.wire.Adverts("r1", began), d.group.Interval)
	t.Logf("late in a flood of %d claims in %s: %s", flood.Sent(), time.Since(began).Round(time.Millisecond), describe(late))
	again := d.late(20, "in a flood")
	flood.Stop()
	over := time.Now()
	if longest := again[len(again)-1]; longest > junkDelay {
		if control := d.late(20, "without a flood"); control[len(control)-1] <= junkDelay {
			t.Errorf("in each of %d attempts an advert was late by more than %v", junkAttempts, junkDelay)
		}
	}
	d.r1.WaitState("Master", time.Second)
	d.r2.WaitState("Backup", time.Second)
	announced := 0
	for _, f := range d.wire.Frames("r1", began) {
		if _, ok := lab.GratuitousARP(f, lab.VIP); ok {
			announced++
		}
	}
	if rounds := 2 + int(over.Sub(began)/(5*time.Second)); announced == 0 || announced > 5*rounds {
		t.Errorf("%d announcements in %s", announced, over.Sub(began))
	}
	if lines := strings.Count(d.r1.Log(), "\n") - before; lines == 0 || lines > floodLines {
		t.Errorf("the flood made %d lines in the log", lines)
	}
	if text := d.r1.Show("show", "vrrp"); !strings.Contains(text, "is claimed by another host, 02:be:ef:00:00:") {
		t.Errorf("it says\n%s", text)
	}
	if strings.Contains(d.r2.Log(), "claims the virtual address") {
		t.Error("the Backup is concerned")
	}
	lab.Until(t, time.Minute, "the last claim is answered", func() error {
		if slices.ContainsFunc(d.wire.Frames("r1", over), func(f lab.Frame) bool { _, ok := lab.GratuitousARP(f, lab.VIP); return ok }) {
			return nil
		}
		return errNotYet
	})
}

// TestTakeOverIsNoClaim has the Master change again and again: what the next Master announces is nobody's claim.
func TestTakeOverIsNoClaim(t *testing.T) {
	parallel(t)
	for _, macvlan := range []bool{false, true} {
		g := fast
		g.Macvlan = macvlan
		d := newDuo(t, g)
		for i := range 10 {
			start, next, priority := time.Now(), d.r1, uint8(250-i%2*200)
			if i%2 == 1 {
				next = d.r2
			}
			d.r1.SetPriority(priority)
			d.wire.WaitMaster(next.Node().Role, start, patience)
			next.WaitState("Master", patience)
		}
		time.Sleep(time.Second) // the rest of the announcements
		for _, v := range []*lab.Vrrpsh{d.r1, d.r2} {
			if strings.Contains(v.Log(), "claims the virtual address") {
				t.Errorf("%s (macvlan: %t) says that an address was claimed", v.Name, macvlan)
			}
			if text := v.Show("show", "vrrp", "statistics"); !strings.Contains(text, "Addresses claimed by other hosts       0\n") {
				t.Errorf("%s (macvlan: %t):\n%s", v.Name, macvlan, text)
			}
		}
	}
}
