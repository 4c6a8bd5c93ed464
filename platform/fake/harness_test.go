// SPDX-License-Identifier: GPL-3.0-only

package fake_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/platformtest"
)

func TestScenarios(t *testing.T) {
	platformtest.Run(t, func(t *testing.T) platformtest.Harness { return newHarness(t) })
}

// harness runs the shared scenarios on a Router.
type harness struct {
	t      *testing.T
	lan    *fake.LAN
	router *fake.Router
	system *fake.System
	peer   *peer
}

var _ platformtest.Harness = (*harness)(nil)

func newHarness(t *testing.T) *harness {
	lan := fake.NewLAN()
	h := &harness{t: t, lan: lan, router: lan.AddRouter("router"), peer: &peer{heard: make(chan []byte, 1000)}}
	h.must(h.router.DeleteLink("eth0"))
	h.peer.host = lan.AddHost("peer")
	lan.Tap(func(f fake.Frame) {
		if f.From != "peer" {
			h.peer.heard <- slices.Clone(f.Bytes)
		}
	})
	h.system = h.router.Boot()
	t.Cleanup(h.router.Kill)
	return h
}

func (h *harness) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) System() platform.System { return h.system }
func (h *harness) Crash()                  { h.system = h.router.Boot() }
func (h *harness) Restart()                { h.system = h.router.Boot() }

func (h *harness) AddLink(name string, addrs ...netip.Prefix) {
	h.router.AddLink(h.lan, name, addrs...)
}
func (h *harness) AddMacvlan(name, parent string)         { h.must(h.router.AddMacvlan(name, parent)) }
func (h *harness) SetPort(name, bridge string)            { h.must(h.router.SetPort(name, bridge)) }
func (h *harness) DelLink(name string)                    { h.must(h.router.DeleteLink(name)) }
func (h *harness) RenameLink(from, to string)             { h.must(h.router.Rename(from, to)) }
func (h *harness) SetUp(name string, up bool)             { h.must(h.router.SetUp(name, up)) }
func (h *harness) SetMAC(name string, mac [6]byte)        { h.must(h.router.SetMAC(name, mac)) }
func (h *harness) AddAddr(name string, addr netip.Prefix) { h.must(h.router.AddAddr(name, addr)) }
func (h *harness) DelAddr(name string, addr netip.Prefix) { h.must(h.router.DelAddr(name, addr)) }

func (h *harness) FlushFilter() { h.router.FlushFilter() }

func (h *harness) SetCarrier(name string, up bool) {
	if up {
		h.must(h.router.Plug(name))
	} else {
		h.must(h.router.Unplug(name))
	}
}

func (h *harness) Ping(addr netip.Addr, mac [6]byte) bool {
	by, at, ok := h.peer.host.Ping(addr)
	if ok && (by != "router" || at != mac) {
		h.t.Errorf("%s answered at %x", by, at)
	}
	h.peer.host.Forget(addr)
	return ok
}

func (h *harness) Kernel() platformtest.Kernel {
	k := platformtest.Kernel{Links: make(map[string]platformtest.Link)}
	for _, l := range h.router.Links() {
		k.Links[l.Name] = platformtest.Link{Index: l.Index, MAC: l.MAC, Up: l.Up, Parent: l.Parent, Addrs: l.Addrs}
	}
	return k
}

func (h *harness) Peer() platformtest.Peer { return h.peer }

// peer is a host that receives every frame.
type peer struct {
	host  *fake.Host
	heard chan []byte
}

func (p *peer) Send(b []byte) { p.host.Send(b) }

func (p *peer) Receive(timeout time.Duration) ([]byte, bool) {
	select {
	case b := <-p.heard:
		return b, true
	case <-time.After(timeout):
		return nil, false
	}
}
