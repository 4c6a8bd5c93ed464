// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
	"vrrpsh/platform/platformtest"
)

var (
	primary = netip.MustParsePrefix("10.9.0.1/24")
	vip     = netip.MustParsePrefix("10.9.0.254/24")
	vip2    = netip.MustParsePrefix("10.9.0.253/32")
	vip6    = netip.MustParsePrefix("fe80::5e00:101/64")

	never    time.Time
	patience = platformtest.Patience
)

// bench is a machine with the interface em0 and a System.
type bench struct {
	*harness
}

func newBench(t *testing.T) bench {
	b := bench{newHarness(t)}
	b.AddLink("em0", primary)
	return b
}

func (b bench) attachment(vrid uint8, addrs ...netip.Prefix) platform.Attachment {
	return platform.Attachment{
		ID:   platform.ID{Link: "em0", Family: platform.IPv4, VRID: vrid},
		Link: 1, MAC: [6]byte{0, 0, 0x5e, 0, 1, vrid}, Addrs: addrs, Present: true, Active: true,
	}
}

func standby(a platform.Attachment) platform.Attachment {
	a.Active = false
	return a
}

func absent(a platform.Attachment) platform.Attachment {
	a.Present, a.Active = false, false
	return a
}

func (b bench) apply(batch ...platform.Attachment) {
	b.t.Helper()
	for i, err := range b.system.Apply(batch) {
		if err != nil {
			b.t.Fatalf("apply %+v: %v", batch[i], err)
		}
	}
}

