// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

// master returns a host that is Master of one group.
func master(t *testing.T) (*host, engine.VirtualRouter) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.run(4 * time.Second)
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	return h, vr
}

func TestBecomingMaster(t *testing.T) {
	h := newHost(t)
	h.silent = true
	vr := group("eth0", 51, "10.0.0.100")
	vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	want := engine.Desired{
		Key: vr.Key, Seq: 1, Link: 1, Type: engine.Macvlan, VIFName: "vrrp51",
		MAC: [6]byte{0, 0, 0x5e, 0, 1, 51}, Addrs: prefixes("10.0.0.100/24"), Present: true,
	}
	if diff := cmp.Diff([]engine.Desired{want}, h.out.Desired, cmpAddr); diff != "" {
		t.Errorf("Backup (-want +got):\n%s", diff)
	}
	h.run(4 * time.Second)
	want.Seq, want.Active = 2, true
	if diff := cmp.Diff([]engine.Desired{want}, h.out.Desired, cmpAddr); diff != "" {
		t.Errorf("Master (-want +got):\n%s", diff)
	}
	if len(h.out.Announces) > 0 || h.status(vr.Key).Installed {
		t.Error("announces addresses before the kernel has them")
	}
	h.out = engine.Output{}
	h.core.Installed(h.now, vr.Key, 1, nil, &h.out)
	if len(h.out.Announces) > 0 || h.status(vr.Key).Installed {
		t.Error("an outdated answer was used")
	}
	h.core.Installed(h.now, vr.Key, 2, nil, &h.out)
	if len(h.out.Announces) != 1 || !h.status(vr.Key).Installed {
		t.Errorf("%d announcements, installed: %t", len(h.out.Announces), h.status(vr.Key).Installed)
	}
}

func TestRefusedAddresses(t *testing.T) {
	h := newHost(t)
	h.refuse = true
	vr := group("eth0", 51, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.run(3700 * time.Millisecond)
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseInstallFailed)
	if diff := cmp.Diff([]uint8{100, 0}, h.priorities()); diff != "" {
		t.Errorf("adverts (-want +got):\n%s", diff)
	}
	if d := h.newest(vr.Key); d.Active || !d.Present {
		t.Errorf("asks for %+v", d)
	}
	if f := h.status(vr.Key).Fault; f != errRefused.Error() {
		t.Errorf("fault is %q", f)
	}
	h.run(time.Minute)
	if diff := cmp.Diff([]string{errRefused.Error()}, h.texts(engine.EventFault)); diff != "" {
		t.Errorf("reported faults (-want +got):\n%s", diff)
	}
	h.refuse = false
	h.run(2 * time.Minute)
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	if f := h.status(vr.Key).Fault; f != "" {
		t.Errorf("fault is still %q", f)
	}
}

