// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var virtual = netip.MustParseAddr("10.0.0.100")

// inBubble runs a test in virtual time. It fails when a goroutine outlives it.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// lab is a LAN with a host and an observer of its adverts.
type lab struct {
	*fake.LAN
	host *fake.Host

	mu      sync.Mutex
	adverts []advert
}

type advert struct {
	at       time.Time
	from     string
	vrid     uint8
	priority uint8
}

func newLab() *lab {
	l := &lab{LAN: fake.NewLAN()}
	l.host = l.AddHost("host")
	l.Tap(func(f fake.Frame) {
		if f.Packet.Kind == frame.Advert {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.adverts = append(l.adverts, advert{f.Time, f.From, f.Packet.Payload[1], f.Packet.Payload[2]})
		}
	})
	return l
}

// sent returns the adverts since the last forget.
func (l *lab) sent() []advert {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.adverts)
}

func (l *lab) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adverts = nil
}

// node is a router with the router program on it.
type node struct {
	*fake.Router
	*driver.Driver
	t    *testing.T
	end  context.CancelFunc
	done chan error
}

// router adds a router with the address 10.0.0.n.
func (l *lab) router(t *testing.T, n int) *node {
	t.Helper()
	r := l.AddRouter(fmt.Sprintf("r%d", n), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 24))
	return boot(t, r)
}

// pair starts r1 with priority 200 and r2 with priority 100, and waits until r1 is Master and r2 Backup.
func (l *lab) pair(t *testing.T) (r1, r2 *node) {
	t.Helper()
	r1, r2 = l.router(t, 1), l.router(t, 2)
	r1.apply(group(51, 200))
	r2.apply(group(51, 100))
	sleep(5 * time.Second)
	return r1, r2
}

// boot starts the router program.
func boot(t *testing.T, r *fake.Router) *node {
	t.Helper()
	return start(t, r, driver.Options{System: r.Boot()})
}

func start(t *testing.T, r *fake.Router, o driver.Options) *node {
	t.Helper()
	if o.Uptime == nil {
		o.Uptime = uptime
	}
	ctx, end := context.WithCancel(t.Context())
	n := &node{Router: r, Driver: driver.New(o), t: t, end: end, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.done <- n.Run(ctx)
	}()
	t.Cleanup(func() { end(); <-ended })
	return n
}

// uptime is the virtual time since the beginning of all bubbles.
func uptime() time.Duration { return time.Since(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)) }

// stop ends the router program and returns what Run did.
func (n *node) stop() error {
	n.end()
	return <-n.done
}

func (n *node) apply(groups ...engine.VirtualRouter) {
	n.t.Helper()
	if err := n.Apply(n.t.Context(), engine.Config{Routers: groups}); err != nil {
		n.t.Fatalf("%s: Apply: %v", n.Name(), err)
	}
}

func (n *node) snapshot() *engine.Snapshot {
	n.t.Helper()
	s, err := n.Snapshot(n.t.Context())
	if err != nil {
		n.t.Fatalf("%s: Snapshot: %v", n.Name(), err)
	}
	return s
}

// status returns the state of the first virtual router.
func (n *node) status() *engine.RouterStatus {
	n.t.Helper()
	s := n.snapshot()
	if len(s.Routers) == 0 {
		n.t.Fatalf("%s has no virtual router", n.Name())
	}
	return s.Routers[0]
}

func (n *node) wantState(want vrrp.State) {
	n.t.Helper()
	if got := n.status(); got.State != want {
		n.t.Fatalf("%s is %s (%s), want %s", n.Name(), got.State, got.Cause, want)
	}
}

func (n *node) wantSockets(want int) {
	n.t.Helper()
	if res, err := n.Resources(n.t.Context()); err != nil || res.Sockets != want {
		n.t.Errorf("%s has %d sockets open (%v), want %d", n.Name(), res.Sockets, err, want)
	}
}

// wantAnswer checks which router answers for the virtual address. After some lost pings the
// host resolves the address again, which it must do when a split has healed and no router
// became Master.
func (l *lab) wantAnswer(t *testing.T, want string) {
	t.Helper()
	by, _, ok := l.host.Ping(virtual)
	for range 3 {
		if !ok {
			by, _, ok = l.host.Ping(virtual)
		}
	}
	if !ok || by != want {
		t.Fatalf("%s is answered by %q (%t), want %q", virtual, by, ok, want)
	}
}

// group returns a VRRPv3 virtual router on eth0 with 1 s adverts. Changes are made by edits.
func group(vrid, priority uint8, edits ...func(*engine.VirtualRouter)) engine.VirtualRouter {
	r := engine.VirtualRouter{
		Key:       engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: vrid},
		Addresses: []engine.Address{{Addr: virtual, Bits: 24}},
		Protocol: vrrp.Config{
			Version: vrrp.V3, Priority: priority, Interval: time.Second, Preempt: true,
			Announce: vrrp.AnnounceConfig{Repeat: 5, Delay: 5 * time.Second},
		},
		SocketFilter: true,
	}
	for _, edit := range edits {
		edit(&r)
	}
	r.Protocol.Family, r.Protocol.VRID = r.Family, r.VRID
	r.Protocol.Addresses = nil
	for _, a := range r.Addresses {
		r.Protocol.Addresses = append(r.Protocol.Addresses, a.Addr)
	}
	return r
}

func macvlan(name string) func(*engine.VirtualRouter) {
	return func(r *engine.VirtualRouter) { r.Type, r.VIFName = engine.Macvlan, name }
}

func on(iface string) func(*engine.VirtualRouter) {
	return func(r *engine.VirtualRouter) { r.Interface = iface }
}

func address(addr string) func(*engine.VirtualRouter) {
	return func(r *engine.VirtualRouter) {
		r.Addresses = []engine.Address{{Addr: netip.MustParseAddr(addr), Bits: 24}}
	}
}

func interval(d time.Duration) func(*engine.VirtualRouter) {
	return func(r *engine.VirtualRouter) { r.Protocol.Interval = d }
}

// sleep lets virtual time pass and waits for everything that is due by then.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantUntouched checks that the kernel is as it was before.
func (n *node) wantUntouched(before []fake.Link) {
	n.t.Helper()
	after := n.Links()
	if !slices.EqualFunc(before, after, func(a, b fake.Link) bool {
		return a.Index == b.Index && a.Name == b.Name && a.MAC == b.MAC && a.Up == b.Up && slices.Equal(a.Addrs, b.Addrs)
	}) {
		n.t.Errorf("%s: the kernel state is\n%+v\nbefore\n%+v", n.Name(), after, before)
	}
}

// unsendable drops the adverts of some groups; of all groups if none is given.
func unsendable(vrids ...uint8) fake.Faults {
	return fake.Faults{Send: func(_ string, f platform.Frame) error {
		for _, v := range vrids {
			if f.Payload[1] == v {
				return errRefused
			}
		}
		if len(vrids) == 0 {
			return errRefused
		}
		return nil
	}}
}
