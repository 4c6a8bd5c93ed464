// SPDX-License-Identifier: GPL-3.0-only

package fake_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

var errCall = errors.New("refused")

// failing makes one call fail, the nth of its kind.
func failing(c fake.Call, nth int, done bool) fake.Faults {
	return fake.Faults{Call: func(call fake.Call, _ string) (bool, error) {
		if call == c {
			if nth--; nth == 0 {
				return done, errCall
			}
		}
		return false, nil
	}}
}

// names are those of the router's interfaces.
func names(r *fake.Router) (names []string) {
	for _, k := range r.Links() {
		names = append(names, k.Name)
	}
	return names
}

// TestCallsThatFail checks that the next Apply, Reconcile or Recover repairs what failed calls of Apply left behind.
func TestCallsThatFail(t *testing.T) {
	for _, tt := range []struct {
		call fake.Call
		done bool
	}{
		{call: fake.CallCreate}, {call: fake.CallCreate, done: true}, {call: fake.CallFind}, {call: fake.CallMark},
		{call: fake.CallAdd}, {call: fake.CallAdd, done: true}, {call: fake.CallUp},
	} {
		t.Run(string(tt.call), func(t *testing.T) {
			b := newBox(t, fake.NewLAN(), "r1", "10.0.0.1/24")
			a := platform.Attachment{
				ID: platform.ID{Link: "eth0", Family: platform.IPv4, VRID: 7}, Link: b.index, Macvlan: true, Name: "vrrp7",
				MAC: vmac, Addrs: []netip.Prefix{vip}, Present: true, Active: true,
			}
			b.SetFaults(failing(tt.call, 1, tt.done))
			if err := b.system.Apply([]platform.Attachment{a})[0]; !errors.Is(err, errCall) {
				t.Fatalf("Apply: %v", err)
			}
			if lost, _, err := b.system.Reconcile(); err != nil || !slices.Equal(lost, []platform.ID{a.ID}) && tt.call != fake.CallAdd {
				t.Errorf("Reconcile: %v, %v", lost, err)
			}
			if err := b.system.Apply([]platform.Attachment{a})[0]; err != nil || !b.Has(vip.Addr()) {
				t.Errorf("the next Apply: %v, %v", err, b.Links())
			}
			if lost, _, err := b.system.Reconcile(); err != nil || len(lost) > 0 {
				t.Errorf("Reconcile after it: %v, %v", lost, err)
			}
			b.Kill()
			if err := b.Boot().Recover(); err != nil || !slices.Equal(names(b.Router), []string{"eth0"}) {
				t.Errorf("Recover leaves %v: %v", names(b.Router), err)
			}
		})
	}
	t.Run("remove", func(t *testing.T) {
		b := newBox(t, fake.NewLAN(), "r1", "10.0.0.1/24")
		b.hold(t, true)
		b.SetFaults(failing(fake.CallRemove, 1, false))
		a := platform.Attachment{ID: platform.ID{Link: "eth0", Family: platform.IPv4, VRID: 7}, Link: b.index, Macvlan: true, Name: "vrrp7", MAC: vmac, Present: true}
		if err := b.system.Apply([]platform.Attachment{a})[0]; !errors.Is(err, errCall) || !b.Has(vip.Addr()) {
			t.Fatalf("Apply: %v", err)
		}
		if err := b.system.Apply([]platform.Attachment{a})[0]; err != nil || b.Has(vip.Addr()) {
			t.Errorf("the next Apply: %v", err)
		}
	})
	t.Run("delete, reconciled", func(t *testing.T) {
		b := newBox(t, fake.NewLAN(), "r1", "10.0.0.1/24")
		b.hold(t, true)
		b.SetFaults(failing(fake.CallDelete, 1, false))
		if err := b.system.Apply([]platform.Attachment{{ID: platform.ID{Link: "eth0", Family: platform.IPv4, VRID: 7}, Link: b.index}})[0]; !errors.Is(err, errCall) {
			t.Fatalf("Apply: %v", err)
		}
		if _, _, err := b.system.Reconcile(); err != nil || !slices.Equal(names(b.Router), []string{"eth0"}) {
			t.Errorf("Reconcile leaves %v: %v", names(b.Router), err)
		}
	})
	t.Run("delete", func(t *testing.T) {
		b := newBox(t, fake.NewLAN(), "r1", "10.0.0.1/24")
		b.hold(t, true)
		b.SetFaults(failing(fake.CallDelete, 1, false))
		if err := b.system.Close(); !errors.Is(err, errCall) {
			t.Fatalf("Close: %v", err)
		}
		if err := b.Boot().Recover(); err != nil || !slices.Equal(names(b.Router), []string{"eth0"}) {
			t.Errorf("Recover leaves %v: %v", names(b.Router), err)
		}
	})
}

