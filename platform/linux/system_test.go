// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"

	"vrrpsh/platform"
	"vrrpsh/platform/platformtest"
)

func TestScenarios(t *testing.T) {
	needRoot(t)
	platformtest.Run(t, func(t *testing.T) platformtest.Harness { return newHarness(t) })
}

// TestScenariosWithoutMarks runs the scenarios as on kernels that do not record the origin of addresses.
func TestScenariosWithoutMarks(t *testing.T) {
	needRoot(t)
	platformtest.Run(t, func(t *testing.T) platformtest.Harness {
		h := newHarness(t)
		h.unmarked, h.system.registry.marks = true, false
		return h
	})
}

func onUp0(t testing.TB, h *harness, vrid uint8, macvlan bool, addrs ...netip.Prefix) platform.Attachment {
	t.Helper()
	return platform.Attachment{
		ID: platform.ID{Link: "up0", Family: platform.IPv4, VRID: vrid}, Link: h.link("up0").Attrs().Index,
		Macvlan: macvlan, Name: "standby" + string('0'+rune(vrid)), MAC: [6]byte{0, 0, 0x5e, 0, 1, vrid}, Addrs: addrs,
		Present: true, Active: true,
	}
}

func mustApply(t testing.TB, s *System, batch ...platform.Attachment) {
	t.Helper()
	for i, err := range s.Apply(batch) {
		if err != nil {
			t.Fatalf("%v: %v", batch[i].ID, err)
		}
	}
}

func sameKernel(t testing.TB, what string, want, got platformtest.Kernel) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (h *harness) stateFile() string {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.stateDir, "run-state*.json"))
	must(h.t, err)
	if len(files) != 1 {
		h.t.Fatalf("run-state files %v, want one", files)
	}
	return files[0]
}

func TestRunStateFile(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	before := h.Kernel()
	mustApply(t, h.system, onUp0(t, h, 1, true, vip4))
	file := h.stateFile()
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	first, err := os.ReadFile(file)
	must(t, err)
	for range 3 { // a change of state is not a reason to write
		standby := onUp0(t, h, 1, true, vip4)
		standby.Active = false
		mustApply(t, h.system, standby)
		mustApply(t, h.system, onUp0(t, h, 1, true, vip4))
	}
	again, err := os.Stat(file)
	must(t, err)
	if !os.SameFile(info, again) {
		t.Error("the file was written although nothing new can be left behind")
	}
	if !json.Valid(first) || !strings.Contains(string(first), `"standby1"`) || !strings.Contains(string(first), `"arp_ignore"`) {
		t.Errorf("content %s", first)
	}
	must(t, h.system.Close())
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after close: %v, want no file", err)
	}
	h.Restart()
	sameKernel(t, "after close", before, h.Kernel())
}

// A record of another boot or namespace is ignored.
func TestRecoverIgnoresRecordsOfOthers(t *testing.T) {
	for name, change := range map[string]func(*runState){
		"boot":         func(s *runState) { s.Origin.BootID = "another" },
		"namespace":    func(s *runState) { s.Origin.Inode++ },
		"namespace id": func(s *runState) { s.Origin.Cookie++ },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			set := onUp0(t, h, 2, false, netip.MustParsePrefix("10.9.0.200/32"))
			set.SetMAC = true
			mustApply(t, h.system, onUp0(t, h, 1, true, vip4), set)
			want := h.Kernel()
			file := h.stateFile()
			h.Crash()
			b, err := os.ReadFile(file)
			must(t, err)
			var s runState
			must(t, json.Unmarshal(b, &s))
			change(&s)
			b, err = json.Marshal(&s)
			must(t, err)
			must(t, os.WriteFile(file, b, 0o600))
			must(t, h.system.Recover())
			got := h.Kernel()
			// Objects with our mark are removed anyway; unmarked ones stay.
			if d := cmp.Diff(want.Settings, got.Settings); d != "" {
				t.Errorf("settings (-want +got):\n%s", d)
			}
			if up := got.Links["up0"]; up.MAC != want.Links["up0"].MAC || !slices.Equal(up.Addrs, []netip.Prefix{primary4}) || len(got.Links) != 1 {
				t.Errorf("interfaces %+v", got.Links)
			}
		})
	}
}

