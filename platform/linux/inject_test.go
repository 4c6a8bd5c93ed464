// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

var injectAll = flag.Bool("inject-all", false, "make every request fail in turn, which takes minutes, instead of some")

// injector makes requests to the kernel fail, beginning with request number at, before or after their execution.
type injector struct {
	at    int
	more  int // number that fail after the first
	done  bool
	count int
	hit   string // the step of that request
	step  string
}

func (i *injector) inject(done bool) error {
	if done != i.done {
		return nil
	}
	if i.count++; i.count < i.at || i.count > i.at+i.more {
		return nil
	}
	if i.hit == "" {
		i.hit = i.step
	}
	return unix.ENOBUFS
}

// use makes a System's requests fail.
func (i *injector) use(s *System) {
	s.change.inject, s.gate.inject, s.owner.inject = i.inject, i.inject, i.inject
}

// life is a System during the life of a router, with the actuator's reactions to errors.
type life struct {
	t *testing.T
	h *harness
	injector
	// states has the kernel state after each step, by name.
	states map[string][]string
}

// try repeats a step until it succeeds, with a comparison after each attempt, like the loop.
func (l *life) try(step string, do func() error) {
	l.t.Helper()
	l.step = step
	for attempt := 1; ; attempt++ {
		err := do()
		lost, routesLost, reconcileErr := l.h.system.Reconcile()
		if err == nil && reconcileErr == nil && len(lost) == 0 && !routesLost {
			break
		}
		if attempt == 4+l.more {
			l.t.Fatalf("%s does not succeed: %v, %v, lost %v, routes %t", l, err, reconcileErr, lost, routesLost)
		}
	}
	l.states[step] = picture(l.t, l.h)
}

func (l *life) String() string {
	return fmt.Sprintf("request %d and %d more failed (carried out: %t) in %q", l.at, l.more, l.done, l.hit)
}

func (l *life) apply(batch ...platform.Attachment) func() error {
	return func() error { return errors.Join(l.h.system.Apply(batch)...) }
}

func (l *life) routes(routes ...platform.Route) func() error {
	return func() error { return errors.Join(l.h.system.SetRoutes(routes)...) }
}

// restart opens another System, whose requests fail, too.
func (l *life) restart() {
	l.h.Restart()
	l.use(l.h.system)
}

// live runs through the life of a router.
func (l *life) live() {
	h := l.h
	pfx := netip.MustParsePrefix
	ether, macvlan := onUp0(l.t, h, 1, false, pfx("10.9.0.101/24"), pfx("203.0.113.1/24")), onUp0(l.t, h, 2, true, pfx("10.9.0.102/24"), pfx("198.51.100.1/25"))
	macvlan.Owned = []netip.Addr{netip.MustParseAddr("10.9.0.77")}
	six := onUp0(l.t, h, 3, true, pfx("fe80::3/64"), pfx("2001:db8:1::1/64"))
	six.ID.Family, six.MAC = platform.IPv6, [6]byte{0, 0, 0x5e, 0, 2, 3}
	shut := onUp0(l.t, h, 4, true, pfx("10.9.0.104/24"))
	shut.Closed = true
	virtual := onUp0(l.t, h, 5, false, pfx("10.8.0.105/24"))
	virtual.ID.Link, virtual.Link, virtual.SetMAC = "up1", h.link("up1").Attrs().Index, true
	all := []platform.Attachment{ether, macvlan, six, shut, virtual}
	with := func(change func(*platform.Attachment)) []platform.Attachment {
		list := slices.Clone(all)
		for i := range list {
			change(&list[i])
		}
		return list
	}
	standby := with(func(a *platform.Attachment) { a.Active = false })
	route := platform.Route{Destination: pfx("10.20.0.0/16"), NextHop: netip.MustParseAddr("10.9.0.2"), Active: true}
	through := platform.Route{Destination: pfx("10.30.0.0/16"), NextHop: netip.MustParseAddr("203.0.113.9"), Active: true}
	off := func(r platform.Route) platform.Route { r.Active = false; return r }

	// State left by an earlier run.
	mustApply(l.t, h.system, all...)
	must(l.t, errors.Join(h.system.SetRoutes([]platform.Route{route, through})...))
	h.system.release()
	l.restart()
	l.step = "start"
	_ = h.system.Recover() // whatever fails
	l.try("start", func() error { return nil })

	l.try("standby", l.apply(standby...))
	l.try("master", l.apply(all...))
	l.try("routes", l.routes(route, through))
	l.try("again", l.apply(all...))
	changed := with(func(a *platform.Attachment) {
		if a.ID.VRID == 2 {
			a.Name = "another2"
		}
		a.Addrs = slices.Clone(a.Addrs[:1])
	})
	l.try("withdrawn", l.routes(off(route), off(through)))
	l.try("changed", l.apply(changed...))
	l.try("no route", l.routes())
	l.try("changed back", l.apply(all...))
	l.try("the last route", l.routes(route))

	// A hitless restart.
	l.step = "restart"
	left, err := h.system.Leave()
	must(l.t, err)
	l.restart()
	if err := h.system.Adopt(left); err != nil { // as the driver does: it starts anew
		_ = h.system.Recover()
	}
	l.try("restarted", func() error { return errors.Join(l.apply(all...)(), l.routes(route)()) })

	l.try("backup", l.apply(standby...))
	gone := with(func(a *platform.Attachment) { a.Present, a.Active = false, a.ID.VRID == 99 })
	l.try("removed", l.apply(gone[1:3]...))
	l.try("master once more", l.apply(all...))
	l.step = "stop"
	if err := h.system.Close(); err != nil {
		l.t.Errorf("%s: close: %v", l, err)
	}
	l.states["stopped"] = picture(l.t, h)
	h.Restart()
}

