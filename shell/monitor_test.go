// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"strings"
	"testing"
	"time"

	"vrrpsh/engine/report"
)

func TestMonitorVRRP(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3)
		ctx, quit := context.WithCancel(context.Background())
		var d display
		done := make(chan Status, 1)
		go func() {
			done <- r1.Execute(ctx, "monitor vrrp interface eth0", d.io(0))
		}()
		pass(10*time.Second + 500*time.Millisecond)
		quit()
		if st := <-done; st != Done || d.Len() > 0 {
			l.t.Errorf("status %d, %q", st, d.String())
		}
		if n := len(d.texts); n < 10 || n > 15 {
			l.t.Errorf("%d screens in 10 s", n)
		}
		first, last := d.texts[0], d.texts[len(d.texts)-1]
		if !strings.Contains(first, "BACKUP") || !strings.Contains(last, "MASTER") ||
			!strings.Contains(last, "1 virtual router, 1 Master") || !strings.Contains(last, "Interface  Grp") {
			l.t.Errorf("first\n%slast\n%s", first, last)
		}
		for _, text := range d.texts { // the terminal scrolls what is below the titles
			if head, _, _ := strings.Cut(text, "\n\n"); strings.Count(head, "\n") != 1 || !strings.HasPrefix(text[len(head):], "\n\nInterface ") {
				l.t.Errorf("the titles do not stay:\n%s", text)
			}
		}
	})
}

// TestMonitorFollowsTheTerminal: the table is as wide as the terminal is now.
func TestMonitorFollowsTheTerminal(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3)
		ctx, quit := context.WithCancel(context.Background())
		var d display
		done := make(chan Status, 1)
		r1.Resize(80, 24)
		go func() { done <- r1.Execute(ctx, "monitor vrrp", d.io(80)) }()
		pass(3 * time.Second)
		r1.Resize(60, 24)
		pass(3 * time.Second)
		quit()
		<-done
		if first := d.texts[0]; !strings.Contains(first, "  State   Master addr/Group addr\n") {
			l.t.Errorf("80 columns:\n%s", first)
		}
		_, table, _ := strings.Cut(d.texts[len(d.texts)-1], "\n\n")
		for line := range strings.Lines(table) {
			if len(strings.TrimRight(line, "\n")) > 60 {
				l.t.Errorf("60 columns: %q", line)
			}
		}
	})
}

func TestMonitorNeedsATerminal(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	for _, line := range []string{"monitor vrrp", "monitor packets interface eth0"} {
		if out, st := run(t, s, line); st != Failed || !strings.HasPrefix(out, "% ") {
			t.Errorf("%s: status %d, %q", line, st, out)
		}
	}
	var d display
	if st := s.Execute(t.Context(), "monitor vrrp | include x", d.io(0)); st != Failed {
		t.Errorf("through a pipe: status %d", st)
	}
}

func TestMonitorPackets(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3)
		ctx, quit := context.WithCancel(context.Background())
		var d display
		done := make(chan Status, 1)
		go func() {
			done <- r1.Execute(ctx, "monitor packets interface eth0 | include sent", d.io(0))
		}()
		pass(6 * time.Second)
		if got := d.String(); !strings.Contains(got, "eth0 sent from 10.0.0.1: VRRPv3 group 1") || !d.noMore {
			l.t.Errorf("so far, without pauses %t:\n%s", d.noMore, got)
		}
		quit()
		if st := <-done; st != Done {
			l.t.Errorf("status %d: %s", st, d.String())
		}
	})
}

// TestNoMore: the terminal is told not to stop after each page.
func TestNoMore(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	for line, want := range map[string]bool{"show version": false, "show version | no-more": true, "show version | include r | no-more": true} {
		var d display
		s.Execute(t.Context(), line, d.io(0))
		if d.noMore != want {
			t.Errorf("%s: no pauses: %t", line, d.noMore)
		}
	}
}

func TestShowResources(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	env.Load = func(context.Context) (report.Load, error) {
		return report.Load{
			Sent: 7, Received: 3, MaxLate: 1.5, LongestTurn: 0.0025, KernelQueue: 4,
			Late: []report.LateClass{{UpTo: 0.001, Count: 9}, {UpTo: 1}, {Count: 2}},
		}, nil
	}
	s := newSession(t, env, admin)
	out := must(t, s, "show resources")
	for _, want := range []string{
		"Adverts           7 sent, 3 received\n", "latest deadline 1500.000 ms late, longest turn 2.500 ms\n",
		"  up to 1 ms late: 9\n  more than 1000 ms late: 2\n", "kernel work for 4 virtual routers, 0 announcements\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if out := must(t, s, "show resources | json"); !strings.Contains(out, `"max_late": 1.5`) {
		t.Errorf("JSON:\n%s", out)
	}
}
