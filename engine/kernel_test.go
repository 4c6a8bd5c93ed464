package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
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
		t.Error("announces before the kernel has the addresses")
	}
	h.out = engine.Output{}
	h.core.Installed(h.now, vr.Key, 1, nil, &h.out)
	if len(h.out.Announces) > 0 || h.status(vr.Key).Installed {
		t.Error("an old answer counts")
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
		t.Errorf("faults told (-want +got):\n%s", diff)
	}
	h.refuse = false
	h.run(2 * time.Minute)
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	if f := h.status(vr.Key).Fault; f != "" {
		t.Errorf("fault is still %q", f)
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
		t.Error("a Backup repairs")
	}
	// It tries again, and then the fault is over.
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
	// The rest may have come after the repair: it is made once more.
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
		t.Error("what does not exist resigns")
	}
}