// TestEveryRequestFailsOnce makes each single request to the kernel fail, from the start to the end of a router,
// executed or not: the kernel has the desired state after the next comparison, and its original state at the end.
func TestEveryRequestFailsOnce(t *testing.T) {
	for _, unmarked := range []bool{false, true} { // like kernels that do not record the origin of addresses
		h := newHarness(t)
		h.unmarked, h.system.registry.marks = unmarked, !unmarked && h.system.registry.marks
		everyRequestFailsOnce(t, h)
	}
}

func everyRequestFailsOnce(t *testing.T, h *harness) {
	t.Helper()
	h.AddLink("up0", primary4)
	h.AddLink("up1", netip.MustParsePrefix("10.8.0.1/24"))
	h.AddAddr("up0", netip.MustParsePrefix("10.9.0.77/24"))
	h.AddMacvlan("theirs", "up0")
	before := picture(t, h)
	reference := life{t: t, h: h, states: make(map[string][]string)}
	reference.live()
	if diff := cmp.Diff(before, reference.states["stopped"]); diff != "" {
		t.Fatalf("without any failure: after the stop (-before +after):\n%s", diff)
	}
	total, stride := 0, 29
	if *injectAll {
		stride = 1
	}
	for i, kind := range []injector{{}, {done: true}, {more: 3}, {done: true, more: 3}} {
		for n := 1 + 4*i*min(stride-1, 1); ; n += stride {
			kind.at = n
			l := life{t: t, h: h, injector: kind, states: make(map[string][]string)}
			l.live()
			if l.hit == "" {
				break
			}
			total++
			for step, want := range reference.states {
				if diff := cmp.Diff(want, l.states[step]); diff != "" {
					t.Errorf("%s: after %q (-want +got):\n%s", &l, step, diff)
				}
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d requests failed", total)
}

// picture returns the kernel state, in lines.
func picture(t *testing.T, h *harness) []string {
	t.Helper()
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	links, err := h.r.LinkList()
	must(t, err)
	names := map[int]string{}
	for _, l := range links {
		a := l.Attrs()
		names[a.Index] = a.Name
		add("link %s %s up %t mtu %d alias %q", a.Name, a.HardwareAddr, a.RawFlags&unix.IFF_UP != 0, a.MTU, a.Alias)
		addrs, err := h.r.AddrList(l, netlink.FAMILY_ALL)
		must(t, err)
		for _, x := range addrs {
			if x.IP.IsLinkLocalUnicast() && x.Flags&unix.IFA_F_DEPRECATED == 0 && x.IP.To4() == nil {
				continue
			}
			add("address %s on %s", x.IPNet, a.Name)
		}
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.r.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		must(t, err)
		for _, r := range routes {
			if r.Dst != nil && r.Dst.IP.IsLinkLocalUnicast() {
				continue
			}
			add("route %s via %s dev %s proto %d src %s metric %d", r.Dst, r.Gw, names[r.LinkIndex], r.Protocol, r.Src, r.Priority)
		}
	}
	must(t, inside(h.router, func() error {
		for _, name := range names {
			for _, s := range []string{"forwarding", "proxy_arp", "rp_filter", "arp_filter", "arp_announce", "arp_ignore", "promote_secondaries", "accept_local"} {
				b, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + name + "/" + s)
				if err != nil {
					return err
				}
				add("setting %s.%s %s", name, s, strings.TrimSpace(string(b)))
			}
		}
		return nil
	}))
	tables, err := listTables(h)
	must(t, err)
	for _, name := range tables {
		add("table %s", name)
	}
	slices.Sort(lines)
	return lines
}

func listTables(h *harness) ([]string, error) {
	c, err := nftables.New(nftables.WithNetNSFd(int(h.router)))
	if err != nil {
		return nil, err
	}
	tables, err := c.ListTables()
	var names []string
	for _, table := range tables {
		names = append(names, table.Name)
	}
	return names, err
}

// TestWhatCouldNotBeRemovedBeforeARestart checks that the successor removes leftovers even if no virtual router needs that, if its
// own nftables tables have another name, and if other routers run beside it whose leftovers would look the same.
func TestWhatCouldNotBeRemovedBeforeARestart(t *testing.T) {
	for _, sole := range []bool{true, false} {
		h := newHarness(t)
		h.AddLink("up0", primary4)
		before, beforeAll := h.Kernel(), picture(t, h)
		h.system.gate.name, h.system.owner.name = "vrrpsh-4711", "vrrpsh-4711"
		ether, macvlan := onUp0(t, h, 1, false, vip4), onUp0(t, h, 2, true, netip.MustParsePrefix("10.9.0.102/24"))
		ether.Closed, macvlan.Owned = true, []netip.Addr{primary4.Addr()}
		mustApply(t, h.system, ether, macvlan)
		for _, a := range []*platform.Attachment{&ether, &macvlan} {
			a.Present, a.Active = false, false
		}
		refuse := func(bool) error { return unix.ENOBUFS }
		h.system.change.inject, h.system.gate.inject, h.system.owner.inject = refuse, refuse, refuse
		for _, err := range h.system.Apply([]platform.Attachment{ether, macvlan}) {
			if !errors.Is(err, unix.ENOBUFS) {
				t.Errorf("removed: %v", err)
			}
		}
		left, err := h.system.Leave()
		must(t, err)
		h.Restart()
		h.system.sole = sole
		must(t, h.system.Adopt(left))
		sameKernel(t, "after the restart", before, h.Kernel())
		if diff := cmp.Diff(beforeAll, picture(t, h)); diff != "" {
			t.Errorf("after the restart, alone %t (-want +got):\n%s", sole, diff)
		}
	}
}
