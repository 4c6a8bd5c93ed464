// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// whereIs asks for an address and returns the MAC that the answer names.
func whereIs(t *testing.T, h *harness, addr netip.Addr) string {
	t.Helper()
	h.station.Send(arpRequest(addr))
	for {
		raw, ok := h.station.Receive(5 * time.Second)
		if !ok {
			t.Fatalf("no answer for %v", addr)
		}
		p, err := frame.Parse(raw)
		must(t, err)
		if p.Kind == frame.ARP && p.Operation == 2 && p.SenderIP == addr {
			return answer1(addr, p.SenderMAC)
		}
	}
}

// tables returns the names of all tables of nftables, by family.
func (h *harness) tables() []string {
	h.t.Helper()
	var names []string
	must(h.t, inside(h.router, func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		all, err := conn.ListTables()
		for _, table := range all {
			names = append(names, map[nftables.TableFamily]string{
				nftables.TableFamilyARP: "arp ", nftables.TableFamilyIPv6: "ip6 ", nftables.TableFamilyNetdev: "netdev ", nftables.TableFamilyINet: "inet ",
			}[table.Family]+table.Name)
		}
		return err
	}))
	return names
}

// TestOwnedAddressIsAtTheVirtualMAC follows the interface's own address through the life of an owner.
func TestOwnedAddressIsAtTheVirtualMAC(t *testing.T) {
	h := newHarness(t)
	second := netip.MustParsePrefix("10.9.0.3/24")
	h.AddLink("up0", primary4, second)
	own := h.Kernel().Links["up0"].MAC
	a := onUp0(t, h, 1, true, vip4)
	a.Owned = []netip.Addr{primary4.Addr()}
	virtual, before := a.MAC, h.Kernel()
	look := func(when string, want frame.MAC) {
		t.Helper()
		for addr, mac := range map[netip.Addr]frame.MAC{primary4.Addr(): want, second.Addr(): own} {
			if got := whereIs(t, h, addr); got != answer1(addr, mac) {
				t.Errorf("%s, %s, want it at %x", when, got, mac)
			}
		}
	}
	look("before", own)
	mustApply(t, h.system, a)
	look("as Master", virtual)
	standby := a
	standby.Active = false
	mustApply(t, h.system, standby)
	look("as Backup", own)
	mustApply(t, h.system, a)
	h.FlushFilter()
	for end := time.Now().Add(5 * time.Second); whereIs(t, h, primary4.Addr()) != answer1(primary4.Addr(), virtual); {
		if time.Now().After(end) {
			t.Fatal("the rules were not restored")
		}
	}

	// Another process continues, and the next one cleans up after a crash.
	left, err := h.system.Leave()
	must(t, err)
	h.Restart()
	must(t, h.system.Adopt(left))
	look("handed over", virtual)
	h.Crash()
	look("after a crash", virtual)
	must(t, h.system.Recover())
	look("recovered", own)
	if got := h.tables(); len(got) > 0 {
		t.Errorf("recovered, the tables are %q", got)
	}

	mustApply(t, h.system, a)
	h.SetMAC("up0", frame.MAC{2, 0, 0, 0, 0, 5})
	own = frame.MAC{2, 0, 0, 0, 0, 5}
	look("with another MAC", virtual)
	if got := strings.Join(h.tables(), ", "); !strings.Contains(got, "arp vrrpsh") || !strings.Contains(got, "netdev vrrpsh") {
		t.Errorf("the tables are %q", got)
	}
	must(t, h.system.Close())
	h.SetMAC("up0", before.Links["up0"].MAC)
	own = before.Links["up0"].MAC
	look("after the end", own)
	if got := h.tables(); len(got) > 0 {
		t.Errorf("after the end the tables are %q", got)
	}
	h.Restart()
	sameKernel(t, "after the end", before, h.Kernel())
}

// TestOwnerRulesAreLeftAlone holds that a comparison does not rebuild rules that are in the kernel, however long ago they were made.
func TestOwnerRulesAreLeftAlone(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	a := onUp0(t, h, 1, true, vip4)
	a.Owned = []netip.Addr{primary4.Addr()}
	mustApply(t, h.system, a)
	h.system.applying.Lock()                                                   // the guard may use it
	must(t, h.system.owner.link.SetReadDeadline(time.Now().Add(-time.Second))) // as it is filterTime later
	h.system.applying.Unlock()

	var n *notifications
	must(t, inside(h.router, func() (err error) {
		n, err = openNotifications(unix.NETLINK_NETFILTER, answerBuffer, unix.NFNLGRP_NFTABLES)
		return err
	}))
	defer func() { _ = n.file.Close() }()
	reconcile(t, h)
	messages, err := n.read(false)
	must(t, err)
	if len(messages) > 0 {
		t.Errorf("nftables were changed: %d messages", len(messages))
	}
}

