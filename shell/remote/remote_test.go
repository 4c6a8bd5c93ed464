// SPDX-License-Identifier: GPL-3.0-only

package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

func TestExecute(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	tests := []struct {
		line, out, err string
		status         shell.Status
	}{
		{"echo hello", "hello\n", "", shell.Done},
		{"width", "132\n", "", shell.Done},
		{"whoami", fmt.Sprintf("%d ", os.Getuid()), "", shell.Done},
		{"both", "one three", "two ", shell.Rejected},
		{"bytes", "\xff\x00é", "", shell.Done},
		{"ask", "", "", shell.Failed},
		{"panic", "", "% Internal error: the command was aborted\n", shell.Failed},
		{"echo still here", "still here\n", "", shell.Done},
		{"echo " + strings.Repeat("x", 1<<20), "", "% Line too long: 1048581 bytes, at most 86357\n", shell.BadSyntax},
		{"echo " + strings.Repeat("\x01", 80_000), strings.Repeat("\x01", 80_000) + "\n", "", shell.Done},
	}
	for _, tt := range tests {
		t.Run(strings.Fields(tt.line)[0], func(t *testing.T) {
			out, errs, st := run(c, tt.line)
			if !strings.HasPrefix(out, tt.out) || (tt.out == "") != (out == "") {
				t.Errorf("output %.80q, want %.80q", out, tt.out)
			}
			if errs != tt.err || st != tt.status {
				t.Errorf("errors %q, status %d; want %q, %d", errs, st, tt.err, tt.status)
			}
		})
	}
}

func TestOutputKeepsItsOrder(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	var both bytes.Buffer
	c.Execute(t.Context(), "both", shell.IO{Out: &both, Err: &both})
	if got := both.String(); got != "one two three" {
		t.Errorf("got %q", got)
	}
}

func TestBigOutput(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	out, _, st := run(c, "big")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if st != shell.Done || len(lines) != 100_000 || lines[99_999] != "line 99999 é" {
		t.Errorf("status %d, %d lines", st, len(lines))
	}
}

func TestAsides(t *testing.T) {
	c, conv := startRouter(t, nil).dial(t)
	if got := c.Prompt(); got != "r1# " {
		t.Errorf("prompt %q", got)
	}
	if c.PageLength() != 7 || c.Suggestions() {
		t.Errorf("page length %d, suggestions %t", c.PageLength(), c.Suggestions())
	}
	want := []shell.Suggestion{{Text: "shx", Help: "an x", Literal: true}, {Text: "<1-9>"}}
	if diff := cmp.Diff(want, c.Complete("sh")); diff != "" {
		t.Error(diff)
	}
	if n := len(c.Complete("many")); n == 0 {
		t.Error("of too many suggestions none arrived")
	}
	if got := c.Help("sh"); got != "help for sh\n" {
		t.Errorf("help %q", got)
	}
	run(c, "mode r1(config)# ")
	if got := c.Prompt(); got != "r1(config)# " {
		t.Errorf("prompt %q", got)
	}
	c.Resize(99, 30)
	if out, _, _ := run(c, "columns"); out != "99\n" {
		t.Errorf("columns %q", out)
	}
	conv.notices <- "% alice has committed"
	if got := wait(t, c.Notices(), "notice"); got != "% alice has committed" {
		t.Errorf("notice %q", got)
	}
	if c.Ended() {
		t.Error("ended too early")
	}
	run(c, "exit")
	if !c.Ended() || c.Err() != nil {
		t.Errorf("ended %t, err %v", c.Ended(), c.Err())
	}
}

func TestNoticesNobodyReads(t *testing.T) {
	c, conv := startRouter(t, nil).dial(t)
	for i := range 1000 {
		conv.notices <- fmt.Sprint(i)
	}
	if out, _, _ := run(c, "echo alive"); out != "alive\n" {
		t.Errorf("got %q", out)
	}
}

