// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"

	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
	"vrrpsh/platform/program"
)

// trial is a LAN with the router under test, its peer and a host.
type trial struct {
	t      *testing.T
	lan    *fake.LAN
	host   *fake.Host
	router *fake.Router
	driver *driver.Driver
	peer   *fake.Router

	mu       sync.Mutex
	frames   []seen
	attached map[platform.ID]platform.Attachment
	hooked   []string
}

// seen is a frame sent by the router under test, or by its peer.
type seen struct {
	at   time.Time
	from string
	what string
	main bool // an advert on the first LAN
}

const underTest = "r1"

// newTrial starts the router with a configuration, before or after its peer.
func newTrial(t *testing.T, k *keyCase, base, file string, first bool) *trial {
	w := &trial{t: t, lan: fake.NewLAN(), attached: make(map[platform.ID]platform.Attachment)}
	w.host = w.lan.AddHost("host")
	w.lan.Tap(func(f fake.Frame) { w.tap(f, true) })
	other := w.lan.Sibling()
	other.Tap(func(f fake.Frame) { w.tap(f, false) })
	spare := w.lan.Sibling()
	machine := func(n byte) *fake.Router {
		addr := func(net byte) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, net, 0, n}), 24) }
		ll := func(net byte) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("fe80::%d:%d/64", net, n)) }
		r := w.lan.AddRouter(fmt.Sprintf("r%d", n), addr(0), netip.MustParsePrefix(fmt.Sprintf("10.0.0.3%d/24", n)), ll(0),
			netip.MustParsePrefix(fmt.Sprintf("2001:db8::%d/64", n)))
		r.AddLink(other, "eth1", addr(1), ll(1))
		r.AddLink(spare, "eth2", addr(2))
		return r
	}
	w.router, w.peer = machine(1), machine(2)
	if err := w.router.Unplug("eth2"); err != nil {
		t.Fatal(err)
	}
	if k.before != nil {
		if err := k.before(w.router); err != nil {
			t.Fatal(err)
		}
	}
	// When two Masters that do not hear each other's adverts answer each other's announcements depends on how often they did so
	// before, which differs here.
	w.peer.SetFaults(fake.Faults{NoClaims: true})
	w.router.SetFaults(fake.Faults{NoClaims: true, Apply: func(a platform.Attachment) error {
		a.Addrs = slices.Clone(a.Addrs)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.attached[a.ID] = a
		return nil
	}})
	peer := document{}
	peer.set("vrouter", bases[base]...)
	peer.set("vrouter", `priority = 200`, `preemption = true`)
	if base != "IPv6" {
		peer.set("vrouter2", `group = 61`, `interface = "eth1"`, `vip = "10.1.0.100"`, `priority = 200`, `preemption = true`)
	}
	start := []func(){
		func() { w.driver = w.start(w.router, file) },
		func() { w.start(w.peer, peer.String()) },
	}
	if !first {
		slices.Reverse(start)
	}
	for _, f := range start {
		f()
		w.wait(15 * time.Second)
	}
	return w
}

// start runs a router.
func (w *trial) start(r *fake.Router, file string) *driver.Driver {
	w.t.Helper()
	o := driver.Options{System: r.Boot()}
	if r == w.router {
		o.Run = w.run
	}
	d := driver.New(o)
	ctx, end := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(ctx)
	}()
	w.t.Cleanup(func() { end(); <-ended })
	w.apply(d, file)
	return d
}

func (w *trial) apply(d *driver.Driver, file string) {
	w.t.Helper()
	if err := d.Apply(w.t.Context(), configured(w.t, file).Engine); err != nil {
		w.t.Fatal(err)
	}
}

func configured(t *testing.T, file string) *conf.Config {
	t.Helper()
	_, cfg, err := conf.Load("test", []byte(file), conf.TOML)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	return cfg
}

// run simulates the programs of the configuration.
func (w *trial) run(_ context.Context, p program.Program) (string, error) {
	if p.Command[0] == "/bin/hook" {
		w.mu.Lock()
		defer w.mu.Unlock()
		event := regexp.MustCompile(`"event":"(\w+)"|"to":"(\w+)"`).FindAllString(string(p.Input), -1)
		w.hooked = append(w.hooked, fmt.Sprint(p.Command, p.UID, p.Timeout, p.Env, event))
	}
	if p.Command[0] == "/bin/false" {
		return "", errors.New("exit status 1")
	}
	return "", nil
}