// TestRefusedIsTriedAgain checks which events are a reason to preempt again after the kernel refused the addresses.
func TestRefusedIsTriedAgain(t *testing.T) {
	vr := with(group("eth0", 51, "10.0.0.100"), func(vr *engine.VirtualRouter) {
		vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
		vr.Track = []engine.Tracking{{Object: "gw", Decrement: 10}}
	})
	other := group("eth0", 52, "10.0.0.101")
	gw := script(time.Second)
	cfg := func(vrs ...engine.VirtualRouter) engine.Config {
		return engine.Config{Routers: vrs, Tracks: []engine.TrackObject{gw}}
	}
	eth0 := ethernet(1, "eth0", "10.0.0.1/24")
	foreign := func(index int, name string, mac [6]byte) engine.Link {
		l := ethernet(index, name)
		l.MAC = mac
		return l
	}
	virtual := vrrp.VirtualMAC(vrrp.IPv4, 51)
	for name, tt := range map[string]struct {
		do   func(h *host)
		want bool
	}{
		"nothing":                                 {func(*host) {}, false},
		"another virtual router":                  {func(h *host) { h.apply(cfg(vr, with(other, inPlace["priority"]))) }, false},
		"a tracked object":                        {func(h *host) { h.track(gw, false) }, false},
		"another interface":                       {func(h *host) { h.unlink(7) }, false},
		"a new interface":                         {func(h *host) { h.link(ethernet(8, "eth8")) }, false},
		"its description":                         {func(h *host) { h.apply(cfg(with(vr, inPlace["description"]), other)) }, true},
		"its addresses":                           {func(h *host) { h.apply(cfg(with(vr, inPlace["vips"]), other)) }, true},
		"a restart":                               {func(h *host) { h.apply(cfg(with(vr, restarts["vifname"]), other)) }, true},
		"its interface's addresses":               {func(h *host) { h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.7/24")) }, false},
		"addresses of the interface with its MAC": {func(h *host) { l := foreign(6, "twin", virtual); l.Addrs = prefixes("fe80::1/64"); h.link(l) }, false},
		"its macvlan was removed":                 {func(h *host) { h.lose(vr.Key) }, true},
		"its own macvlan": {func(h *host) {
			h.link(foreign(9, "vrrp51", virtual))
			h.core.ForgetLink(h.now, 9, &h.out)
		}, false},
		"its interface's MTU":                        {func(h *host) { l := eth0; l.MTU = 9000; h.link(l) }, true},
		"its interface was down":                     {func(h *host) { l := eth0; l.Up = false; h.link(l); h.link(eth0) }, true},
		"it had no address":                          {func(h *host) { h.link(ethernet(1, "eth0")); h.link(eth0) }, true},
		"its interface was removed and added":        {func(h *host) { h.unlink(1); h.link(eth0) }, true},
		"the interface with its name was removed":    {func(h *host) { h.unlink(5) }, true},
		"the interface with its name was renamed":    {func(h *host) { h.link(foreign(5, "other", [6]byte{2})) }, true},
		"the interface with its MAC was removed":     {func(h *host) { h.unlink(6) }, true},
		"the interface with its MAC got another one": {func(h *host) { h.link(foreign(6, "twin", [6]byte{2})) }, true},
		"the interface with its MAC was shut down":   {func(h *host) { l := foreign(6, "twin", virtual); l.Up = false; h.link(l) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.link(eth0)
			h.link(foreign(5, "vrrp51", [6]byte{2}))
			h.link(foreign(6, "twin", virtual))
			h.link(ethernet(7, "eth7"))
			h.refuse = true
			h.apply(cfg(vr, other))
			h.run(4 * time.Second)
			h.wantState(vr.Key, vrrp.Backup, vrrp.CauseInstallFailed)
			tt.do(h)
			h.refuse = false
			for range 30 {
				h.deliver(1, vrrp.IPv4, advert(&vr, 80, "10.0.0.9"))
				h.run(time.Second)
			}
			s := h.status(vr.Key)
			if got := s.State == vrrp.Master; got != tt.want || s.Refused == tt.want {
				t.Errorf("it is %s, refused: %t", s.State, s.Refused)
			}
		})
	}
}

// TestKernelWithoutMemory checks that a lack of memory in the kernel, unlike a refusal, says nothing about the next request: the
// Master becomes Backup, but it preempts again.
func TestKernelWithoutMemory(t *testing.T) {
	for err, refused := range map[error]bool{
		fmt.Errorf("add address: %w", syscall.ENOBUFS): false, fmt.Errorf("eth0: %w", platform.ErrNoLink): false, errRefused: true,
	} {
		t.Run(err.Error(), func(t *testing.T) {
			h := newHost(t)
			h.silent = true
			vr := group("eth0", 51, "10.0.0.100")
			vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			h.apply(config(vr))
			check := func(state vrrp.State) {
				t.Helper()
				if s := h.status(vr.Key); s.State != state || s.Refused != refused || s.Fault != err.Error() {
					t.Errorf("it is %s, refused: %t, fault %q", s.State, s.Refused, s.Fault)
				}
			}
			h.core.Installed(h.now, vr.Key, 1, err, &h.out)
			check(vrrp.Backup)
			h.core.Installed(h.now, vr.Key, 1, nil, &h.out)
			h.run(4 * time.Second)
			h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
			h.core.Installed(h.now, vr.Key, h.newest(vr.Key).Seq, err, &h.out)
			check(vrrp.Backup)
		})
	}
}

// TestMacvlanOfBackupIsRefused checks that a Backup whose macvlan the kernel refuses does not take over.
func TestMacvlanOfBackupIsRefused(t *testing.T) {
	h := newHost(t)
	h.silent = true
	vr := group("eth0", 51, "10.0.0.100")
	vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	taken := ethernet(5, "vrrp51")
	h.link(taken)
	h.apply(config(vr))
	h.core.Installed(h.now, vr.Key, 1, errRefused, &h.out)
	h.silent = false
	hear := func(seconds int) {
		for range seconds {
			h.deliver(1, vrrp.IPv4, advert(&vr, 80, "10.0.0.9"))
			h.run(time.Second)
		}
	}
	hear(30)
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseStartup)
	h.unlink(5)
	if d := h.newest(vr.Key); d == nil || d.Active || !d.Present {
		t.Errorf("asks for %+v", d)
	}
	if f := h.status(vr.Key).Fault; f != "" {
		t.Errorf("fault is still %q", f)
	}
	hear(10)
	h.wantState(vr.Key, vrrp.Master, vrrp.CausePreempt)
}

// TestRefusedIsHandedOver checks that a new process does not repeat what has just failed.
func TestRefusedIsHandedOver(t *testing.T) {
	h := newHost(t)
	h.refuse = true
	vr := group("eth0", 51, "10.0.0.100")
	eth0 := ethernet(1, "eth0", "10.0.0.1/24")
	h.link(eth0)
	h.apply(config(vr))
	h.run(4 * time.Second)
	next := h.handOver(eth0)
	for range 10 {
		next.deliver(1, vrrp.IPv4, advert(&vr, 80, "10.0.0.9"))
		next.run(time.Second)
	}
	next.wantState(vr.Key, vrrp.Backup, vrrp.CauseInstallFailed)
	if s := next.status(vr.Key); !s.Refused || s.Fault != errRefused.Error() {
		t.Errorf("refused: %t, fault %q", s.Refused, s.Fault)
	}
	next.link(ethernet(1, "eth0"))
	next.link(eth0)
	if next.status(vr.Key).Refused {
		t.Error("still refused although something has changed")
	}
}

// TestRefusedOwnerHears checks that an owner that cannot have all of its addresses leaves them to a router that can.
func TestRefusedOwnerHears(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.1", "10.0.0.100")
	h.refuse = true
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.2/24"))
	h.apply(config(vr))
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseInstallFailed)
	for range 60 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 80, "10.0.0.9"))
		h.run(time.Second)
	}
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseInstallFailed)
	if n := h.status(vr.Key).Counters.BecameMaster; n != 1 {
		t.Errorf("it was Master %d times", n)
	}
}