// TestMTU: too small an MTU takes IPv6 away, and the memberships do not come back with it.
func TestMTU(t *testing.T) {
	lan := fake.NewLAN()
	r1, r2 := newBox(t, lan, "r1", "fe80::1/64"), newBox(t, lan, "r2", "fe80::2/64")
	for _, r := range []*box{r1, r2} {
		if _, err := r.system.Open(r.index, platform.IPv6, netip.Addr{}); err != nil {
			t.Fatal(err)
		}
	}
	advert := []platform.Frame{{Link: r1.index, MAC: vmac, Source: netip.MustParseAddr("fe80::1"), Payload: make([]byte, 24)}}
	heard := func() int {
		t.Helper()
		if _, err := r1.system.Send(advert); err != nil {
			t.Fatal(err)
		}
		n, err := r2.system.Recv(make([]platform.Packet, 4))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if heard() != 1 {
		t.Error("it hears nothing at first")
	}
	for _, mtu := range []int{1200, 1500} {
		if err := r2.SetMTU("eth0", mtu); err != nil {
			t.Fatal(err)
		}
		if has := r2.Has(netip.MustParseAddr("fe80::2")); has != (mtu == 1500) {
			t.Errorf("with an MTU of %d it has its address: %t", mtu, has)
		}
	}
	if heard() != 0 {
		t.Error("it has not lost the membership")
	}
	if err := r1.SetMTU("eth0", 60); err != nil {
		t.Fatal(err)
	}
	if _, err := r1.system.Send(advert); err == nil {
		t.Error("it sends without IPv6")
	}
}

// TestDetach: an interface that is back before anybody has looked has only changed, but its sockets are gone.
func TestDetach(t *testing.T) {
	b := newBox(t, fake.NewLAN(), "r1", "10.0.0.1/24")
	b.hold(t, true)
	b.system.News()
	attach, err := b.Detach("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Links()) != 0 {
		t.Errorf("it still has %v", b.Links())
	}
	if err := attach(); err != nil {
		t.Fatal(err)
	}
	if u, _ := b.system.News(); len(u.Links) != 1 || u.Links[0].Index != b.index || slices.Contains(u.Gone, b.index) || len(u.Lost) != 1 {
		t.Errorf("told of %+v", u)
	}
	if _, err := b.system.Send([]platform.Frame{{Link: b.index, MAC: vmac, Source: netip.MustParseAddr("10.0.0.1"), Payload: make([]byte, 12)}}); !errors.Is(err, platform.ErrNoLink) {
		t.Errorf("Send: %v", err)
	}
	b.LoseNews()
	if u, whole := b.system.News(); !whole || len(u.Links) != 1 || b.system.HasNews() {
		t.Errorf("after a loss: %+v, whole: %t", u, whole)
	}
}

// TestCarry: frames can be brought later, changed, and more than once, by another clock.
func TestCarry(t *testing.T) {
	lan := fake.NewLAN()
	r1, r2 := newBox(t, lan, "r1", "10.0.0.1/24"), newBox(t, lan, "r2", "10.0.0.2/24")
	then := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	lan.SetClock(func() time.Time { return then })
	var under []func()
	lan.SetCarry(func(from, to string, b []byte, deliver func([]byte)) {
		if from != "r1" || to != "r2" {
			t.Errorf("from %s to %s", from, to)
		}
		b = slices.Clone(b)
		under = append(under, func() { deliver(b) })
	})
	lan.Tap(func(f fake.Frame) {
		if f.Packet.Kind != frame.Advert || !f.Time.Equal(then) {
			t.Errorf("%+v", f)
		}
	})
	r1.advertise(t)
	if r2.system.Ready() {
		t.Error("it is there at once")
	}
	under[0]()
	under[0]()
	if !r2.system.Ready() {
		t.Error("nothing waits")
	}
	if n, err := r2.system.Recv(make([]platform.Packet, 4)); n != 2 || err != nil {
		t.Errorf("%d packets: %v", n, err)
	}
	if r2.system.Ready() {
		t.Error("something still waits")
	}
}
