// SPDX-License-Identifier: GPL-3.0-only

package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver/hook"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/program"
)

func transition(seq uint64, vrid uint8, to vrrp.State) engine.Event {
	return engine.Event{
		Seq: seq, Kind: engine.EventTransition, Key: engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: vrid},
		From: vrrp.Backup, To: to, Cause: vrrp.CauseMasterDown, Priority: 200,
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.100/24")},
	}
}

// recorder is a program that takes a second and records its input.
type recorder struct{ got []hook.Document }

func (r *recorder) run(ctx context.Context, p program.Program) (string, error) {
	var d hook.Document
	if err := json.Unmarshal(p.Input, &d); err != nil {
		return "", err
	}
	r.got = append(r.got, d)
	time.Sleep(time.Second)
	return "", ctx.Err()
}

func TestHookReadsEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		failed := 0
		r := hook.New(hook.Options{Run: rec.run, Failed: func(string, string, error) { failed++ }})
		r.Set([]engine.Hook{{Name: "a", Program: engine.Program{Command: []string{"/a"}}, Events: engine.HookMaster | engine.HookFault}})
		r.Publish([]engine.Event{
			transition(1, 7, vrrp.Master), transition(2, 7, vrrp.Backup),
			{Seq: 3, Kind: engine.EventFault, Text: "trouble"}, {Seq: 4, Kind: engine.EventConfig},
		})
		r.Close(10 * time.Second)
		if len(rec.got) != 2 || failed != 0 {
			t.Fatalf("%d failed, received: %+v", failed, rec.got)
		}
		d := rec.got[0]
		if d.Seq != 1 || d.Event != "transition" || d.To != "Master" || d.Family != "ipv4" || d.VRID != 7 || d.Priority != 200 ||
			d.Cause != "master down timer expired" || len(d.Addresses) != 1 {
			t.Errorf("%+v", d)
		}
		if d := rec.got[1]; d.Seq != 3 || d.Event != "fault" || d.Text != "trouble" {
			t.Errorf("%+v", d)
		}
	})
}

// When there are too many transitions, a hook is told the last state.
func TestHookIsNotRunForEachFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := hook.New(hook.Options{Run: rec.run, Failed: func(string, string, error) {}})
		r.Set([]engine.Hook{{Name: "a", Program: engine.Program{Command: []string{"/a"}}, Events: engine.HookMaster}})
		quiet, flaps := transition(1, 7, vrrp.Master), transition(2, 7, vrrp.Master)
		quiet.Quiet = true
		flaps.Kind, flaps.Untold = engine.EventFlaps, 600
		r.Publish([]engine.Event{quiet, flaps})
		r.Close(10 * time.Second)
		if len(rec.got) != 1 {
			t.Fatalf("received: %+v", rec.got)
		}
		if d := rec.got[0]; d.Seq != 2 || d.Event != "transition" || d.To != "Master" || d.Untold != 600 {
			t.Errorf("%+v", d)
		}
	})
}

// A hook that is much too slow is told the last state of each virtual router, and how many events
// it missed.
func TestSlowHookIsToldTheLastStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := hook.New(hook.Options{Run: rec.run, Failed: func(string, string, error) {}})
		r.Set([]engine.Hook{{Name: "a", Program: engine.Program{Command: []string{"/a"}}, Events: engine.HookTransitions}})
		seq := uint64(0)
		for range 1000 {
			for vrid := range 10 {
				seq++
				to := vrrp.Backup
				if seq > 9990 {
					to = vrrp.Master
				}
				r.Publish([]engine.Event{transition(seq, uint8(vrid+1), to)})
			}
		}
		r.Close(time.Hour)
		last := make(map[uint8]string)
		lost := uint64(0)
		for i, d := range rec.got {
			last[d.VRID] = d.To
			lost += d.Lost
			if i > 0 && d.Seq <= rec.got[i-1].Seq {
				t.Fatalf("event %d after event %d", d.Seq, rec.got[i-1].Seq)
			}
		}
		for vrid := range uint8(10) {
			if last[vrid+1] != "Master" {
				t.Errorf("last state received for group %d: %q", vrid+1, last[vrid+1])
			}
		}
		if n := uint64(len(rec.got)); n+lost != seq || n > 300 {
			t.Errorf("%d received, %d reported as lost, of %d", n, lost, seq)
		}
	})
}

func TestEndDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := func(ctx context.Context, _ program.Program) (string, error) {
			<-ctx.Done()
			return "", errors.New("killed")
		}
		r := hook.New(hook.Options{Run: stuck, Failed: func(string, string, error) {}})
		r.Set([]engine.Hook{{Name: "a", Program: engine.Program{Command: []string{"/a"}}, Events: engine.HookTransitions}})
		r.Publish([]engine.Event{transition(1, 1, vrrp.Master), transition(2, 1, vrrp.Backup)})
		began := time.Now()
		r.Close(3 * time.Second)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("it took %s", d)
		}
	})
}

// The end does not wait for a program that cannot be killed.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(context.Context, program.Program) (string, error) { time.Sleep(time.Hour); return "", nil }
		r := hook.New(hook.Options{Run: run, Failed: func(string, string, error) {}})
		r.Set([]engine.Hook{{Name: "a", Program: engine.Program{Command: []string{"/a"}}, Events: engine.HookMaster}})
		r.Publish([]engine.Event{transition(1, 7, vrrp.Master)})
		synctest.Wait()
		began := time.Now()
		r.Close(3 * time.Second)
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("the end took %v", took)
		}
		time.Sleep(time.Hour)
	})
}
