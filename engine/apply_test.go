// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// inPlace and restarts have one change for every setting.
var inPlace = map[string]func(*engine.VirtualRouter){
	"priority":           func(vr *engine.VirtualRouter) { vr.Protocol.Priority = 150 },
	"preemption":         func(vr *engine.VirtualRouter) { vr.Protocol.Preempt = false },
	"preempt_delay":      func(vr *engine.VirtualRouter) { vr.Protocol.PreemptDelay = time.Minute },
	"advertise_interval": func(vr *engine.VirtualRouter) { vr.Protocol.Interval = 2 * time.Second },
	"vips":               func(vr *engine.VirtualRouter) { setAddresses(vr, "10.0.0.100", "10.0.0.111") },
	"auth_type":          func(vr *engine.VirtualRouter) { vr.Protocol.AuthType = vrrp.AuthSimple },
	"auth_secret":        func(vr *engine.VirtualRouter) { vr.Protocol.Secret = "other" },
	"rfc3768":            func(vr *engine.VirtualRouter) { vr.Protocol.Lenient = false },
	"checksum":           func(vr *engine.VirtualRouter) { vr.Protocol.Checksum = vrrp.ChecksumRFC9568 },
	"garp_repeat":        func(vr *engine.VirtualRouter) { vr.Protocol.Announce.Repeat = 7 },
	"garp_delay":         func(vr *engine.VirtualRouter) { vr.Protocol.Announce.Delay = time.Second },
	"garp_refresh":       func(vr *engine.VirtualRouter) { vr.Protocol.Announce.Refresh = time.Second },
	"socket_filter":      func(vr *engine.VirtualRouter) { vr.SocketFilter = false },
	"description":        func(vr *engine.VirtualRouter) { vr.Description = "uplink" },
	"shutdown":           func(vr *engine.VirtualRouter) { vr.Shutdown = true },
	"track":              func(vr *engine.VirtualRouter) { vr.Track = []engine.Tracking{{Object: "x", Decrement: 9}} },
	"sync_group":         func(vr *engine.VirtualRouter) { vr.SyncGroup = "edge" },
	"accept_mode":        func(vr *engine.VirtualRouter) { vr.Closed = true },
	"accept_ping":        func(vr *engine.VirtualRouter) { vr.AcceptPing = true },
	"advert_mac":         func(vr *engine.VirtualRouter) { vr.AdvertMAC = engine.AdvertFromInterface },
	"unicast_peers": func(vr *engine.VirtualRouter) {
		vr.Protocol.Unicast.Peers = []netip.Addr{netip.MustParseAddr("10.0.0.2")}
	},
}

var restarts = map[string]func(*engine.VirtualRouter){
	"version": func(vr *engine.VirtualRouter) { vr.Protocol.Version = vrrp.V2 },
	"iftype":  func(vr *engine.VirtualRouter) { vr.Type = engine.Macvlan },
	"vifname": func(vr *engine.VirtualRouter) { vr.VIFName = "other0" },
	"vmac":    func(vr *engine.VirtualRouter) { vr.VMAC = true },
	"netdrv":  func(vr *engine.VirtualRouter) { vr.IOCTL = true },
}

// TestChanges makes every change to a Master, and compares the prediction of Plan with the effect of Apply.
func TestChanges(t *testing.T) {
	check := func(name string, change func(*engine.VirtualRouter), kind engine.ChangeKind) {
		t.Run(name, func(t *testing.T) {
			before := group("eth0", 51, "10.0.0.100")
			after := with(before, change)
			resigns := kind == engine.Restarted || after.Shutdown
			want := []engine.Change{{Key: before.Key, Kind: kind, Resigns: resigns}}
			if diff := cmp.Diff(want, engine.Plan(config(before), config(after))); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}

			h := newHost(t)
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			h.apply(config(before))
			h.run(10 * time.Second)
			received := h.status(before.Key).Counters.AdvertsSent
			h.apply(config(after))
			got := h.status(before.Key)
			if got.Counters.AdvertsSent < received {
				t.Error("the counters were reset")
			}
			if cmp.Diff(&after, got.Config, cmpAddr) != "" {
				t.Errorf("runs %+v", got.Config)
			}
			resigned := slices.Contains(h.priorities(), vrrp.PriorityResign)
			switch {
			case kind == engine.Restarted:
				if !resigned || got.State != vrrp.Backup {
					t.Errorf("%s, priority 0 sent: %t", got.State, resigned)
				}
				if tr := got.History[len(got.History)-2]; tr.Cause != vrrp.CauseReconfigured {
					t.Errorf("left Master because of %s", tr.Cause)
				}
			case after.Shutdown:
				if !resigned || got.State != vrrp.Initialize || got.Cause != vrrp.CauseShutdown {
					t.Errorf("%s (%s), priority 0 sent: %t", got.State, got.Cause, resigned)
				}
				if d := h.newest(before.Key); d == nil || d.Present {
					t.Error("kernel state is left")
				}
			default:
				if resigned || got.State != vrrp.Master || got.Since == h.now {
					t.Errorf("%s since %s, priority 0 sent: %t", got.State, got.Since, resigned)
				}
			}
			h.run(10 * time.Second)
			if s := h.status(before.Key); !after.Shutdown && s.State != vrrp.Master {
				t.Errorf("%s later", s.State)
			}
		})
	}
	for name, change := range inPlace {
		check(name, change, engine.ChangedInPlace)
	}
	for name, change := range restarts {
		check(name, change, engine.Restarted)
	}
}

