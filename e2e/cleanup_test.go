// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// solo starts one vrrpsh, waits until it is Master, and returns it with a snapshot of its namespace from before.
func solo(t *testing.T, g lab.Group) (*lab.Lab, *lab.Capture, *lab.Vrrpsh, lab.Snapshot) {
	t.Helper()
	l := lab.New(t, 1)
	wire := l.Capture()
	v := l.Vrrpsh(bin, l.Routers[0], g)
	before := l.Routers[0].Snapshot()
	v.Start()
	v.WaitState("Master", patience)
	return l, wire, v, before
}

// forBothTypes runs a test for each interface type.
func forBothTypes(t *testing.T, test func(t *testing.T, g lab.Group)) {
	require(t)
	for _, iftype := range []string{ether, macvlan} {
		t.Run(iftype, func(t *testing.T) {
			parallel(t)
			g := fast
			g.Macvlan = iftype == macvlan
			test(t, g)
		})
	}
}

// TestStopLeavesNothing checks that on SIGTERM the router resigns with priority 0 and restores the kernel.
func TestStopLeavesNothing(t *testing.T) {
	forBothTypes(t, func(t *testing.T, g lab.Group) {
		l, wire, v, before := solo(t, g)
		if cmp.Diff(before, l.Routers[0].Snapshot()) == "" {
			t.Error("the snapshot does not contain the changes of a Master")
		}
		start := time.Now()
		v.Stop()
		wire.WaitResign("r1", start, time.Second)
		if diff := cmp.Diff(before, l.Routers[0].Snapshot()); diff != "" {
			t.Errorf("the namespace after a clean stop (-before +after):\n%s", diff)
		}
		if _, err := os.Stat(v.Socket); err == nil {
			t.Error("the control socket is left over")
		}
		after := wire.Adverts("r1", start)
		if last := after[len(after)-1]; last.Priority != 0 {
			t.Errorf("the last advert is not a resignation: %v", last)
		}
	})
}

// TestStopDuringStart checks that a SIGTERM during the start works like any other.
func TestStopDuringStart(t *testing.T) {
	forBothTypes(t, func(t *testing.T, g lab.Group) {
		l := lab.New(t, 1)
		r1 := l.Routers[0]
		v := l.Vrrpsh(bin, r1, g)
		before := r1.Snapshot()
		for i := range 8 {
			v.Start()
			// Each time at another point of the start.
			lab.Until(t, time.Second, "part of the start", func() error {
				if time.Since(v.Started) < time.Duration(5*i)*time.Millisecond {
					return errNotYet
				}
				return nil
			})
			v.Signal(syscall.SIGTERM)
			// Before the program handles signals, SIGTERM kills it.
			if status := v.Wait(patience); status != 0 && status != -1 {
				t.Errorf("exit status %d after SIGTERM %d ms after the start", status, 5*i)
			}
			if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
				t.Fatalf("the namespace after SIGTERM %d ms after the start (-before +after):\n%s", 5*i, diff)
			}
		}
	})
}

// TestStopDuringRestart checks that a SIGTERM at any point of a restart ends the router, and that nothing is left. Only before
// the new program handles signals can SIGTERM kill it: then the next start cleans up.
func TestStopDuringRestart(t *testing.T) {
	parallel(t)
	l, _, v, before := solo(t, fast)
	r1 := l.Routers[0]
	for i := range 10 {
		if i > 0 {
			v.Start()
			v.WaitState("Master", patience)
		}
		began := time.Now()
		client := l.Start(r1, fmt.Sprint("restart", i), bin, "-s", v.Socket, "restart")
		lab.Until(t, patience, "part of the restart", func() error {
			if time.Since(began) < time.Duration(25*i)*time.Millisecond {
				return errNotYet
			}
			return nil
		})
		v.Signal(syscall.SIGTERM)
		status := v.Wait(patience)
		client.Wait(patience)
		if status != 0 {
			if status != -1 {
				t.Errorf("exit status %d for SIGTERM %d ms after the restart command", status, 25*i)
			}
			v.Start()
			v.WaitReady()
			v.Stop()
		}
		if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
			t.Fatalf("the namespace after a SIGTERM %d ms after the restart command (-before +after):\n%s", 25*i, diff)
		}
	}
}

// TestKillAndRestart checks that a start after kill -9 continues where the killed router stopped, and that a clean stop then
// restores the kernel's state before the first start.
func TestKillAndRestart(t *testing.T) {
	forBothTypes(t, func(t *testing.T, g lab.Group) {
		l, wire, v, before := solo(t, g)
		v.Kill()
		if l.Routers[0].Holds(lab.VIP) == "" {
			t.Error("the address disappeared with the process, so there is nothing to test")
		}
		start := time.Now()
		v.Start()
		wire.WaitMaster("r1", start, patience)
		v.WaitState("Master", patience)
		l.Host.Run("ping", "-q", "-c", "1", "-W", "2", lab.VIP)
		v.Stop()
		if diff := cmp.Diff(before, l.Routers[0].Snapshot()); diff != "" {
			t.Errorf("the namespace after kill, restart and stop (-before +after):\n%s", diff)
		}
	})
}

// TestKillAndRestartWithoutGroups checks that the leftovers of a killed router are removed even if the configuration no
// longer mentions them, and that nothing else is removed.
func TestKillAndRestartWithoutGroups(t *testing.T) {
	forBothTypes(t, func(t *testing.T, g lab.Group) {
		l, _, v, _ := solo(t, g)
		v.Kill()
		r1 := l.Routers[0]
		// Objects of another program that resemble ours.
		r1.IP("addr add 192.0.2.77/32 dev eth0",
			"link add foreign0 link eth0 type macvlan mode bridge",
			"addr add 192.0.2.78/32 dev foreign0", "link set foreign0 up")
		empty := l.VrrpshFile(bin, r1, "")
		empty.Start()
		empty.WaitReady()
		lab.Until(t, 2*time.Second, "the leftovers are removed", func() error {
			if r1.Holds(lab.VIP) != "" {
				return errNotYet
			}
			return nil
		})
		for addr, ifname := range map[string]string{r1.Addr: "eth0", "192.0.2.77": "eth0", "192.0.2.78": "foreign0"} {
			if got := r1.Holds(addr); got != ifname {
				t.Errorf("%s is on %q after recovery, want %q", addr, got, ifname)
			}
		}
		links := r1.Links()
		if want := []string{"eth0", "foreign0", "lo"}; !cmp.Equal(links, want) {
			t.Errorf("links after recovery: %v, want %v", links, want)
		}
		empty.Stop()
	})
}

// TestKillAndLoseState checks that macvlans of a killed router are recognised even without the state directory.
func TestKillAndLoseState(t *testing.T) {
	parallel(t)
	g := fast
	g.Macvlan = true
	l, wire, v, _ := solo(t, g)
	v.Kill()
	if err := os.RemoveAll(v.StateDir); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	v.Start()
	wire.WaitMaster("r1", start, patience)
	v.WaitState("Master", patience)
	l.Host.Run("ping", "-q", "-c", "1", "-W", "2", lab.VIP)
	v.Stop()
	if links, want := l.Routers[0].Links(), []string{"eth0", "lo"}; !cmp.Equal(links, want) {
		t.Errorf("links after the stop: %v, want %v", links, want)
	}
	if got := l.Routers[0].Holds(lab.VIP); got != "" {
		t.Errorf("%s is left over on %s", lab.VIP, got)
	}
}