func TestRecoverWithoutFile(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"lost":    os.Remove,
		"empty":   func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"garbage": func(file string) error { return os.WriteFile(file, []byte(`{"macvlans": 7`), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			before := h.Kernel()
			mustApply(t, h.system, onUp0(t, h, 1, true, vip4), onUp0(t, h, 2, false, netip.MustParsePrefix("10.9.0.200/32")))
			file := h.stateFile()
			h.Crash()
			must(t, spoil(file))
			must(t, h.system.Recover())
			got := h.Kernel()
			got.Settings = before.Settings // these are not marked
			sameKernel(t, "after recovery", before, got)
		})
	}
}

// TestTakeOverWithoutRecover calls Apply while leftovers of a crashed run exist.
func TestTakeOverWithoutRecover(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	before := h.Kernel()
	other := netip.MustParsePrefix("10.9.0.200/32")
	master, ether, backup := onUp0(t, h, 1, true, vip4), onUp0(t, h, 2, false, other), onUp0(t, h, 3, true, vip4)
	mustApply(t, h.system, master, ether, backup)
	h.Crash()
	backup.Active = false
	mustApply(t, h.system, master, ether, backup)
	got := h.Kernel().Links
	if l := got[master.Name]; !l.Up || !slices.Equal(l.Addrs, master.Addrs) {
		t.Errorf("macvlan of the Master %+v", l)
	}
	if l := got[backup.Name]; l.Up || len(l.Addrs) > 0 || l.Parent != "up0" {
		t.Errorf("macvlan of the Backup %+v", l)
	}
	if l := got["up0"]; !slices.Equal(l.Addrs, []netip.Prefix{primary4, other}) {
		t.Errorf("interface %+v", l)
	}
	for _, a := range []*platform.Attachment{&master, &ether, &backup} {
		a.Present, a.Active = false, false
		mustApply(t, h.system, *a)
	}
	after := h.Kernel()
	after.Settings = before.Settings // whose originals only Recover would have read
	sameKernel(t, "absent", before, after)
}

func TestTwoRoutersInOneNamespace(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	mustApply(t, h.system, onUp0(t, h, 1, true, vip4), onUp0(t, h, 2, false, netip.MustParsePrefix("10.9.0.200/32")))
	want := h.Kernel()
	if _, err := New(Options{StateDir: h.stateDir, Namespace: int(h.router)}); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("with the same state directory: %v, want a conflict", err)
	}
	second, err := New(Options{StateDir: t.TempDir(), Namespace: int(h.router)})
	must(t, err)
	must(t, second.Recover())
	mustApply(t, second, onUp0(t, h, 3, true, netip.MustParsePrefix("10.9.0.103/24")), onUp0(t, h, 4, false, netip.MustParsePrefix("10.9.0.104/24")))
	both := h.Kernel()
	for _, s := range []*System{h.system, second} { // neither takes the other's objects for leftovers
		lost, _, err := s.Reconcile()
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("lost %v", lost)
		}
	}
	sameKernel(t, "compared", both, h.Kernel())
	must(t, second.Close())
	sameKernel(t, "after the second", want, h.Kernel())
	// In another namespace the same directory can be used.
	elsewhere, err := New(Options{StateDir: h.stateDir, Namespace: int(h.lan)})
	must(t, err)
	must(t, elsewhere.Recover())
	must(t, elsewhere.Close())
	sameKernel(t, "after the one elsewhere", want, h.Kernel())
}

func TestUnwritableStateChangesNothing(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	before := h.Kernel()
	must(t, os.Rename(h.stateDir, h.stateDir+".away"))
	for _, err := range h.system.Apply([]platform.Attachment{onUp0(t, h, 1, true, vip4), onUp0(t, h, 2, false, vip4)}) {
		if err == nil {
			t.Error("applied without a record")
		}
	}
	sameKernel(t, "after the failure", before, h.Kernel())
	must(t, os.Rename(h.stateDir+".away", h.stateDir))
	mustApply(t, h.system, onUp0(t, h, 1, true, vip4))
}

// A macvlan that another program sets up would take frames from the Master.
func TestStandbyMacvlanSetUpFromOutsideIsTold(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	a := onUp0(t, h, 1, true, vip4)
	a.Active = false
	mustApply(t, h.system, a)
	lost := make(chan platform.ID, 10)
	stop := watchLost(t, h.system, lost)
	defer stop()
	h.SetUp(a.Name, true)
	if id := waitLost(t, lost); id != a.ID {
		t.Errorf("lost %v, want %v", id, a.ID)
	}
	mustApply(t, h.system, a)
	if h.Kernel().Links[a.Name].Up {
		t.Error("the macvlan is still up")
	}
}