func (w *trial) tap(f fake.Frame, main bool) {
	p := &f.Packet
	what := ""
	switch {
	case p.Kind == frame.Advert:
		what = fmt.Sprintf("advert %x>%x %s>%s ttl %d %s", p.Src, p.Dst, p.SrcAddr, p.DstAddr, p.TTL, hex.EncodeToString(p.Payload))
	case p.Gratuitous(), p.Kind == frame.NeighborAdvertisement:
		what = fmt.Sprintf("announce %s is at %x, from %x, router %t", p.TargetIP, p.SenderMAC, p.Src, p.Router)
	default:
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames = append(w.frames, seen{f.Time, f.From, what, main && p.Kind == frame.Advert})
}

func (w *trial) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// afterAdvert waits until just after an advert, so that timers are in the same phase in every trial.
func (w *trial) afterAdvert() {
	adverts := func() (n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := range w.frames {
			if w.frames[i].main {
				n++
			}
		}
		return n
	}
	was := adverts()
	for range 1000 {
		if w.wait(10 * time.Millisecond); adverts() > was {
			break
		}
	}
	w.wait(50 * time.Millisecond)
}

// sent returns the frames since a time, of one station or of all, whose text begins with a word.
func (w *trial) sent(from string, since time.Time, word string) []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []seen
	for _, s := range slices.Backward(w.frames) {
		if s.at.Before(since) {
			break
		}
		if (from == "" || s.from == from) && strings.HasPrefix(s.what, word) {
			list = append(list, s)
		}
	}
	slices.Reverse(list)
	return list
}