// display is a terminal that records the requests of commands.
type display struct {
	bytes.Buffer
	ask    func(ctx context.Context, prompt string, secret bool) (string, error)
	noMore bool
	told   []string // progress messages
	texts  []string // shown on the screen
	third  func()   // called after three texts
}

func (d *display) Ask(ctx context.Context, prompt string, secret bool) (string, error) {
	return d.ask(ctx, prompt, secret)
}

func (d *display) NoMore() { d.noMore = true }

func (d *display) Progress(what string) { d.told = append(d.told, what) }

func (d *display) Show(text string) error {
	if d.texts = append(d.texts, text); len(d.texts) == 3 {
		d.third()
	}
	return nil
}

// io returns the IO of a command.
func (d *display) io() shell.IO { return shell.IO{Out: d, Err: d, Terminal: d} }

func TestNoMore(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	var d display
	c.Execute(t.Context(), "nomore", d.io())
	if !d.noMore {
		t.Error("the terminal did not get the request not to pause")
	}
}

func TestProgress(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	var d display
	c.Execute(t.Context(), "progress", d.io())
	if diff := cmp.Diff([]string{"validating", "applying"}, d.told); diff != "" {
		t.Error(diff)
	}
	if out, errs, status := run(c, "progress"); out != "nobody to tell\n" || errs != "" || status != shell.Done { // like a script
		t.Errorf("status %d, output %q, errors %q", status, out, errs)
	}
}

func TestScreen(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	ctx, cancel := context.WithCancel(t.Context())
	d := display{third: cancel}
	if st := c.Execute(ctx, "screen", d.io()); st != shell.Done || d.Len() > 0 {
		t.Errorf("status %d, %q", st, d.String())
	}
	for i, text := range d.texts {
		if !strings.HasPrefix(text, fmt.Sprintf("%d\na line\n", i)) || !strings.HasSuffix(text, "a line\n") {
			t.Errorf("screen %d is %.20q…", i, text)
		}
	}
}

func TestInterrupt(t *testing.T) {
	c, conv := startRouter(t, nil).dial(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-conv.entered; cancel() }()
	var out bytes.Buffer
	st := c.Execute(ctx, "wait", shell.IO{Out: &out, Err: &out})
	if st != shell.Failed || out.String() != "% Interrupted\n" {
		t.Errorf("status %d, %q", st, out.String())
	}
	if out, _, _ := run(c, "echo next"); out != "next\n" {
		t.Errorf("the session did not go on: %q", out)
	}
}

func TestInterruptedBeforeItBegan(t *testing.T) {
	c, conv := startRouter(t, nil).dial(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if st := c.Execute(ctx, "wait", shell.IO{Out: io.Discard, Err: io.Discard}); st != shell.Failed {
		t.Errorf("status %d", st)
	}
	wait(t, conv.stopped, "end of the command")
}

func TestAsk(t *testing.T) {
	tests := []struct {
		name, line string
		answer     string
		err        error
		status     shell.Status
		out        string
	}{
		{"answer", "ask plain", "yes", nil, shell.Done, "got yes\n"},
		{"secret", "ask secret", "s3cret", nil, shell.Done, "got s3cret\n"},
		{"empty", "ask plain", "", nil, shell.Done, "got \n"},
		{"end of input", "ask plain", "", io.EOF, shell.Failed, "EOF\n"},
		{"error", "ask plain", "", errors.New("no hands"), shell.Failed, "no hands\n"},
	}
	c, _ := startRouter(t, nil).dial(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := display{ask: func(_ context.Context, prompt string, secret bool) (string, error) {
				if prompt != "Password: " || secret != strings.HasSuffix(tt.line, "secret") {
					t.Errorf("asked %q, secret %t", prompt, secret)
				}
				return tt.answer, tt.err
			}}
			st := c.Execute(t.Context(), tt.line, out.io())
			if st != tt.status || out.String() != tt.out {
				t.Errorf("status %d, %q", st, out.String())
			}
		})
	}
}