func TestFaultOfBackup(t *testing.T) {
	h := newHost(t)
	h.silent = true
	vr := group("eth0", 51, "10.0.0.100")
	vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.core.Installed(h.now, vr.Key, 1, errRefused, &h.out)
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseStartup)
	if f := h.status(vr.Key).Fault; f == "" {
		t.Error("no fault")
	}
	h.silent = false
	h.apply(config(with(vr, func(vr *engine.VirtualRouter) { vr.VIFName = "vrrp52" })))
	if f := h.status(vr.Key).Fault; f != "" {
		t.Errorf("fault is still %q", f)
	}
}

func TestRepairIsBounded(t *testing.T) {
	h, vr := master(t)
	for i := range 5 {
		h.lose(vr.Key)
		if d := h.newest(vr.Key); d == nil || !d.Active {
			t.Fatalf("loss %d is not repaired: %+v", i+1, d)
		}
		h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
		h.run(time.Second)
	}
	h.lose(vr.Key)
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseAddressLost)
	if diff := cmp.Diff([]uint8{0}, h.priorities()); diff != "" {
		t.Errorf("adverts (-want +got):\n%s", diff)
	}
	if d := h.newest(vr.Key); d == nil || d.Active {
		t.Errorf("asks for %+v", d)
	}
	if f := h.status(vr.Key).Fault; !strings.Contains(f, "more than 5 times in 10s") {
		t.Errorf("fault is %q", f)
	}
	h.lose(vr.Key)
	if len(h.out.Desired) > 0 {
		t.Error("a Backup repairs its addresses")
	}
	// The retry succeeds, and the fault ends.
	h.run(10 * time.Second)
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	if f := h.status(vr.Key).Fault; f != "" {
		t.Errorf("fault is still %q", f)
	}
}