// has compares the addresses of an interface in the machine.
func (b bench) has(what, link string, want ...string) {
	b.t.Helper()
	b.machine.mu.Lock()
	defer b.machine.mu.Unlock()
	var got []string
	for _, p := range b.machine.named(link).addrs {
		got = append(got, p.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		b.t.Errorf("%s: addresses of %s (-want +got):\n%s", what, link, d)
	}
}

func (b bench) mac(link string) [6]byte {
	b.machine.mu.Lock()
	defer b.machine.mu.Unlock()
	return b.machine.named(link).mac
}

func (b bench) calls() int {
	b.machine.mu.Lock()
	defer b.machine.mu.Unlock()
	return b.machine.calls
}

// saved returns the content of the run-state file.
func (b bench) saved() string {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.stateDir, "run-state.json"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	return string(raw)
}

// look returns the next update of a Watch that has just started.
func (b bench) look(told map[int]platform.Link) platform.Update {
	b.t.Helper()
	u, err := b.system.look(told, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func TestRouters(t *testing.T) {
	b := newBench(t)
	b.apply(b.attachment(1, vip, vip2, vip6))
	b.has("active", "em0", "10.9.0.1/24", "10.9.0.254/32", "10.9.0.253/32", "fe80::5e00:101/128")
	before := b.calls()
	b.apply(b.attachment(1, vip, vip2, vip6))
	b.apply(b.attachment(1, vip2, vip6, vip))
	if n := b.calls() - before; n != 0 {
		t.Errorf("applying the same again took %d changes, want none", n)
	}
	b.apply(b.attachment(1, vip))
	b.has("with one address", "em0", "10.9.0.1/24", "10.9.0.254/32")
	// The address moves to another router, in either order of the attachments.
	b.apply(b.attachment(2, vip), standby(b.attachment(1, vip)))
	b.has("moved", "em0", "10.9.0.1/24", "10.9.0.254/32")
	b.apply(absent(b.attachment(1)))
	b.has("without the first router", "em0", "10.9.0.1/24", "10.9.0.254/32")
	b.apply(absent(b.attachment(2)))
	b.has("without routers", "em0", "10.9.0.1/24")
}

func TestWhatIsRefused(t *testing.T) {
	b := newBench(t)
	m := b.attachment(1, vip)
	m.Macvlan, m.Name = true, "standby1"
	errs := b.system.Apply([]platform.Attachment{m, b.attachment(2, vip2)})
	if !errors.Is(errs[0], platform.ErrUnsupported) || !strings.Contains(errs[0].Error(), "vmac") {
		t.Errorf("a macvlan: error %v, want one that names the supported alternative", errs[0])
	}
	if errs[1] != nil {
		t.Errorf("the other router: %v", errs[1])
	}
	b.has("after the refusal", "em0", "10.9.0.1/24", "10.9.0.253/32")
	if err := b.system.Apply([]platform.Attachment{absent(m)})[0]; err != nil {
		t.Errorf("removing a macvlan: %v", err)
	}
	errs = b.system.SetRoutes(make([]platform.Route, 1))
	if !errors.Is(errs[0], platform.ErrUnsupported) || !strings.Contains(errs[0].Error(), "route(8)") {
		t.Errorf("a static route: error %v, want one that names the supported alternative", errs[0])
	}
	if errs := b.system.SetRoutes(nil); len(errs) != 0 {
		t.Errorf("no static routes: %v", errs)
	}
	b.machine.addLink("tun0").kind = 0xf0
	if _, err := b.system.Open(2, platform.IPv4, netip.Addr{}); !errors.Is(err, platform.ErrUnsupported) {
		t.Errorf("open a tunnel: error %v, want not supported", err)
	}
}

func TestAnInterfaceThatGoesAndComesBack(t *testing.T) {
	b := newBench(t)
	told := make(map[int]platform.Link)
	b.apply(b.attachment(1, vip))
	b.look(told)
	b.DelLink("em0")
	b.AddLink("em0", primary, vip) // another interface, with the address as its own
	if u := b.look(told); len(u.Lost) != 0 || !slices.Equal(u.Gone, []int{1}) || len(u.Links) != 1 {
		t.Errorf("reported %+v, want one interface gone, one new, and nothing lost", u)
	}
	if err := b.system.Apply([]platform.Attachment{b.attachment(1, vip)})[0]; !errors.Is(err, platform.ErrNoLink) {
		t.Errorf("active on the interface that is gone: error %v, want no such interface", err)
	}
	b.apply(standby(b.attachment(1, vip)))
	b.apply(absent(b.attachment(1, vip)))
	again := b.attachment(1, vip, vip2)
	again.Link = 2
	b.apply(again)
	b.apply(absent(again))
	b.has("on the new interface", "em0", "10.9.0.1/24", "10.9.0.254/24")
}

func TestWhatIsTakenAwayIsToldOnceAndPutBack(t *testing.T) {
	b := newBench(t)
	told := make(map[int]platform.Link)
	a, other := b.attachment(1, vip), b.attachment(2, vip2)
	b.apply(a, other)
	if u := b.look(told); len(u.Lost) != 0 || len(u.Links) != 2 || !slices.Equal(u.Links[0].Addrs, []netip.Prefix{primary}) {
		t.Errorf("reported %+v, want em0 with its own address, and the loopback", u)
	}
	b.DelAddr("em0", vip)
	if u := b.look(told); !slices.Equal(u.Lost, []platform.ID{a.ID}) || len(u.Links) != 0 {
		t.Errorf("reported %+v, want the first router's loss", u)
	}
	if u := b.look(told); len(u.Lost)+len(u.Links)+len(u.Gone) != 0 {
		t.Errorf("reported %+v again", u)
	}
	b.apply(a)
	b.has("put back", "em0", "10.9.0.1/24", "10.9.0.253/32", "10.9.0.254/32")
	if u := b.look(told); len(u.Lost)+len(u.Links)+len(u.Gone) != 0 {
		t.Errorf("reported %+v for the restored address", u)
	}
	// A lost address that another program adds again is not ours.
	b.DelAddr("em0", vip)
	b.look(told)
	b.AddAddr("em0", netip.PrefixFrom(vip.Addr(), 32))
	b.apply(absent(a), absent(other))
	b.has("without routers", "em0", "10.9.0.1/24", "10.9.0.254/32")
}

func TestTheVirtualMAC(t *testing.T) {
	b := newBench(t)
	own := b.mac("em0")
	a := b.attachment(1, vip)
	a.SetMAC = true
	b.apply(a)
	if got := b.mac("em0"); got != a.MAC {
		t.Errorf("active: the address is %x, want %x", got, a.MAC)
	}
	second := b.attachment(2, vip2)
	second.SetMAC = true
	if err := b.system.Apply([]platform.Attachment{second})[0]; !errors.Is(err, platform.ErrConflict) {
		t.Errorf("a second virtual MAC: error %v, want a conflict", err)
	}
	b.RenameLink("em0", "lan0")
	b.apply(standby(a))
	if got := b.mac("lan0"); got != own {
		t.Errorf("standby: the address is %x, want %x", got, own)
	}
	// A MAC set by another program is left alone.
	b.apply(a)
	theirs := [6]byte{2, 9, 9, 9, 9, 9}
	b.SetMAC("lan0", theirs)
	b.apply(standby(a))
	if got := b.mac("lan0"); got != theirs {
		t.Errorf("changed meanwhile: the address is %x, want %x", got, theirs)
	}
}

func TestRecovery(t *testing.T) {
	b := newBench(t)
	own := b.mac("em0")
	a := b.attachment(1, vip, primary)
	a.SetMAC = true
	b.apply(a, b.attachment(2, vip2), standby(b.attachment(3, netip.MustParsePrefix("10.9.0.3/32"))))
	b.Crash()
	// Meanwhile other programs add and change addresses; one is that of the router that was Backup.
	b.AddAddr("em0", netip.MustParsePrefix("10.9.0.3/32"))
	b.DelAddr("em0", vip)
	b.AddAddr("em0", vip)
	for range 2 {
		if err := b.system.Recover(); err != nil {
			t.Fatal(err)
		}
		b.has("after recovery", "em0", "10.9.0.1/24", "10.9.0.3/32", "10.9.0.254/24")
		if got := b.mac("em0"); got != own {
			t.Errorf("after recovery the address is %x, want %x", got, own)
		}
	}
	if got := b.saved(); got != "" {
		t.Errorf("the run-state file is still there: %s", got)
	}
}

func TestAdoption(t *testing.T) {
	b := newBench(t)
	own := b.mac("em0")
	a, gone := b.attachment(1, vip, primary), b.attachment(2, vip2)
	a.SetMAC = true
	b.apply(a, gone)
	changes := b.machine.calls
	left, err := b.system.Leave()
	if err != nil {
		t.Fatal(err)
	}
	b.Restart()
	if err := b.system.Adopt(left); err != nil {
		t.Fatal(err)
	}
	b.apply(a, gone)
	if n := b.machine.calls - changes; n > 0 || b.mac("em0") != a.MAC {
		t.Errorf("%d changes of the kernel, and the address is %x", n, b.mac("em0"))
	}
	// The adopted state is restored, even by a run that only has the run-state file.
	left, err = b.system.Leave()
	if err != nil {
		t.Fatal(err)
	}
	b.Restart()
	if err := b.system.Adopt(left); err != nil {
		t.Fatal(err)
	}
	if err := b.system.Close(); err != nil {
		t.Fatal(err)
	}
	b.has("after close", "em0", "10.9.0.1/24")
	if got := b.mac("em0"); got != own || b.saved() != "" {
		t.Errorf("after close the address is %x, want %x; recorded is %q", got, own, b.saved())
	}
}

func TestARunStateOfAnotherBootIsNotBelieved(t *testing.T) {
	for name, content := range map[string]string{
		"another boot": `{"boot":"1600000000","addresses":[{"link":1,"address":"10.9.0.253"}]}`,
		"damaged":      `{"boot":"1700000000","addresses":[{"link":1,"addr`,
	} {
		b := newBench(t)
		b.AddAddr("em0", vip2)
		if err := os.WriteFile(filepath.Join(b.stateDir, "run-state.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := b.system.Recover(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b.has(name, "em0", "10.9.0.1/24", "10.9.0.253/32")
	}
}

func TestWhatIsRecorded(t *testing.T) {
	b := newBench(t)
	var during string
	b.machine.fail = func(call, _ string) error {
		if call == "add" {
			during = b.saved()
		}
		return nil
	}
	b.apply(standby(b.attachment(1, vip)))
	if got := b.saved(); strings.Contains(got, "10.9.0") {
		t.Errorf("standby: recorded %s", got)
	}
	b.apply(b.attachment(1, vip, primary))
	const want = `{"boot":"1700000000","addresses":[{"link":1,"address":"10.9.0.254"}]}` + "\n"
	if during != want {
		t.Errorf("before the address was added: recorded %s, want %s", during, want)
	}
	b.machine.fail = func(call, _ string) error { return map[string]error{"add": syscall.EPERM}[call] }
	if err := b.system.Apply([]platform.Attachment{b.attachment(2, vip2)})[0]; !errors.Is(err, syscall.EPERM) {
		t.Errorf("an address that cannot be added: error %v", err)
	}
	if got := b.saved(); got != want {
		t.Errorf("after the failure: recorded %s, want %s", got, want)
	}
	b.machine.fail = nil
	if err := b.system.Close(); err != nil {
		t.Fatal(err)
	}
	b.has("after close", "em0", "10.9.0.1/24")
	if got := b.saved(); got != "" {
		t.Errorf("after close: recorded %s", got)
	}
}

func TestWhatCannotBeRemovedIsTriedAgain(t *testing.T) {
	b := newBench(t)
	a := b.attachment(1, vip)
	b.apply(a)
	b.machine.fail = func(call, _ string) error { return map[string]error{"del": syscall.EBUSY}[call] }
	for _, x := range []platform.Attachment{standby(a), b.attachment(1), absent(a)} {
		if err := b.system.Apply([]platform.Attachment{x})[0]; !errors.Is(err, syscall.EBUSY) {
			t.Errorf("%+v: error %v, want the kernel's", x, err)
		}
	}
	b.machine.fail = nil
	b.apply(absent(a))
	b.has("at last", "em0", "10.9.0.1/24")
}

func TestManyRouters(t *testing.T) {
	b := newBench(t)
	var on, off []platform.Attachment
	want := []string{"10.9.0.1/24"}
	addr := netip.MustParseAddr("10.9.1.0")
	for vrid := range 255 {
		addr = addr.Next()
		a := b.attachment(uint8(vrid+1), netip.PrefixFrom(addr, 24))
		on, off = append(on, a), append(off, absent(a))
		want = append(want, addr.String()+"/32")
	}
	b.apply(on...)
	b.has("active", "em0", want...)
	if before := b.calls(); before != 255 {
		t.Errorf("%d changes, want 255", before)
	}
	b.apply(off...)
	b.has("absent", "em0", "10.9.0.1/24")
}

func TestVLANsHaveAParent(t *testing.T) {
	b := newBench(t)
	l := b.machine.addLink("em0.7")
	l.kind, l.parent = typeVLAN, "em0"
	links, err := b.system.Links()
	if err != nil {
		t.Fatal(err)
	}
	if got := links[1]; got.Name != "em0.7" || got.Parent != 1 || !got.Ethernet {
		t.Errorf("got %+v, want em0.7 above interface 1", got)
	}
}

// TestPacketsThatWereReadAlready checks that Wait returns at once while packets of an earlier read remain.
func TestPacketsThatWereReadAlready(t *testing.T) {
	b := newBench(t)
	c, err := b.system.Open(1, platform.IPv4, primary.Addr())
	if err != nil {
		t.Fatal(err)
	}
	const sent = 20 // more than one buffer holds
	for vrid := range sent {
		raw, err := frame.AppendAdvert(nil, &platform.Frame{Source: netip.MustParseAddr("10.9.0.2"), Payload: []byte{0x31, byte(vrid + 1), 100, 1}})
		if err != nil {
			t.Fatal(err)
		}
		b.machine.transmit(raw)
	}
	p := make([]platform.Packet, 2)
	var got []uint8
	for len(got) < sent {
		if err := b.system.wait(t); err != nil {
			t.Fatal(err)
		}
		n, err := b.system.Recv(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range p[:n] {
			got = append(got, x.Payload[1])
		}
	}
	for i, v := range got {
		if int(v) != i+1 {
			t.Fatalf("received the VRIDs %v, want them in order", got)
		}
	}
	for range 3 {
		raw, err := frame.AppendAdvert(nil, &platform.Frame{Source: netip.MustParseAddr("10.9.0.2"), Payload: []byte{0x31, 9, 100, 1}})
		if err != nil {
			t.Fatal(err)
		}
		b.machine.transmit(raw)
	}
	if n, err := b.system.Recv(p); n != len(p) || err != nil || b.system.backlog.Load() != 1 {
		t.Errorf("received %d, error %v, backlog %d; want a packet left", n, err, b.system.backlog.Load())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := b.system.backlog.Load(); n != 0 {
		t.Errorf("the backlog counts %d devices, want none", n)
	}
	if n, err := b.system.Recv(p); n != 0 || err != nil {
		t.Errorf("received %d after close: error %v", n, err)
	}
}

// wait is Wait without limit. It hangs if Wait does not notice a packet.
func (s *System) wait(t *testing.T) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Wait(never) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		s.Wake()
		return errors.New("wait did not end although there are packets")
	}
}

// TestWatchOutlivesItsSocket checks that Watch starts again when the route socket fails, and ends with
// the System.
func TestWatchOutlivesItsSocket(t *testing.T) {
	b := newBench(t)
	updates := make(chan platform.Update, 16)
	done := make(chan error, 1)
	go func() { done <- b.system.Watch(context.Background(), func(u platform.Update) { updates <- u }) }()
	if u := <-updates; len(u.Links) != 2 { // with the loopback
		t.Errorf("reported %+v first, want both interfaces", u)
	}
	b.machine.mu.Lock()
	for _, s := range b.machine.users[0].sockets {
		_ = s.close()
	}
	b.machine.mu.Unlock()
	if u := <-updates; len(u.Links) != 2 {
		t.Errorf("reported %+v after the socket was lost, want everything again", u)
	}
	if err := b.system.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("watch: %v", err)
	}
}