func TestManyClients(t *testing.T) {
	r := startRouter(t, nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c, err := remote.Dial(t.Context(), r.path)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for j := range 20 {
				want := fmt.Sprintf("%d/%d\n", i, j)
				if out, _, _ := run(c, "echo "+strings.TrimSpace(want)); out != want {
					t.Errorf("got %q, want %q", out, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestSessionLimit(t *testing.T) {
	r := startRouter(t, func(s *remote.Server) { s.MaxSessions = 2 })
	var err error
	n := 0
	for ; n < 20; n++ {
		var c *remote.Client
		if c, err = remote.Dial(t.Context(), r.path); err != nil {
			break
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	// The tests run as the owner of the router, for whom a few more sessions are reserved.
	if n != 10 || err == nil || !strings.Contains(err.Error(), "too many sessions") {
		t.Errorf("%d sessions, then %v", n, err)
	}
}

func TestClientVanishes(t *testing.T) {
	r := startRouter(t, nil)
	c, conv := r.dial(t)
	done := make(chan shell.Status, 1)
	go func() { done <- c.Execute(context.Background(), "wait", shell.IO{Out: io.Discard, Err: io.Discard}) }()
	wait(t, conv.entered, "command")
	_ = c.Close()
	wait(t, conv.stopped, "interruption of the command")
	wait(t, conv.closed, "end of the session")
	if st := wait(t, done, "return"); st != shell.Unreachable {
		t.Errorf("status %d", st)
	}
}

func TestClientVanishesWhileAsked(t *testing.T) {
	c, conv := startRouter(t, nil).dial(t)
	asked := make(chan struct{})
	d := display{ask: func(ctx context.Context, _ string, _ bool) (string, error) {
		close(asked)
		<-ctx.Done()
		return "", ctx.Err()
	}}
	go c.Execute(context.Background(), "ask", d.io())
	wait(t, asked, "question")
	_ = c.Close()
	if err := wait(t, conv.answered, "end of the question"); err == nil {
		t.Error("an unanswered question has an answer")
	}
	wait(t, conv.closed, "end of the session")
}

func TestRouterGoes(t *testing.T) {
	r := startRouter(t, nil)
	c, conv := r.dial(t)
	go func() { <-conv.entered; r.stop() }()
	var out bytes.Buffer
	st := c.Execute(t.Context(), "wait", shell.IO{Out: &out, Err: &out})
	if st != shell.Unreachable || !strings.HasSuffix(out.String(), "% Lost the router: the router is stopping\n") {
		t.Errorf("status %d, %q", st, out.String())
	}
	if !errors.Is(c.Err(), remote.ErrUnreachable) {
		t.Errorf("err %v", c.Err())
	}
	if _, open := <-c.Notices(); open {
		t.Error("the channel of notices is still open")
	}
	if _, errs, st := run(c, "echo"); st != shell.Unreachable || errs == "" {
		t.Errorf("status %d, %q", st, errs)
	}
	if got := c.Prompt(); got != "r1# " {
		t.Errorf("prompt %q", got)
	}
	if got := c.Help(""); !strings.HasPrefix(got, "% No answer") {
		t.Errorf("help %q", got)
	}
}

// A command that requests a restart, or is about to end for another reason, ends properly; the session ends with
// it.
func TestRouterRestarts(t *testing.T) {
	r := startRouter(t, nil)
	c, conv := r.dial(t)
	idle, _ := r.dial(t)
	done := make(chan error, 1)
	go func() {
		<-conv.entered
		go close(conv.finish)
		done <- r.server.Restart()
	}()
	var out bytes.Buffer
	if st := c.Execute(t.Context(), "finish", shell.IO{Out: &out, Err: &out}); st != shell.Done || out.String() != "finished" {
		t.Errorf("status %d, %q", st, out.String())
	}
	if err := wait(t, done, "restart"); err != nil {
		t.Error(err)
	}
	for _, c := range []*remote.Client{c, idle} {
		_, errs, st := run(c, "echo")
		if st != shell.Unreachable || !strings.Contains(errs, "the router is restarting: connect again") {
			t.Errorf("afterwards: status %d, %q", st, errs)
		}
	}
}
