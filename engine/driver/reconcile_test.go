// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
)

// refuse makes a router's kernel refuse to deactivate, or with remove to remove, virtual routers.
func refuse(r *fake.Router, remove bool) {
	r.SetFaults(fake.Faults{Apply: func(a platform.Attachment) error {
		if !a.Active && (!remove || !a.Present) {
			return errRefused
		}
		return nil
	}})
}

// An address that could not be removed at first does not stay beside that of the new Master.
func TestWhatCouldNotBeRemovedIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.apply(group(51, 200))
		r2.apply(group(51, 150))
		sleep(10 * time.Second)
		refuse(r1.Router, false)
		r1.apply(group(51, 100))
		sleep(10 * time.Second)
		r2.wantState(vrrp.Master)
		if s := r1.status(); !strings.Contains(s.Fault, errRefused.Error()) || !r1.Has(virtual) {
			t.Fatalf("fault %q, address present: %t", s.Fault, r1.Has(virtual))
		}
		if res, err := r1.Resources(t.Context()); err != nil || res.KernelFault != "virtual routers with wrong kernel state: 1" {
			t.Errorf("resources report %q (%v)", res.KernelFault, err)
		}
		r1.SetFaults(fake.Faults{})
		sleep(10 * time.Second) // the pauses had grown to 8 s
		if s := r1.status(); s.Fault != "" || r1.Has(virtual) {
			t.Errorf("fault %q, address present: %t", s.Fault, r1.Has(virtual))
		}
		if res, err := r1.Resources(t.Context()); err != nil || res.KernelFault != "" {
			t.Errorf("resources report %q (%v)", res.KernelFault, err)
		}
	})
}

// The same for a virtual router that is no longer configured; it is logged.
func TestWhatIsLeftOfARemovedGroup(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab, log := newLab(), &logBuffer{}
		r1 := bootLogged(t, lab.AddRouter("r1", netipPrefix("10.0.0.1/24")), log)
		before := r1.Links()
		r1.apply(group(51, 200, macvlan("vrrp0")))
		sleep(10 * time.Second)
		refuse(r1.Router, true)
		r1.apply()
		sleep(5 * time.Minute)
		if n := strings.Count(log.String(), "still in the kernel, trying again: "+errRefused.Error()); n != 1 {
			t.Errorf("reported %d times:\n%s", n, log)
		}
		r1.SetFaults(fake.Faults{})
		sleep(31 * time.Second)
		r1.wantUntouched(before)
		if !strings.Contains(log.String(), "finally removed from the kernel") || !strings.Contains(log.String(), "the kernel state is correct again") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// comparing is a System that records when its state is compared with the desired state.
type comparing struct {
	*fake.System
	mu   sync.Mutex
	at   []time.Duration // since it began
	from time.Time
	err  error
	lost []platform.ID
	tell chan platform.Update
}

func (c *comparing) Reconcile() ([]platform.ID, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Since(c.from).Round(time.Millisecond))
	lost := c.lost
	c.lost = nil
	return lost, false, c.err
}

func (c *comparing) Watch(ctx context.Context, fn func(platform.Update)) error {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case u := <-c.tell:
				fn(u)
			}
		}
	}()
	return c.System.Watch(ctx, fn)
}

// The kernel state is compared periodically, at once if there is a reason, and again after a failure.
func TestWhenTheKernelIsCompared(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r := lab.AddRouter("r1", netipPrefix("10.0.0.1/24"))
		c := &comparing{System: r.Boot(), from: time.Now(), tell: make(chan platform.Update)}
		r1 := start(t, r, driver.Options{System: c})
		r1.apply(group(51, 200))
		check := func(what string, want ...time.Duration) {
			t.Helper()
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			for i := range want {
				want[i] *= time.Second
			}
			if !slices.Equal(c.at, want) {
				t.Errorf("%s: compared at %v, want %v", what, c.at, want)
			}
			c.at = nil
		}
		sleep(65 * time.Second)
		check("undisturbed", 30, 60)
		for range 10 {
			c.tell <- platform.Update{Diverged: true}
			sleep(10 * time.Millisecond)
		}
		sleep(20 * time.Second)
		check("after a report of differences", 65, 66)
		c.mu.Lock()
		c.err = errors.New("no buffer space")
		c.mu.Unlock()
		sleep(35 * time.Second)
		check("failing", 96, 97, 99, 103, 111)
	})
}

// TestFoundLostIsPutBack checks that what a comparison finds lost, of which no notification came, is put back at once.
func TestFoundLostIsPutBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newLab().AddRouter("r1", netipPrefix("10.0.0.1/24"))
		c := &comparing{System: r.Boot(), from: time.Now(), tell: make(chan platform.Update)}
		r1 := start(t, r, driver.Options{System: c})
		r1.apply(group(51, 200), group(52, 200, address("10.0.0.102")))
		sleep(20 * time.Second)
		var applied []uint8
		r.SetFaults(fake.Faults{Apply: func(a platform.Attachment) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if a.Active {
				applied = append(applied, a.ID.VRID)
			}
			return nil
		}})
		count := func() []uint8 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return slices.Clone(applied)
		}
		c.mu.Lock()
		c.lost = []platform.ID{{Link: "eth0", Family: platform.IPv4, VRID: 52}}
		c.mu.Unlock()
		sleep(5 * time.Second)
		if got := count(); len(got) > 0 {
			t.Errorf("put back %d before the comparison", got)
		}
		sleep(6 * time.Second)
		if got := count(); !slices.Equal(got, []uint8{52}) {
			t.Errorf("put back %d, want 52", got)
		}
		r1.wantState(vrrp.Master)
	})
}
