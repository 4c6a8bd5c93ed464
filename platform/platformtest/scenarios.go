// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

var scenarios = slices.Concat(applyScenarios, packetScenarios, watchScenarios, claimScenarios, restoreScenarios)

// Names and addresses of the scenarios.
const uplink = "up0"

var (
	primary = netip.MustParsePrefix("10.9.0.1/24")
	vip     = netip.MustParsePrefix("10.9.0.254/24")
	vip2    = netip.MustParsePrefix("10.9.0.253/32")
	other   = netip.MustParsePrefix("10.9.0.77/24")
	source  = primary.Addr()
	peerIP  = netip.MustParseAddr("10.9.0.2")
	peerMAC = frame.MAC{0x02, 0, 0, 0, 0, 0x77}
)

func virtualMAC(vrid uint8) frame.MAC { return frame.MAC{0x00, 0x00, 0x5e, 0x00, 0x01, vrid} }

// bench is a harness with one interface.
type bench struct {
	t *testing.T
	Harness
}

func newBench(t *testing.T, h Harness) *bench {
	h.AddLink(uplink, primary)
	return &bench{t, h}
}

func (b *bench) index(name string) int {
	b.t.Helper()
	l, ok := b.Kernel().Links[name]
	if !ok {
		b.t.Fatalf("there is no interface %s", name)
	}
	return l.Index
}

// ether and macvlan are active attachments on the uplink.
func (b *bench) ether(vrid uint8, addrs ...netip.Prefix) platform.Attachment {
	b.t.Helper()
	return platform.Attachment{
		ID:   platform.ID{Link: uplink, Family: platform.IPv4, VRID: vrid},
		Link: b.index(uplink), MAC: virtualMAC(vrid), Addrs: addrs, Present: true, Active: true,
	}
}

func (b *bench) macvlan(vrid uint8, addrs ...netip.Prefix) platform.Attachment {
	b.t.Helper()
	a := b.ether(vrid, addrs...)
	a.Macvlan, a.Name = true, fmt.Sprintf("standby%d", vrid)
	return a
}

func standby(a platform.Attachment) platform.Attachment {
	a.Active = false
	return a
}

func absent(a platform.Attachment) platform.Attachment {
	a.Active, a.Present = false, false
	return a
}

// apply applies attachments, all of which must succeed.
func (b *bench) apply(batch ...platform.Attachment) {
	b.t.Helper()
	for i, err := range b.System().Apply(batch) {
		if err != nil {
			b.t.Fatalf("apply %+v: %v", batch[i], err)
		}
	}
}

// sameKernel compares states of the kernel, ignoring the order of addresses.
func (b *bench) sameKernel(what string, want, got Kernel) {
	b.t.Helper()
	if d := diff(want, got); d != "" {
		b.t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.SortSlices(netip.Prefix.Compare))
}

// expect ends the test unless the kernel's interfaces equal those of before with the changes of fn.
func (b *bench) expect(what string, before Kernel, fn func(map[string]Link)) {
	b.t.Helper()
	want := make(map[string]Link)
	for n, l := range before.Links {
		l.Addrs, l.Routes = slices.Clone(l.Addrs), slices.Clone(l.Routes)
		want[n] = l
	}
	fn(want)
	got := b.Kernel().Links
	for n, l := range got {
		if w, ok := want[n]; ok && w.Index == 0 { // a new interface: its index is not known in advance
			w.Index = l.Index
			want[n] = w
		}
	}
	if d := diff(want, got); d != "" {
		b.t.Fatalf("%s: interfaces (-want +got):\n%s", what, d)
	}
}

func with(addrs ...netip.Prefix) func(map[string]Link) {
	return func(m map[string]Link) {
		l := m[uplink]
		l.Addrs = append(l.Addrs, addrs...)
		m[uplink] = l
	}
}

// watch collects the updates of Watch.
type watch struct {
	b  *bench
	mu sync.Mutex
	// links is the reported state; gone and lost are everything reported as gone and lost.
	links map[int]platform.Link
	gone  []int
	lost  []platform.ID
	news  chan struct{}
}

// startWatch watches until the end of the test.
func (b *bench) startWatch() *watch {
	b.t.Helper()
	w := &watch{b: b, links: make(map[int]platform.Link), news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	system := b.System()
	go func() { done <- system.Watch(ctx, w.update) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("watch: %v", err)
		}
	})
	w.until("the whole state", func() bool { return len(w.links) > 0 })
	return w
}

func (w *watch) update(u platform.Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range u.Gone {
		delete(w.links, i)
	}
	for _, l := range u.Links {
		l.Addrs = slices.Clone(l.Addrs)
		w.links[l.Index] = l
	}
	w.gone = append(w.gone, u.Gone...)
	w.lost = append(w.lost, u.Lost...)
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// until waits for a condition on the collected updates.
func (w *watch) until(what string, ok func() bool) {
	w.b.t.Helper()
	late := time.After(Patience)
	for {
		w.mu.Lock()
		done := ok()
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-w.news:
		case <-late:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.b.t.Fatalf("%s was not reported; links %+v, gone %v, lost %v", what, w.links, w.gone, w.lost)
		}
	}
}

// named returns the reported interface of that name.
func (w *watch) named(name string) (platform.Link, bool) {
	for _, l := range w.links {
		if l.Name == name {
			return l, true
		}
	}
	return platform.Link{}, false
}

// open opens a Conn on the uplink, whose index it returns, too.
func (b *bench) open() (c platform.Conn, link int) {
	b.t.Helper()
	link = b.index(uplink)
	c, err := b.System().Open(link, platform.IPv4, source)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c, link
}

// hear returns the next frame of a kind that the peer receives.
func (b *bench) hear(kind frame.Kind) frame.Packet {
	b.t.Helper()
	for end := time.Now().Add(Patience); ; {
		raw, ok := b.Peer().Receive(time.Until(end))
		if !ok {
			b.t.Fatalf("the peer received no %s", kind)
		}
		p, err := frame.Parse(raw)
		if err != nil {
			b.t.Fatalf("the peer received a wrong frame: %v: %x", err, raw)
		}
		if p.Kind == kind {
			return p
		}
	}
}

// say makes the peer send a VRRP message.
func (b *bench) say(payload []byte) {
	b.t.Helper()
	raw, err := frame.AppendAdvert(nil, &platform.Frame{MAC: peerMAC, Source: peerIP, Payload: payload})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Peer().Send(raw)
}

// receive waits for n packets.
func (b *bench) receive(n int) []platform.Packet {
	b.t.Helper()
	var all []platform.Packet
	p := make([]platform.Packet, 8)
	for end := time.Now().Add(Patience); ; {
		got, err := b.System().Recv(p)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, x := range p[:got] {
			x.Payload = slices.Clone(x.Payload)
			all = append(all, x)
		}
		if len(all) >= n {
			return all
		}
		if time.Now().After(end) {
			b.t.Fatalf("%d packets arrived, want %d: %v", len(all), n, all)
		}
		if err := b.System().Wait(end); err != nil {
			b.t.Fatal(err)
		}
	}
}

// message is a VRRP message with the fields that a platform reads.
func message(vrid uint8, rest ...byte) []byte {
	return append([]byte{0x31, vrid, 100, 1, 0, 100, 0, 0}, rest...)
}