func TestRestartOfWhatDoesNotRun(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	h.apply(config(vr))
	h.apply(config(with(vr, restarts["version"])))
	h.wantState(vr.Key, vrrp.Initialize, vrrp.CauseNoLink)
	if n := len(h.status(vr.Key).History); n > 0 {
		t.Errorf("%d transitions", n)
	}
}

func TestChangeIsSeenByPeers(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.run(10*time.Second + 300*time.Millisecond)
	h.apply(config(with(vr, inPlace["priority"])))
	if diff := cmp.Diff([]uint8{150}, h.priorities()); diff != "" {
		t.Errorf("adverts at once (-want +got):\n%s", diff)
	}
	h.apply(config(with(vr, inPlace["vips"])))
	if len(h.out.Sends) != 1 || h.out.Sends[0].Payload[3] != 2 {
		t.Errorf("adverts at once: %v, want one with two addresses", h.out.Sends)
	}
	if diff := cmp.Diff(prefixes("10.0.0.100/24", "10.0.0.111/24"), h.newest(vr.Key).Addrs, cmpAddr); diff != "" {
		t.Errorf("installs (-want +got):\n%s", diff)
	}
	if a := h.out.Announces; len(a) != 1 || len(a[0].Addrs) != 2 {
		t.Errorf("announces %v, want both addresses", a)
	}
}

// TestRestartOfAMember restarts, removes and shuts down a member of a sync group, and compares Plan's prediction
// for the other member with the result.
func TestRestartOfAMember(t *testing.T) {
	synced := func(vr *engine.VirtualRouter) { vr.SyncGroup = "edge" }
	a, b := with(group("eth0", 1, "10.0.0.101"), synced), with(group("eth1", 1, "10.1.0.101"), synced)
	unsynced := func(vr *engine.VirtualRouter) { vr.SyncGroup = "" }
	renamed := func(vr *engine.VirtualRouter) { vr.SyncGroup = "core" }
	restarted := engine.Change{Key: a.Key, Kind: engine.Restarted, Resigns: true}
	for name, tt := range map[string]struct {
		after engine.Config
		want  []engine.Change
		state vrrp.State // of b, right after the change
	}{
		"restarted": {config(with(a, restarts["version"]), b),
			[]engine.Change{restarted, {Key: b.Key, Kind: engine.Unchanged, Resigns: true, With: a.Key}}, vrrp.Backup},
		"restarted, the other changed": {config(with(a, restarts["version"]), with(b, inPlace["description"])),
			[]engine.Change{restarted, {Key: b.Key, Kind: engine.ChangedInPlace, Resigns: true, With: a.Key}}, vrrp.Backup},
		"restarted, the other leaves": {config(with(a, restarts["version"]), with(b, unsynced)),
			[]engine.Change{restarted, {Key: b.Key, Kind: engine.ChangedInPlace}}, vrrp.Master},
		"restarted, both leave": {config(with(a, restarts["version"], unsynced), with(b, unsynced)),
			[]engine.Change{restarted, {Key: b.Key, Kind: engine.ChangedInPlace}}, vrrp.Master},
		"restarted, the sync group renamed": {config(with(a, restarts["version"], renamed), with(b, renamed)),
			[]engine.Change{restarted, {Key: b.Key, Kind: engine.ChangedInPlace}}, vrrp.Master},
		"restarted and leaves": {config(with(a, restarts["version"], unsynced), b),
			[]engine.Change{restarted}, vrrp.Master},
		"restarted and shut down": {config(with(a, restarts["version"], inPlace["shutdown"]), b),
			[]engine.Change{restarted}, vrrp.Master},
		"changed in place": {config(with(a, inPlace["priority"]), b),
			[]engine.Change{{Key: a.Key, Kind: engine.ChangedInPlace}}, vrrp.Master},
		"shut down": {config(with(a, inPlace["shutdown"]), b),
			[]engine.Change{{Key: a.Key, Kind: engine.ChangedInPlace, Resigns: true}}, vrrp.Master},
		"removed": {config(b), []engine.Change{{Key: a.Key, Kind: engine.Removed, Resigns: true}}, vrrp.Master},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, engine.Plan(config(a, b), tt.after)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			h := newHost(t)
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			h.link(ethernet(2, "eth1", "10.1.0.1/24"))
			h.apply(config(a, b))
			h.run(10 * time.Second)
			if got := h.status(b.Key).State; got != vrrp.Master {
				t.Fatalf("before, the other member is %s", got)
			}
			h.apply(tt.after)
			if got := h.status(b.Key).State; got != tt.state {
				t.Errorf("the other member is %s, want %s", got, tt.state)
			}
		})
	}
}