func TestRareLossesAreRepairedForEver(t *testing.T) {
	h, vr := master(t)
	for range 50 {
		h.run(2100 * time.Millisecond)
		h.lose(vr.Key)
	}
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
}

func TestLossToldInPartsCountsOnce(t *testing.T) {
	h, vr := master(t)
	h.silent = true
	for range 20 {
		h.lose(vr.Key)
	}
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	// More removals may have happened after the repair, so it is repeated.
	h.silent = false
	h.out = engine.Output{}
	h.core.Installed(h.now, vr.Key, 3, nil, &h.out)
	h.answer(0)
	if len(h.out.Desired) != 1 {
		t.Errorf("%d repairs, want one", len(h.out.Desired))
	}
}

func TestLostMacvlanOfBackup(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.lose(vr.Key)
	if len(h.out.Desired) > 0 {
		t.Error("a Backup without macvlan has nothing to lose")
	}
	vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
	h.apply(config(vr))
	h.lose(vr.Key)
	if d := h.newest(vr.Key); d == nil || d.Active || !d.Present {
		t.Errorf("asks for %+v", d)
	}
}

func TestResign(t *testing.T) {
	h, vr := master(t)
	h.out = engine.Output{}
	if err := h.core.Resign(h.now, vr.Key, &h.out); err != nil {
		t.Fatal(err)
	}
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseResign)
	if diff := cmp.Diff([]uint8{0}, h.priorities()); diff != "" {
		t.Errorf("adverts (-want +got):\n%s", diff)
	}
	if err := h.core.Resign(h.now, vr.Key, &h.out); err == nil || !strings.Contains(err.Error(), "Backup") {
		t.Errorf("a Backup resigns: %v", err)
	}
	if err := h.core.Resign(h.now, engine.Key{Interface: "eth7"}, &h.out); err == nil {
		t.Error("a missing virtual router resigns")
	}
}

// TestLeftoverOfARemovedRouter checks that what could not be removed is reported again for another removal, and that its end is
// reported only for a removal that has failed.
func TestLeftoverOfARemovedRouter(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	vr := group("eth0", 51, "10.0.0.100")
	step := func(cfg engine.Config, err error) {
		h.silent = true
		h.apply(cfg)
		if d := h.newest(vr.Key); d != nil {
			h.core.Installed(h.now, vr.Key, d.Seq, err, &h.out)
		}
		h.answer(0)
	}
	const left, gone = "still in the kernel, trying again: operation not permitted", "finally removed from the kernel"
	for _, tt := range []struct {
		err  error
		want []string
	}{
		{errRefused, []string{left}},
		{errRefused, []string{left, left}},
		{nil, []string{left, left}},
	} {
		step(config(vr), nil)
		step(config(), tt.err)
		if got := h.texts(engine.EventFault); !slices.Equal(got, tt.want) {
			t.Errorf("the events are %q, want %q", got, tt.want)
		}
	}
	step(config(vr), nil)
	step(config(), errRefused)
	h.core.Installed(h.now, vr.Key, h.newest(vr.Key).Seq, nil, &h.out)
	h.answer(0)
	if got, want := h.texts(engine.EventFault), []string{left, left, left, gone}; !slices.Equal(got, want) {
		t.Errorf("the events are %q, want %q", got, want)
	}
}
