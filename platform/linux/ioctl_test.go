// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// TestIOCTL covers every event for addresses and a MAC that are set by ioctl.
func TestIOCTL(t *testing.T) {
	h := newHarness(t)
	own := netip.MustParsePrefix("10.9.0.1/24")
	h.AddLink("up0", own)
	before := h.Kernel()
	vips := []netip.Prefix{
		netip.MustParsePrefix("10.9.0.254/24"), netip.MustParsePrefix("10.9.0.253/32"), netip.MustParsePrefix("10.77.0.1/16"),
	}
	vmac := [6]byte{0, 0, 0x5e, 0, 1, 51}
	a := platform.Attachment{
		ID:   platform.ID{Link: "up0", Family: platform.IPv4, VRID: 51},
		Link: before.Links["up0"].Index, MAC: vmac, SetMAC: true, IOCTL: true, Addrs: vips, Present: true, Active: true,
	}
	apply := func(a platform.Attachment) {
		t.Helper()
		must(t, h.system.Apply([]platform.Attachment{a})[0])
	}
	// labels returns the addresses of the interface by label.
	labels := func() map[string]string {
		t.Helper()
		all, err := h.r.AddrList(h.link("up0"), netlink.FAMILY_V4)
		must(t, err)
		m := make(map[string]string)
		for _, x := range all {
			m[x.Label] = x.IPNet.String()
		}
		return m
	}
	want := func(when string, want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, labels()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", when, diff)
		}
	}
	all := map[string]string{
		"up0": "10.9.0.1/24", "up0:51": "10.9.0.254/24", "up0:51-1": "10.9.0.253/32", "up0:51-2": "10.77.0.1/16",
	}
	standby := a
	standby.Active = false
	restored := func(when string) {
		t.Helper()
		same := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
		if diff := cmp.Diff(before.Links, h.Kernel().Links, same...); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", when, diff)
		}
	}

	apply(standby)
	restored("as Backup")
	lost := make(chan platform.ID, 100)
	foreign := make(chan netip.Prefix, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	watch := func() {
		system := h.system
		go func() {
			ended <- system.Watch(ctx, func(u platform.Update) {
				for _, l := range u.Links {
					for _, p := range l.Addrs {
						if l.Name == "up0" && p != own && p.Addr().Is4() {
							foreign <- p
						}
					}
				}
				for _, id := range u.Lost {
					lost <- id
				}
				if u.Diverged { // at the beginning
					missing, _, err := system.Reconcile()
					if err != nil {
						t.Error(err)
					}
					for _, id := range missing {
						lost <- id
					}
				}
			})
		}()
	}
	watch()
	apply(a)
	want("as Master", all)
	if mac := h.Kernel().Links["up0"].MAC; mac != vmac {
		t.Errorf("the MAC is %x, want %x", mac, vmac)
	}
	apply(a)
	want("the same again", all)

	// A removal by another program is reported and undone.
	h.DelAddr("up0", vips[0])
	select {
	case id := <-lost:
		if id != a.ID {
			t.Errorf("lost is %v", id)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a removed address is not reported")
	}
	apply(a)
	want("put back", all)

	// One address less: the others keep their labels.
	fewer := a
	fewer.Addrs = slices.Clone(vips[1:])
	apply(fewer)
	want("one less", map[string]string{"up0": "10.9.0.1/24", "up0:51-1": "10.9.0.253/32", "up0:51-2": "10.77.0.1/16"})
	apply(standby)
	restored("as Backup again")
	apply(a)
	want("as Master again", all)
	cancel()
	must(t, <-ended)
	select {
	case p := <-foreign:
		t.Errorf("%v was taken for an address of another program", p)
	default:
	}

	h.Crash()
	want("after a crash", all)
	must(t, h.system.Recover())
	restored("after recovery")
	apply(a)
	must(t, h.system.Close())
	restored("after close")
	h.Restart()
}

// TestLabelsThatCannotBeRemovedAreTriedAgain holds that a comparison removes what an earlier run has set by ioctl, whatever request
// of the recovery was refused.
func TestLabelsThatCannotBeRemovedAreTriedAgain(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	before := h.Kernel()
	a := onUp0(t, h, 51, false, vip4)
	a.IOCTL = true
	for refused := (injector{at: 1}); ; refused = (injector{at: refused.at + 1}) {
		mustApply(t, h.system, a)
		h.Crash()
		h.system.change.inject = refused.inject
		refused.step = "recovery"
		err := h.system.Recover()
		h.system.change.inject = nil
		if refused.hit == "" {
			must(t, err)
			break
		}
		if !errors.Is(err, unix.ENOBUFS) {
			t.Errorf("request %d was refused, and the recovery returns %v", refused.at, err)
		}
		reconcile(t, h)
		sameKernel(t, "after the comparison", before, h.Kernel())
	}
}