func watchLost(t testing.TB, s *System, lost chan<- platform.ID) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, begun := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		done <- s.Watch(ctx, func(u platform.Update) {
			for _, id := range u.Lost {
				lost <- id
			}
			select {
			case begun <- struct{}{}:
			default:
			}
		})
	}()
	<-begun
	return func() { cancel(); must(t, <-done) }
}

func waitLost(t testing.TB, lost <-chan platform.ID) platform.ID {
	t.Helper()
	select {
	case id := <-lost:
		return id
	case <-time.After(platformtest.Patience):
		t.Fatal("nothing was reported as lost")
		return platform.ID{}
	}
}

// TestWatchAfterOverrun overruns the notification buffer.
func TestWatchAfterOverrun(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.AddLink("up1")
	h.system.notifyBuffer = 1
	a := onUp0(t, h, 1, false, vip4)
	mustApply(t, h.system, a)
	gone := h.link("up1").Attrs().Index

	ctx, cancel := context.WithCancel(context.Background())
	begun, busy, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	told := make(chan platform.Update, 1000)
	first := true
	go func() {
		done <- h.system.Watch(ctx, func(u platform.Update) {
			told <- u
			if first {
				first = false
				if !u.Diverged {
					t.Error("the whole state was read and nobody is told to compare it")
				}
				close(begun)
				<-busy
			}
		})
	}()
	defer func() { cancel(); must(t, <-done) }()
	<-begun
	last := netip.MustParseAddr("10.9.1.0")
	for range 200 {
		last = last.Next()
		h.AddAddr("up0", netip.PrefixFrom(last, 32))
	}
	h.DelAddr("up0", vip4)
	h.DelLink("up1")
	close(busy)

	var lost, vanished, complete bool
	for late := time.After(platformtest.Patience); !lost || !vanished || !complete; {
		select {
		case u := <-told:
			if u.Diverged {
				missing, _, err := h.system.Reconcile()
				must(t, err)
				lost = lost || slices.Contains(missing, a.ID)
			}
			vanished = vanished || slices.Contains(u.Gone, gone)
			for _, l := range u.Links {
				if l.Name == "up0" {
					complete = slices.Contains(l.Addrs, netip.PrefixFrom(last, 32)) && !slices.Contains(l.Addrs, vip4)
				}
			}
		case <-late:
			t.Fatalf("after an overrun: loss reported %v, missing link reported %v, addresses complete %v", lost, vanished, complete)
		}
	}
}

// TestReconcileReadsOnce checks that a comparison that finds nothing wrong reads the kernel's state once and requests nothing.
func TestReconcileReadsOnce(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	must(t, h.system.Recover())
	mustApply(t, h.system, onUp0(t, h, 1, true, vip4), onUp0(t, h, 2, false, netip.MustParsePrefix("10.9.0.102/24")))
	reconcile(t, h)
	count := func(c *rtnetlink) *int {
		n := new(int)
		c.inject = func(done bool) error {
			if done {
				*n++
			}
			return nil
		}
		return n
	}
	requests, reads := count(h.system.change), count(h.system.query)
	reconcile(t, h)
	if *requests != 0 || *reads != 2 { // links and addresses
		t.Errorf("%d requests, %d reads", *requests, *reads)
	}
}

// divergence records what Watch reports.
type divergence struct {
	h       *harness
	updates chan platform.Update
	fences  int
}

// watchDiverged watches until the test ends, and begins after the first update.
func watchDiverged(t testing.TB, h *harness) *divergence {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, done := &divergence{h: h, updates: make(chan platform.Update, 1000)}, make(chan error, 1)
	system := h.system
	go func() { done <- system.Watch(ctx, func(u platform.Update) { d.updates <- u }) }()
	<-d.updates
	t.Cleanup(func() { cancel(); must(t, <-done) })
	return d
}

// next returns the next update.
func (d *divergence) next() platform.Update {
	d.h.t.Helper()
	select {
	case u := <-d.updates:
		return u
	case <-time.After(platformtest.Patience):
		d.h.t.Fatal("nothing was told")
		panic("unreachable")
	}
}

// soFar reports whether what has happened until now was told as something to reconcile: a new interface, which is told after it,
// is not.
func (d *divergence) soFar() bool {
	d.h.t.Helper()
	d.fences++
	name := fmt.Sprint("fence", d.fences)
	must(d.h.t, d.h.r.LinkAdd(&netlink.Bridge{LinkAttrs: attrs(name)}))
	for diverged := false; ; {
		u := d.next()
		diverged = diverged || u.Diverged
		if slices.ContainsFunc(u.Links, func(l platform.Link) bool { return l.Name == name }) {
			return diverged
		}
	}
}
