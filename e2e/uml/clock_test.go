// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package uml

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/e2e/lab"
)

// step sets the guest's clock forward or back.
func step(t *testing.T, by time.Duration) {
	t.Helper()
	now := unix.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := unix.Settimeofday(&now); err != nil {
		t.Fatal(err)
	}
	t.Logf("the clock is set by %v to %v", by, time.Now().Round(0))
}

// TestClockSteps sets the clock by hours, both ways, under Masters, Backups, a preempt delay, a commit that waits for its
// confirmation, a session and hitless restarts: nothing happens earlier, later or at all because of it.
func TestClockSteps(t *testing.T) {
	const delay = 5 * time.Second
	g := lab.Group{VRID: vrid, Version: 3, Interval: 300 * time.Millisecond, Extra: "preempt_delay = \"5s\"\n"}
	p := newPair(t, wiring{}, g, false)
	r2 := p.r2.(*lab.Vrrpsh)
	other := newPair(t, wiring{}, lab.Group{VRID: vrid, Version: 2, Interval: time.Second, Macvlan: true}, true)

	ask := startSession(t, p.lab, r2)
	ask("before")

	committed := time.Now()
	r2.Script("configure", "interface eth0 vrrp 51 priority 110", "commit confirmed 1", "end")
	since := time.Now()
	unchanged := []func(string){steady(t, p.r1), steady(t, r2), steady(t, other.r1)}
	check := func(what string) {
		t.Helper()
		for _, f := range unchanged {
			f(what)
		}
		for _, p := range []*pair{p, other} {
			p.ping.WaitAnswer(time.Now(), patience)
			if n := p.ping.Lost(since); n > 0 {
				t.Errorf("%s: %d pings were lost in the lab with %T", what, n, p.r2)
			}
			p.waitMaster(p.r1, time.Second)
		}
		ask(what)
	}
	for _, by := range []time.Duration{5 * time.Hour, -10 * time.Hour, 5 * time.Hour} {
		step(t, by)
		time.Sleep(2500 * time.Millisecond)
		check(fmt.Sprintf("the clock was set by %v", by))
	}
	for i, by := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		v := []*lab.Vrrpsh{p.r1, other.r1}[i]
		done := make(chan lab.Result)
		go func() { done <- v.Run("restart") }()
		time.Sleep(50 * time.Millisecond)
		step(t, by)
		if r := <-done; r.Status != 0 {
			t.Fatalf("restart: exit status %d: %s%s", r.Status, r.Stdout, r.Stderr)
		}
		time.Sleep(2500 * time.Millisecond)
		check(fmt.Sprintf("the clock was set by %v during a restart of %s", by, v.Name))
	}

	// r1 leaves and comes back: it waits for its preempt delay, however the clock is set meanwhile.
	p.r1.Stop()
	p.waitMaster(r2, patience)
	p.r1.Start()
	p.r1.WaitState("Backup", patience)
	waits := time.Now()
	for _, by := range []time.Duration{4 * time.Hour, -8 * time.Hour, 4 * time.Hour} {
		step(t, by)
		time.Sleep(500 * time.Millisecond)
	}
	p.r1.WaitState("Master", patience)
	if took := time.Since(waits); took < delay-time.Second || took > delay+time.Second+3*g.Interval {
		t.Errorf("it took over after %v; its preempt delay is %v", took, delay)
	}

	// The commit of one minute ends after one minute.
	if text := r2.ConfigText(); !strings.Contains(text, "priority = 110") {
		t.Errorf("the commit has been taken back before its time:\n%s", text)
	}
	lab.Until(t, 90*time.Second-time.Since(committed), "the commit is taken back", func() error {
		if strings.Contains(r2.ConfigText(), "priority = 110") {
			return errNotYet
		}
		return nil
	})
	if took := time.Since(committed); took < 59*time.Second || took > 65*time.Second {
		t.Errorf("a commit confirmed for 1 minute was taken back after %v", took)
	}
	ask("after everything")
}

// startSession opens a session of a router, and returns a function that has it show the virtual routers.
func startSession(t *testing.T, l *lab.Lab, v *lab.Vrrpsh) (ask func(what string)) {
	t.Helper()
	stdin, lines, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = lines.Close(), out.Close() })
	l.StartWith(v.Node(), "session", func(cmd *exec.Cmd) { cmd.Stdin, cmd.Stdout = stdin, stdout }, bin, "-s", v.Socket, "exec")
	_, _ = stdin.Close(), stdout.Close() // the session's ends
	answer := bufio.NewScanner(out)
	return func(what string) {
		t.Helper()
		if _, err := fmt.Fprintln(lines, "show vrrp brief"); err != nil {
			t.Fatal(err)
		}
		if err := out.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for answer.Scan() {
			if strings.Contains(answer.Text(), lab.VIP) {
				return
			}
		}
		t.Fatalf("%s: the session does not answer: %v", what, answer.Err())
	}
}

// TestSuspend stops the whole machine for longer than any timer: when it goes on, the Master is Master and the Backup Backup
// within the protocol's bounds.
func TestSuspend(t *testing.T) {
	g := lab.Group{VRID: vrid, Version: 3, Interval: 300 * time.Millisecond}
	ours := newPair(t, wiring{}, g, false)
	mixed := newPair(t, wiring{}, g, true)
	unchanged := []func(string){steady(t, ours.r1), steady(t, mixed.r1)}
	before := count(t, ours.r2.(*lab.Vrrpsh)).becameMaster
	for range 3 {
		suspend(t, 4*time.Second)
		time.Sleep(g.MasterDown(100) + slack)
		for _, p := range []*pair{ours, mixed} {
			p.waitMaster(p.r1, slack)
			p.ping.WaitAnswer(time.Now(), slack)
		}
	}
	for _, f := range unchanged {
		f("the machine was suspended")
	}
	if became := count(t, ours.r2.(*lab.Vrrpsh)).becameMaster - before; became > 0 {
		t.Errorf("the Backup became Master %d times", became)
	}
}