// TestOwnerRulesAreTriedAgain holds that a comparison retries rules, their repair and their removal when nftables has
// refused them, and when only the answer was lost.
func TestOwnerRulesAreTriedAgain(t *testing.T) {
	for _, done := range []bool{false, true} {
		h := newHarness(t)
		h.AddLink("up0", primary4)
		a := onUp0(t, h, 1, true, vip4)
		a.Owned = []netip.Addr{primary4.Addr()}
		standby := a
		standby.Active = false
		all := []string{"arp vrrpsh", "ip6 vrrpsh", "netdev vrrpsh"}
		steps := []struct {
			name string
			do   func()
			want []string
		}{
			{"installed", func() { mustApply(t, h.system, a) }, all},
			{"removed by others", h.FlushFilter, all},
			{"not wanted any more", func() { mustApply(t, h.system, standby) }, nil},
		}
		for _, step := range steps {
			fail := true
			h.system.applying.Lock() // the guard may use it
			h.system.owner.inject = func(now bool) error {
				if fail && now == done {
					return unix.ENOBUFS
				}
				return nil
			}
			h.system.applying.Unlock()
			step.do()
			if _, _, err := h.system.Reconcile(); !done && !errors.Is(err, unix.ENOBUFS) {
				t.Errorf("%s: while it is refused, the comparison returns %v", step.name, err)
			}
			h.system.applying.Lock()
			fail = false
			h.system.applying.Unlock()
			reconcile(t, h)
			got := h.tables()
			if slices.Sort(got); !slices.Equal(got, step.want) {
				t.Errorf("%s, carried out %t: the tables are %q, want %q", step.name, done, got, step.want)
			}
		}
	}
}

// TestOwnerRulesThatCannotBeRemovedStayRecorded holds that the next run removes them by their name, which only this run has known.
func TestOwnerRulesThatCannotBeRemovedStayRecorded(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.system.gate.name, h.system.owner.name = "vrrpsh-4711", "vrrpsh-4711" // as beside another router
	a := onUp0(t, h, 1, true, vip4)
	a.Owned = []netip.Addr{primary4.Addr()}
	mustApply(t, h.system, a)
	h.system.owner.inject = func(bool) error { return unix.ENOBUFS }
	if err := h.system.Close(); !errors.Is(err, unix.ENOBUFS) {
		t.Errorf("close: %v", err)
	}
	h.Restart()
	must(t, h.system.Recover())
	if got := h.tables(); len(got) > 0 {
		t.Errorf("the tables are %q", got)
	}
}

// TestTablesOfAnEarlierRunAreRemovedBesideOurs holds that tables with the name of an earlier run do not stay when they could not be
// removed before this run has made its own.
func TestTablesOfAnEarlierRunAreRemovedBesideOurs(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.system.gate.name, h.system.owner.name = "vrrpsh-4711", "vrrpsh-4711" // as beside another router
	owner, shut := onUp0(t, h, 1, true, vip4), onUp0(t, h, 2, true, netip.MustParsePrefix("10.9.0.102/24"))
	owner.Owned, shut.Closed = []netip.Addr{primary4.Addr()}, true
	mustApply(t, h.system, owner, shut)
	h.Crash()
	refuse := func(bool) error { return unix.ENOBUFS }
	h.system.gate.inject, h.system.owner.inject = refuse, refuse
	if err := h.system.Recover(); !errors.Is(err, unix.ENOBUFS) {
		t.Fatalf("recover: %v", err)
	}
	h.system.gate.inject, h.system.owner.inject = nil, nil
	mustApply(t, h.system, owner, shut)
	reconcile(t, h)
	got, want := h.tables(), []string{"arp vrrpsh", "inet vrrpsh", "ip6 vrrpsh", "netdev vrrpsh"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the tables are %q, want %q", got, want)
	}
	look := whereIs(t, h, primary4.Addr())
	if look != answer1(primary4.Addr(), owner.MAC) {
		t.Errorf("the owner: %s", look)
	}
}

// TestClosedAgainAfterALostAnswer checks that a Master's addresses are closed although the removal of the table, which the kernel carried out,
// has failed before.
func TestClosedAgainAfterALostAnswer(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	a := onUp0(t, h, 1, true, vip4)
	a.Closed = true
	mustApply(t, h.system, a)
	h.system.gate.inject = func(done bool) error {
		if done {
			return unix.ENOBUFS
		}
		return nil
	}
	a.Active = false
	_ = h.system.Apply([]platform.Attachment{a})
	h.system.gate.inject = nil
	if got := h.tables(); len(got) > 0 {
		t.Fatalf("the tables are %q", got)
	}
	a.Active = true
	mustApply(t, h.system, a)
	if got := h.tables(); !slices.Equal(got, []string{"inet vrrpsh"}) {
		t.Errorf("the tables are %q", got)
	}
}

// TestKernelWithoutTheFamilyInet checks that on a kernel that has nftables but not the family inet there is nothing to remove, of an
// earlier run or of this one.
func TestKernelWithoutTheFamilyInet(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.system.gate.name = "vrrpsh-4711" // as beside another router
	a := onUp0(t, h, 1, true, vip4)
	a.Closed = true
	mustApply(t, h.system, a)
	h.Crash()
	h.FlushFilter()
	h.system.gate.inject = func(bool) error { return unix.EOPNOTSUPP }
	if err := h.system.Recover(); err != nil {
		t.Errorf("recover: %v", err)
	}
	if err := h.system.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