// TestRemovedMemberIsSilent removes a member of a sync group while the other member restarts and leaves the group: the
// removed member stops completely, although its interface stays in use.
func TestRemovedMemberIsSilent(t *testing.T) {
	synced := func(vr *engine.VirtualRouter) { vr.SyncGroup = "edge" }
	a, b := group("eth0", 1, "10.0.0.101"), group("eth1", 2, "10.1.0.102")
	other := group("eth1", 3, "10.1.0.103")
	for name, after := range map[string]engine.Config{
		"the other leaves":       config(with(a, restarts["iftype"]), other),
		"the other stays":        config(with(a, restarts["iftype"], synced), other),
		"the other is renamed":   config(with(a, restarts["iftype"], func(vr *engine.VirtualRouter) { vr.SyncGroup = "core" }), other),
		"the other goes as well": config(other),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			h.link(ethernet(2, "eth1", "10.1.0.1/24"))
			h.apply(config(with(a, synced), with(b, synced), other))
			h.run(10 * time.Second)
			h.apply(after)
			if d := h.newest(b.Key); d == nil || d.Present {
				t.Errorf("asks for %+v", d)
			}
			h.run(time.Minute)
			h.link(ethernet(2, "eth1", "10.1.0.1/24", "10.1.0.9/24"))
			h.run(time.Minute)
			for _, s := range h.out.Sends {
				if s.Key == b.Key {
					t.Fatalf("the removed virtual router sends adverts: %x", s.Payload)
				}
			}
			for _, e := range h.events {
				if e.Kind == engine.EventTransition && e.Key == b.Key && e.Time == h.now {
					t.Errorf("it became %s", e.To)
				}
			}
		})
	}
}