func (w *trial) snapshot() *engine.Snapshot {
	w.t.Helper()
	s, err := w.driver.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// state is the state of the first virtual router.
func (w *trial) state() vrrp.State { return w.snapshot().Routers[0].State }

// observe describes an undisturbed router, in lines.
func (w *trial) observe() []string {
	w.t.Helper()
	if err := w.driver.ClearStatistics(w.t.Context(), nil); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.hooked = nil
	w.mu.Unlock()
	begin := time.Now()
	b, err := frame.AppendAdvert(nil, &platform.Frame{MAC: [6]byte{2, 9}, Source: netip.MustParseAddr("10.0.0.77"), Payload: foreignAdvert()})
	must(w.t, err)
	w.host.Send(b)
	w.wait(12*time.Second + 500*time.Millisecond)

	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	s, heard := w.snapshot(), true
	for _, shared := range s.Routers {
		r := *shared
		key := r.Config.Key
		add("%s runs %+v", key, *r.Config)
		if r.State == vrrp.Initialize {
			r.Local = vrrp.Local{} // unchanged, or unknown
		}
		add("%s is %s with %d, local %+v, Master %s with %d", key, r.State, r.Priority, r.Local, r.MasterAddr, r.MasterPriority)
		add("%s: interval %s, skew %s, down %s, installed %t, refused %t, willing %s", key, r.MasterAdverInterval, r.SkewTime,
			r.MasterDownInterval, r.Installed, r.Refused, r.Willing)
		add("%s: preempts %t, carrier %s, virtual MAC %x, addresses %v, fault %q", key, !r.PreemptAt.IsZero(), r.Carrier, r.VirtualMAC, r.Addresses, r.Fault)
		if r.Sync != nil {
			add("%s: sync group %+v", key, *r.Sync)
		}
		for _, t := range r.Tracked {
			add("%s: tracks %+v", key, t)
		}
		for _, p := range r.Peers {
			add("%s: peer %s is heard: %t, with %d", key, p.Addr, p.Adverts > 0, p.Priority)
		}
		for _, o := range r.Rivals {
			add("%s: rival %s %s with %d", key, o.Addr, o.Kind, o.Priority)
		}
		for reason := range r.Counters.Dropped {
			if r.State == vrrp.Initialize {
				heard = false // its socket receives all adverts until it has been Backup, and none after that
			} else if r.Counters.Dropped[reason]+r.Counters.Tolerated[reason] > 0 {
				add("%s: %s, dropped %t, tolerated %t", key, vrrp.DropReason(reason), r.Counters.Dropped[reason] > 0, r.Counters.Tolerated[reason] > 0)
			}
		}
		add("%s: becomes Master %d, sends %t, hears %t, errors %t", key, r.Counters.BecameMaster, r.Counters.AdvertsSent > 0, r.Counters.AdvertsReceived > 0, r.Counters.SendErrors > 0)
	}
	for _, l := range s.Links {
		add("interface %s: %d groups, others' adverts: %t", l.Name, l.Groups, heard && l.UnknownVRID > 0)
	}
	for _, r := range s.Routes {
		add("route %+v", r)
	}
	for _, o := range s.Tracks {
		add("object %+v is %s, %d, %q, for %v", *o.Object, o.State, o.Weight, o.Reason, o.Users)
	}

	gaps := make(map[string]map[time.Duration]bool)
	last := make(map[string]time.Time)
	for _, f := range w.sent(underTest, begin, "") {
		if gaps[f.what] == nil {
			gaps[f.what] = make(map[time.Duration]bool)
		}
		if at, ok := last[f.what]; ok {
			gaps[f.what][f.at.Sub(at).Round(100*time.Millisecond)] = true
		}
		last[f.what] = f.at
	}
	for what, all := range gaps {
		add("sends %s every %v", what, slices.Sorted(maps.Keys(all)))
	}

	for _, l := range w.router.Links() {
		l.Index = 0
		add("kernel: link %+v", l)
	}
	for _, r := range w.router.Routes() {
		add("kernel: route %+v", r)
	}
	w.mu.Lock()
	for _, a := range w.attached {
		if a.Present {
			a.Link = 0
			add("kernel: %+v", a)
		}
	}
	for _, h := range w.hooked {
		add("hook %s", h)
	}
	w.mu.Unlock()
	for _, addr := range []string{"10.0.0.100", "10.0.0.101", "10.0.0.102", "10.0.0.103", "10.0.0.104", "10.0.0.1", "2001:db8::100", "2001:db8::101", "2001:db8::102"} {
		w.host.Forget(netip.MustParseAddr(addr))
		by, mac, ok := w.host.Ping(netip.MustParseAddr(addr))
		add("ping %s: %s %x %t", addr, by, mac, ok)
	}
	slices.Sort(out)
	return out
}

// foreignAdvert is an advert of a group that is not configured.
func foreignAdvert() []byte {
	cfg := vrrp.Config{Version: vrrp.V2, Family: vrrp.IPv4, VRID: 99, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.200")}}
	return vrrp.AppendMessage(nil, &cfg, 100, vrrp.FormMessage, netip.MustParseAddr("10.0.0.77"), vrrp.GroupIPv4)
}

// happening is an event and its time since the beginning.
type happening struct {
	after time.Duration
	what  string
}

// probe disturbs the machine and describes the effects.
func (w *trial) probe(do func(), d time.Duration) []happening {
	w.t.Helper()
	w.afterAdvert()
	begin := time.Now()
	do()
	w.wait(d)
	var list []happening
	for _, r := range w.snapshot().Routers {
		for _, tr := range r.History {
			if !tr.Time.Before(begin) {
				list = append(list, happening{tr.Time.Sub(begin), fmt.Sprintf("%s: %s, %s, with %d", r.Config.Key, tr.To, tr.Cause, tr.Priority)})
			}
		}
	}
	for _, f := range w.sent(underTest, begin, "announce") {
		after := f.at.Sub(begin)
		// A router that was Master for no time may or may not have announced its addresses.
		if !slices.ContainsFunc(list, func(h happening) bool { return h.after == after && strings.Contains(h.what, ": Backup,") }) {
			list = append(list, happening{after, f.what})
		}
	}
	slices.SortStableFunc(list, func(a, b happening) int {
		if a.what == b.what || (a.after-b.after).Abs() > tolerance {
			return int(a.after - b.after)
		}
		return strings.Compare(a.what, b.what)
	})
	return list
}

// tolerance is how much earlier or later the same event may happen, since adverts are not always sent at the same times.
const tolerance = 60 * time.Millisecond

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// life is what can be observed of a router, undisturbed and disturbed.
type life struct {
	state          vrrp.State
	peace          []string
	flapped, alone []happening
}

func (w *trial) live() life {
	w.t.Helper()
	l := life{state: w.state(), peace: w.observe()}
	l.flapped = w.probe(func() {
		must(w.t, w.router.Unplug("eth0"))
		w.wait(time.Second)
		must(w.t, w.router.Plug("eth0"))
	}, 40*time.Second)
	l.alone = w.probe(func() {
		must(w.t, w.peer.Cut("eth0"))
		must(w.t, w.peer.Cut("eth1"))
	}, 40*time.Second)
	return l
}

var sameTime = cmp.Comparer(func(a, b happening) bool { return a.what == b.what && (a.after-b.after).Abs() <= tolerance })

// TestEveryKeyIsCommittedAlone commits every key of the configuration alone, in both directions, on a running Master and on a
// running Backup. The result is compared with a router that was started with the new configuration: the state, the frames on
// the wire, the kernel state, and the reaction to a flapping link and to the loss of the peer.
func TestEveryKeyIsCommittedAlone(t *testing.T) {
	must(t, os.WriteFile(weight, []byte("-150\n"), 0o600))
	t.Cleanup(func() { _ = os.Remove(weight) })
	started := make(map[string]life) // by the configuration at the start
	for _, k := range keyCases() {
		for base := range bases {
			if !k.tried(base) || testing.Short() && base != "version 2" {
				continue
			}
			for _, master := range []bool{true, false} {
				a, b := k.documents(base, master)
				for _, way := range []struct {
					name     string
					from, to string
				}{{"set", a.String(), b.String()}, {"unset", b.String(), a.String()}} {
					name := strings.TrimSuffix(fmt.Sprintf("%s, %s, Master %t, %s, %s", k.key, base, master, way.name, k.more), ", ")
					t.Run(name, func(t *testing.T) { commitOne(t, &k, base, way.from, way.to, master, started) })
				}
			}
		}
	}
}

// commitOne makes one commit and compares the results.
func commitOne(t *testing.T, k *keyCase, base, from, to string, master bool, started map[string]life) {
	before, after := configured(t, from), configured(t, to)
	if reflect.DeepEqual(before, after) {
		t.Fatalf("the configurations are the same:\n%s", to)
	}
	if k.elsewhere && !reflect.DeepEqual(before.Engine, after.Engine) && k.bases == nil {
		t.Fatal("it has an effect on virtual routers")
	}
	var got life
	synctest.Test(t, func(t *testing.T) {
		w := newTrial(t, k, base, from, master)
		w.afterAdvert()
		at := time.Now()
		w.apply(w.driver, to)
		w.wait(45 * time.Second)
		for _, r := range w.snapshot().Routers {
			for _, tr := range r.History {
				if !k.moves && tr.Time.After(at.Add(-time.Nanosecond)) {
					t.Errorf("%s: %s to %s (%s)", r.Config.Key, tr.From, tr.To, tr.Cause)
				}
			}
		}
		got = w.live()
	})
	id := fmt.Sprint(base, got.state == vrrp.Master, k.before != nil, to)
	want, ok := started[id]
	if !ok {
		synctest.Test(t, func(t *testing.T) {
			w := newTrial(t, k, base, to, got.state == vrrp.Master)
			w.wait(45 * time.Second)
			want = w.live()
		})
		started[id] = want
	}
	if diff := cmp.Diff(want.peace, got.peace); diff != "" {
		t.Errorf("undisturbed (-started with it +committed):\n%s", diff)
	}
	if diff := cmp.Diff(want.flapped, got.flapped, sameTime); diff != "" {
		t.Errorf("when the link flaps (-started with it +committed):\n%s", diff)
	}
	if diff := cmp.Diff(want.alone, got.alone, sameTime); diff != "" {
		t.Errorf("when the peer is gone (-started with it +committed):\n%s", diff)
	}
	if t.Failed() {
		t.Logf("from:\n%s\nto:\n%s", from, to)
	}
}
