// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/completions"
)

// TestPing checks what the programs get: arguments from the parser, none that the user could make an option.
func TestPing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the options of Linux")
	}
	env, _ := newEnv(t, sampleFile)
	var ran string
	env.RunProgram = func(_ context.Context, name string, args []string, out io.Writer) error {
		ran = strings.Join(append([]string{name}, args...), " ")
		fmt.Fprintf(out, "64 bytes\tfrom \x1b[31m10.0.0.1\n")
		return nil
	}
	s := newSession(t, env, admin)
	for line, want := range map[string]string{
		"ping 10.0.0.1": "ping -n -c 5 -s 56 -- 10.0.0.1",
		"ping 10.0.0.1 count 9 size 100 source eth0": "ping -n -c 9 -s 100 -I eth0 -- 10.0.0.1",
		"ping 10.0.0.1 repeat 9 source 10.0.0.2":     "ping -n -c 9 -s 56 -I 10.0.0.2 -- 10.0.0.1",
		"ping 2001:db8::1":                           "ping -n -c 5 -s 56 -6 -- 2001:db8::1",
		"ping fe80::1%eth0":                          "ping -n -c 5 -s 56 -6 -- fe80::1%eth0",
		"ping r2.example ipv6":                       "ping -n -c 5 -s 56 -6 -- r2.example",
		"ping ipv6 r2.example":                       "ping -n -c 5 -s 56 -6 -- r2.example",
		"traceroute 10.0.0.1":                        "traceroute -n -w 2 -m 30 -- 10.0.0.1",
		"traceroute 10.0.0.1 source eth0":            "traceroute -n -w 2 -m 30 -i eth0 -- 10.0.0.1",
	} {
		if out := must(t, s, line); out != "64 bytes from ?[31m10.0.0.1\n" || ran != want {
			t.Errorf("%s: ran %q, want %q: %q", line, ran, want, out)
		}
	}
	ran = ""
	for _, line := range []string{
		"ping -f", "ping --help", "ping 10.0.0.1;reboot", "ping $(reboot)", "ping `reboot`", `ping "10.0.0.1 -f"`, `ping ""`, "ping 10.0.0.1 -f",
		"ping 10.0.0.1 count 0", "ping 10.0.0.1 count 1001", "ping 10.0.0.1 size 9001", "ping 10.0.0.1 source -f", "ping fe80::1%$(x)",
		"traceroute -i", "ping " + strings.Repeat("a", 254),
	} {
		if out, status := run(t, s, line); status != BadSyntax || ran != "" {
			t.Errorf("%s: status %d, ran %q\n%s", line, status, ran, out)
		}
	}
	v := newSession(t, env, viewer)
	for _, line := range []string{"ping 10.0.0.1 count 21", "ping 10.0.0.1 size 1473"} {
		if out, status := run(t, v, line); status != Failed || ran != "" {
			t.Errorf("a viewer, %s: status %d, ran %q\n%s", line, status, ran, out)
		}
	}
	must(t, v, "ping 10.0.0.1 count 20 size 1472 | count")
	env.RunProgram = nil
	if out, status := run(t, v, "ping 10.0.0.1"); status != Failed || out != "% Ping is not available here\n" {
		t.Errorf("without a system: %s", out)
	}
}

// exits is the error of a program.
type exits int

func (e exits) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e exits) ExitCode() int { return int(e) }

// TestPingEnds checks the ways in which a ping ends, and how many there may be.
func TestPingEnds(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	synctest.Test(t, func(t *testing.T) {
		env := *env
		env.Sessions = NewSessions()
		var running atomic.Int32
		env.RunProgram = func(ctx context.Context, _ string, args []string, out io.Writer) error {
			switch args[len(args)-1] {
			case "silent":
				return exits(1)
			case "missing":
				return errors.New("ping is not installed on this host")
			}
			running.Add(1)
			defer running.Add(-1)
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(out, "answer %d\n", i); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Second):
				}
			}
		}
		s := New(&env, viewer)
		t.Cleanup(func() { _ = s.Close() })
		for line, want := range map[string]string{
			"ping silent": "% Ping failed with exit status 1\n", "ping missing": "% ping is not installed on this host\n",
		} {
			if out, status := run(t, s, line); status != Failed || !strings.EqualFold(out, want) {
				t.Errorf("%s: status %d: %s", line, status, out)
			}
		}
		start := time.Now()
		out, status := run(t, s, "ping endless count 3")
		if took := time.Since(start); status != Failed || !strings.Contains(out, "answer 12\n") || !strings.HasSuffix(out, "% Ping took longer than 13 s\n") || took != 13*time.Second {
			t.Errorf("endless: status %d after %s: %s", status, took, out)
		}
		// Ctrl-C ends it at once.
		ctx, cancel := context.WithCancel(t.Context())
		var b bytes.Buffer
		time.AfterFunc(1500*time.Millisecond, cancel)
		start = time.Now()
		if status := s.Execute(ctx, "ping endless", IO{Out: &b, Err: &b}); status != Failed || time.Since(start) != 1500*time.Millisecond || running.Load() != 0 {
			t.Errorf("interrupted: status %d after %s: %s", status, time.Since(start), b.String())
		}
		// A user has one at a time, and all users have four.
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		done := make(chan Status, allReaches)
		for i := range allReaches {
			s := New(&env, User{Name: fmt.Sprintf("u%d", i), Level: completions.Viewer})
			t.Cleanup(func() { _ = s.Close() })
			go func() { done <- s.Execute(ctx, "ping endless", IO{Out: io.Discard, Err: io.Discard}) }()
		}
		synctest.Wait()
		again := New(&env, User{Name: "u0", Level: completions.Viewer})
		t.Cleanup(func() { _ = again.Close() })
		if out, status := run(t, again, "ping 10.0.0.1"); status != Failed || !strings.Contains(out, "Another ping") {
			t.Errorf("a second one of a user: status %d: %s", status, out)
		}
		if out, status := run(t, s, "ping 10.0.0.1"); status != Failed || !strings.Contains(out, "Others are running 4") {
			t.Errorf("a fifth one: status %d: %s", status, out)
		}
		cancel()
		for range allReaches {
			<-done
		}
		if n := running.Load(); n != 0 {
			t.Errorf("%d are still running", n)
		}
	})
}