func TestPlanOrder(t *testing.T) {
	a, b, c, d := group("eth0", 1, "10.0.0.101"), group("eth0", 2, "10.0.0.102"), group("eth1", 1, "10.1.0.101"), group("eth0", 1, "fe80::101")
	e := with(c, func(vr *engine.VirtualRouter) { vr.Type, vr.VIFName, vr.Description = engine.Macvlan, "vrrp1", "x" })
	got := engine.Plan(config(a, b, c), config(d, e, b))
	want := []engine.Change{
		{Key: d.Key, Kind: engine.Created},
		{Key: e.Key, Kind: engine.Restarted, Resigns: true},
		{Key: a.Key, Kind: engine.Removed, Resigns: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := engine.Plan(config(a, b, c), config(c, a, b)); len(got) > 0 {
		t.Errorf("a different order is not a change, got %v", got)
	}
}

func TestApplyLeavesOthersAlone(t *testing.T) {
	h := manyHost(t, 300)
	h.masters()
	before := h.core.Snapshot(h.now)
	cfg := manyGroups(300)
	cfg.Routers[100].Protocol.Priority = 77
	cfg.Routers = slices.Delete(cfg.Routers, 7, 8)
	cfg.Routers = append(cfg.Routers, group("eth2", 200, "10.2.7.7"))
	h.apply(cfg)
	after := h.core.Snapshot(h.now)

	changed := map[string]bool{"eth1 IPv4 group 8": true, "eth1 IPv4 group 101": true, "eth2 IPv4 group 200": true}
	for _, s := range h.out.Sends {
		if !changed[s.Key.String()] {
			t.Errorf("advert of %s", s.Key)
		}
	}
	for _, d := range h.out.Desired {
		if !changed[d.Key.String()] {
			t.Errorf("kernel work for %s", d.Key)
		}
	}
	for _, e := range h.out.Events {
		if e.Kind == engine.EventTransition && !changed[e.Key.String()] {
			t.Errorf("transition of %s", e.Key)
		}
	}
	old := make(map[engine.Key]*engine.RouterStatus)
	for _, r := range before.Routers {
		old[r.Config.Key] = r
	}
	for i, r := range after.Routers {
		if key := cfg.Routers[i].Key; r.Config.Key != key {
			t.Fatalf("%s instead of %s", r.Config.Key, key)
		}
		if !changed[r.Config.Key.String()] && r != old[r.Config.Key] {
			t.Errorf("%s has changed", r.Config.Key)
		}
	}
	h.apply(cfg)
	if n := len(h.out.Sends) + len(h.out.Desired) + len(h.out.Listens); n > 0 {
		t.Errorf("the same configuration again has %d effects", n)
	}
}

func TestApplyReorders(t *testing.T) {
	h := manyHost(t, 3)
	cfg := manyGroups(3)
	slices.Reverse(cfg.Routers)
	h.apply(cfg)
	for i, r := range h.core.Snapshot(h.now).Routers {
		if r.Config.Key != cfg.Routers[i].Key {
			t.Errorf("%d: %s", i, r.Config.Key)
		}
	}
}

func TestRemovedMaster(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.run(10 * time.Second)
	h.apply(config())
	if diff := cmp.Diff([]uint8{0}, h.priorities()); diff != "" {
		t.Errorf("adverts (-want +got):\n%s", diff)
	}
	if d := h.newest(vr.Key); d == nil || d.Present || d.Active {
		t.Errorf("requested kernel state %+v, want none", d)
	}
	if s := h.core.Snapshot(h.now); len(s.Routers) != 0 || s.Links[0].Groups != 0 {
		t.Errorf("%d routers, %d groups on the interface", len(s.Routers), s.Links[0].Groups)
	}
	if at := h.core.Deadline(); !at.IsZero() {
		t.Errorf("a timer is left: %s", at)
	}
	if text := h.texts(engine.EventConfig); !strings.Contains(text[len(text)-1], "1 removed") {
		t.Errorf("events %q", text)
	}
	// Late answers have no effect.
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.2"))
	h.lose(vr.Key)
	h.core.Installed(h.now, vr.Key, 1, nil, &h.out)
	if n := len(h.out.Sends) + len(h.out.Desired); n > 0 {
		t.Errorf("%d effects", n)
	}
}

func TestStop(t *testing.T) {
	h := manyHost(t, 20)
	h.masters()
	h.deliver(1, vrrp.IPv4, packets(5)[4]) // one Backup among the Masters
	h.out = engine.Output{}
	h.core.Stop(h.now, &h.out)
	if len(h.out.Sends) != 19 || slices.Max(h.priorities()) != 0 {
		t.Errorf("adverts with priorities %v, want 19 with 0", h.priorities())
	}
	gone := make(map[engine.Key]bool)
	for _, d := range h.out.Desired {
		gone[d.Key] = !d.Present
	}
	for _, r := range h.core.Snapshot(h.now).Routers {
		if !gone[r.Config.Key] || r.State != vrrp.Initialize || r.Cause != vrrp.CauseShutdown {
			t.Errorf("%s: %s (%s), removed from the kernel: %t", r.Config.Key, r.State, r.Cause, gone[r.Config.Key])
		}
	}
	h.link(ethernet(1, "eth1", "10.1.0.77/16"))
	h.apply(manyGroups(25))
	h.run(time.Minute)
	if n := len(h.out.Sends) + len(h.out.Desired) + len(h.out.Listens); n > 0 {
		t.Errorf("%d effects after the stop", n)
	}
}

func TestStringsOfChanges(t *testing.T) {
	for kind, want := range map[engine.ChangeKind]string{
		engine.Created: "created", engine.ChangedInPlace: "changed in place",
		engine.Restarted: "restarted", engine.Removed: "removed", engine.Unchanged: "unchanged", 9: "ChangeKind(9)",
	} {
		if got := fmt.Sprint(kind); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
