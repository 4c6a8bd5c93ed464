// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestAnnouncements counts the announcements of a new Master, with counts and delays other than the defaults, in both families.
// It checks that those of many addresses are spread over time, and that a shut down virtual router hands over and comes back.
func TestAnnouncements(t *testing.T) {
	parallel(t)
	const (
		repeat, delay = 3, time.Second
		refresh       = time.Second // of the virtual router with refreshes, which sends single announcements
		crowd, each   = 3, 200      // virtual routers with many addresses
		rate, burst   = 2000, 32    // announcements per second, and the largest burst
	)
	l := lab.New(t, 2)
	wire := l.Capture()
	v4, v6 := fast, fast6
	v4.Extra = fmt.Sprintf("description = \"to the office\"\ngarp_repeat = %d\ngarp_delay = %q\n", repeat, delay)
	v6.Extra = v4.Extra
	config := v4.Table(200) + "\n" + v6.Table(200)
	more := func(group int, vips, extra string) {
		config += fmt.Sprintf("\n[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\nadvertise_interval = \"200ms\"\n"+
			"vips = [%s]\ngarp_repeat = 1\ngarp_delay = \"0s\"\n%s", group, vips, extra)
	}
	const refreshed = "192.0.2.101"
	more(vrid+1, fmt.Sprintf("%q", refreshed), fmt.Sprintf("garp_refresh = %q\n", refresh))
	for g := range crowd {
		var vips []string
		for i := range each {
			vips = append(vips, fmt.Sprintf("\"10.9.%d.%d/32\"", g, i+1))
		}
		more(vrid+2+g, strings.Join(vips, ", "), "")
	}
	r1 := l.VrrpshFile(bin, l.Routers[0], config)
	start := time.Now()
	r1.Start()

	// announced returns the times of all announcements of an address so far.
	announced := func(addr string) []time.Time {
		var at []time.Time
		for _, f := range wire.Frames("r1", start) {
			_, arp := lab.GratuitousARP(f, addr)
			if _, nd := lab.Announced6(f, addr); arp || nd {
				at = append(at, f.Time)
			}
		}
		return at
	}
	wait := func(addr string, n int) {
		t.Helper()
		lab.Until(t, patience, fmt.Sprintf("%d announcements of %s", n, addr), func() error {
			if got := len(announced(addr)); got < n {
				return fmt.Errorf("%d so far", got)
			}
			return nil
		})
	}
	counted := []string{lab.VIP, lab.VIP6, lab.VIP6Global}
	for _, addr := range counted {
		wait(addr, 2*repeat)
	}
	wait(refreshed, 5)
	for _, addr := range counted {
		at := announced(addr)
		if len(at) != 2*repeat {
			t.Errorf("%s was announced %d times, want two rounds of %d", addr, len(at), repeat)
			continue
		}
		// Delays of the machine make the time longer, or, between a late announcement and a punctual one, a little shorter.
		if d := at[repeat].Sub(at[0]); d < delay*8/10 {
			t.Errorf("%s: the second round came after %v, want %v", addr, d, delay)
		}
	}
	at := announced(refreshed)
	if span := at[len(at)-1].Sub(at[0]); span < time.Duration(len(at)-1)*refresh*8/10 {
		t.Errorf("%s was announced %d times in %v, want once in %v", refreshed, len(at), span, refresh)
	}

	first := map[netip.Addr]time.Time{}
	var from, to time.Time
	for _, f := range wire.Frames("r1", start) {
		addr, ok := lab.AnnouncedByARP(f)
		if !ok || !strings.HasPrefix(addr.String(), "10.9.") {
			continue
		}
		if !first[addr].IsZero() {
			t.Fatalf("%v was announced again", addr)
		}
		if first[addr] = f.Time; from.IsZero() {
			from = f.Time
		}
		to = f.Time
	}
	if len(first) != crowd*each {
		t.Errorf("%d addresses were announced, want %d", len(first), crowd*each)
	}
	if least := time.Duration(crowd*each-burst) * time.Second / rate; to.Sub(from) < least*8/10 {
		t.Errorf("%d announcements took %v, want at least %v", len(first), to.Sub(from), least)
	}

	// Shut down, and back.
	peer := l.Keepalived(l.Routers[1], fast)
	peer.SetPriority(100)
	peer.Start()
	if out := r1.Show("show", "vrrp", "interface", "eth0", "group", "51"); !strings.Contains(out, "to the office") {
		t.Errorf("show vrrp does not show the description:\n%s", out)
	}
	of51 := func(port string, since time.Time, what string, match func(lab.Advert) bool) lab.Advert {
		t.Helper()
		return wire.Wait(port, since, patience, what, func(a lab.Advert) bool { return a.VRID == vrid && a.Src.Is4() && match(a) })
	}
	since := time.Now()
	r1.Script("configure", "interface eth0 vrrp 51 shutdown", "commit", "end")
	resigned := of51("r1", since, "r1 resigns", func(a lab.Advert) bool { return a.Priority == 0 })
	of51("r2", since, "the peer takes over", func(a lab.Advert) bool { return a.Priority == 100 })
	lab.Until(t, patience, "the address is on r2 only", func() error {
		if l.Routers[0].Holds(lab.VIP) != "" || l.Routers[1].Holds(lab.VIP) == "" {
			return errNotYet
		}
		return nil
	})
	for _, a := range wire.Adverts("r1", resigned.Time) {
		if a.VRID == vrid && a.Src.Is4() && a.Priority != 0 {
			t.Errorf("it sends %v although it is shut down", a)
		}
	}
	if out := r1.Show("show", "vrrp", "brief"); !strings.Contains(out, "INIT") {
		t.Errorf("show vrrp brief:\n%s", out)
	}
	since = time.Now()
	r1.Script("configure", "interface eth0 vrrp 51 no shutdown", "commit", "end")
	of51("r1", since, "r1 is Master again", func(a lab.Advert) bool { return a.Priority == 200 })
	r1.Stop()
}
