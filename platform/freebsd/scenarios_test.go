// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"net/netip"
	"testing"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/platformtest"
)

// harness runs the scenarios that all systems share on a machine.
type harness struct {
	t        *testing.T
	machine  *machine
	system   *System
	stateDir string
	// asked are the prefixes of attachments. The machine has their addresses as host addresses, since
	// on FreeBSD host addresses add no connected route.
	asked map[netip.Addr]netip.Prefix
}

var (
	_ platformtest.Harness = (*harness)(nil)
	_ platformtest.Peer    = (*machine)(nil)
)

func newHarness(t *testing.T) *harness {
	h := &harness{t: t, machine: newMachine(t), stateDir: t.TempDir(), asked: make(map[netip.Addr]netip.Prefix)}
	h.Restart()
	t.Cleanup(func() {
		if err := h.system.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// asking is a System that records the prefixes of its attachments.
type asking struct {
	*System
	h *harness
}

func (a asking) Apply(batch []platform.Attachment) []error {
	for i := range batch {
		for _, p := range batch[i].Addrs {
			a.h.asked[p.Addr()] = p
		}
	}
	return a.System.Apply(batch)
}

func (h *harness) System() platform.System { return asking{h.system, h} }

func (*harness) FlushFilter()                  {}
func (*harness) Ping(netip.Addr, [6]byte) bool { return false } // no scenario for this system uses it

func (h *harness) Crash() {
	h.system.release()
	h.Restart()
}

func (h *harness) Restart() {
	h.t.Helper()
	s, err := newSystem(h.machine.program(), "1700000000", Options{StateDir: h.stateDir})
	if err != nil {
		h.t.Fatal(err)
	}
	h.system = s
}

func (h *harness) AddLink(name string, addrs ...netip.Prefix) { h.machine.addLink(name, addrs...) }

func (h *harness) AddMacvlan(string, string) { h.t.Fatal("FreeBSD has no macvlans") }

func (h *harness) SetPort(string, string) { h.t.Fatal("FreeBSD does not report the master of a port") }

func (h *harness) DelLink(name string) { h.machine.delLink(name) }

func (h *harness) RenameLink(from, to string) {
	h.machine.change(from, messageAnnounce, func(l *machineLink) { l.name = to })
}

func (h *harness) SetUp(name string, up bool) {
	h.machine.change(name, messageLink, func(l *machineLink) { l.up = up })
}

func (h *harness) SetCarrier(name string, up bool) {
	h.machine.change(name, messageLink, func(l *machineLink) { l.carrier = up })
}

// SetMAC sends no message, like FreeBSD.
func (h *harness) SetMAC(name string, mac [6]byte) {
	h.machine.change(name, 0, func(l *machineLink) { l.mac = mac })
}

func (h *harness) AddAddr(name string, p netip.Prefix) {
	h.machine.change(name, messageNewAddr, func(l *machineLink) { l.addrs = append(l.addrs, p) })
}

func (h *harness) DelAddr(name string, p netip.Prefix) {
	h.machine.change(name, messageDelAddr, func(l *machineLink) { l.drop(p.Addr()) })
}

func (l *machineLink) drop(addr netip.Addr) {
	for i, p := range l.addrs {
		if p.Addr() == addr {
			l.addrs = append(l.addrs[:i:i], l.addrs[i+1:]...)
			return
		}
	}
}

func (h *harness) Kernel() platformtest.Kernel {
	h.machine.mu.Lock()
	defer h.machine.mu.Unlock()
	k := platformtest.Kernel{Links: make(map[string]platformtest.Link)}
	for _, l := range h.machine.links {
		out := platformtest.Link{Index: l.index, MAC: l.mac, Up: l.up}
		for _, p := range l.addrs {
			if asked, ok := h.asked[p.Addr()]; ok && p.IsSingleIP() {
				out.Addrs = append(out.Addrs, asked)
				continue
			}
			out.Addrs = append(out.Addrs, p)
			if !p.IsSingleIP() {
				out.Routes = append(out.Routes, p.Masked())
			}
		}
		k.Links[l.name] = out
	}
	return k
}

func (h *harness) Peer() platformtest.Peer { return h.machine }

func (m *machine) Send(frame []byte) { m.transmit(frame) }

func (m *machine) Receive(timeout time.Duration) ([]byte, bool) {
	select {
	case f := <-m.heard:
		return f, true
	case <-time.After(timeout):
		return nil, false
	}
}

// TestScenarios runs the scenarios of all systems, except those that use macvlans. TestRouters and other tests of this
// package cover the behaviour without a macvlan that those scenarios check.
func TestScenarios(t *testing.T) {
	platformtest.Run(t, func(t *testing.T) platformtest.Harness { return newHarness(t) },
		"a macvlan is down unless active",
		"closed addresses accept nothing, or pings only",
		"applying the same again changes nothing",
		"addresses change while active",
		"the type, the name and the VRID change",
		"a foreign interface of the macvlan's name is a conflict",
		"an interface that does not exist",
		"lost state is restored",
		"many routers in one batch",
		"adverts go out as the protocol requires",
		"an advert from the virtual MAC of an active macvlan comes in once",
		"announcements are heard",
		"links are reported with their own addresses only",
		"a link becomes a port of a bridge, and none again",
		"a macvlan of another program is reported as one",
		"our own changes are neither addresses nor losses",
		"state removed by another program is reported as lost",
		"close leaves the kernel as it was found",
		"a new run removes what a crashed one left, and nothing else",
		"recovery copes with what has changed since the crash",
		"settings stay as long as one router needs them",
		"a new run adopts the state left by the previous one",
		"adoption copes with what has changed meanwhile",
		"a crash after Leave is recovered like any crash",
		"two crashes in a row",
	)
}
