// SPDX-License-Identifier: GPL-3.0-only

package remote_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a conversation; each of its commands exercises one part of the protocol.
type scripted struct {
	peer remote.Peer

	mu      sync.Mutex
	prompt  string
	ended   bool
	columns int

	notices  chan string
	closed   chan struct{}
	entered  chan struct{} // "wait" has started
	stopped  chan struct{} // the context of "wait" has ended
	answered chan error    // result of "ask"
	finish   chan struct{} // close it to let "finish" end
}

func newScripted(p remote.Peer) *scripted {
	return &scripted{
		peer: p, prompt: "r1# ", notices: make(chan string, 4), closed: make(chan struct{}),
		entered: make(chan struct{}, 1), stopped: make(chan struct{}, 1), answered: make(chan error, 1),
		finish: make(chan struct{}),
	}
}

func (c *scripted) Prompt() string { c.mu.Lock(); defer c.mu.Unlock(); return c.prompt }

func (c *scripted) Ended() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.ended }

func (c *scripted) Notices() <-chan string { return c.notices }

func (c *scripted) PageLength() int { return 7 }

func (c *scripted) Plain() bool       { return false }
func (c *scripted) Suggestions() bool { return false }

func (c *scripted) Resize(columns, _ int) { c.mu.Lock(); defer c.mu.Unlock(); c.columns = columns }

func (c *scripted) Err() error { return nil }

func (c *scripted) Close() error { close(c.closed); return nil }

func (c *scripted) Help(line string) string {
	return "help for " + line + "\n"
}

func (c *scripted) Complete(line string) []shell.Suggestion {
	if line == "many" {
		return slices.Repeat([]shell.Suggestion{{Text: strings.Repeat("x", 1024)}}, 2000) // longer than a frame
	}
	return []shell.Suggestion{{Text: line + "x", Help: "an x", Literal: true}, {Text: "<1-9>"}}
}

func (c *scripted) Execute(ctx context.Context, line string, sio shell.IO) shell.Status {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "echo":
		fmt.Fprintf(sio.Out, "%s\n", rest)
	case "width":
		fmt.Fprintf(sio.Out, "%d\n", sio.Width)
	case "columns":
		c.mu.Lock()
		defer c.mu.Unlock()
		fmt.Fprintf(sio.Out, "%d\n", c.columns)
	case "whoami":
		fmt.Fprintf(sio.Out, "%d %s\n", c.peer.UID, c.peer.Username)
	case "finish":
		c.entered <- struct{}{}
		<-c.finish
		fmt.Fprint(sio.Out, "finished")
	case "both":
		fmt.Fprint(sio.Out, "one ")
		fmt.Fprint(sio.Err, "two ")
		fmt.Fprint(sio.Out, "three")
		return shell.Rejected
	case "big":
		for i := range 100_000 {
			fmt.Fprintf(sio.Out, "line %d é\n", i)
		}
	case "bytes":
		_, _ = sio.Out.Write([]byte{0xff, 0x00, 0xc3})
		_, _ = sio.Out.Write([]byte{0xa9})
	case "wait":
		select {
		case c.entered <- struct{}{}:
		default:
		}
		<-ctx.Done()
		fmt.Fprintln(sio.Err, "% Interrupted")
		select {
		case c.stopped <- struct{}{}:
		default:
		}
		return shell.Failed
	case "ask":
		if sio.Terminal == nil {
			return shell.Failed
		}
		text, err := sio.Ask(ctx, "Password: ", rest == "secret")
		select {
		case c.answered <- err:
		default:
		}
		if err != nil {
			fmt.Fprintf(sio.Err, "%v\n", err)
			return shell.Failed
		}
		fmt.Fprintf(sio.Out, "got %s\n", text)
	case "screen":
		for i := 0; ctx.Err() == nil; i++ {
			if err := sio.Show(fmt.Sprintf("%d\n%s", i, strings.Repeat("a line\n", 1<<18))); err != nil {
				return shell.Failed
			}
		}
	case "progress":
		if sio.Terminal == nil {
			fmt.Fprintln(sio.Out, "nobody to tell")
			break
		}
		for _, what := range []string{"validating", "applying"} {
			sio.Progress(what)
		}
	case "nomore":
		sio.NoMore()
	case "mode":
		c.mu.Lock()
		defer c.mu.Unlock()
		c.prompt = rest
	case "panic":
		panic("broken command")
	case "exit":
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = true
		close(c.notices)
	}
	return shell.Done
}

// router is a control socket with scripted conversations behind it.
type router struct {
	path   string
	server *remote.Server
	stop   func()
	convs  chan *scripted // in the order of creation
}

func startRouter(t *testing.T, change func(*remote.Server)) *router {
	t.Helper()
	r := &router{path: filepath.Join(t.TempDir(), "run", "r1.sock"), convs: make(chan *scripted, 64)}
	l, err := remote.Listen(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.server = remote.Handler(func(p remote.Peer) (shell.Conversation, error) {
		c := newScripted(p)
		r.convs <- c
		return c, nil
	})
	if change != nil {
		change(r.server)
	}
	mux := http.NewServeMux()
	mux.Handle(remote.Path, r.server)
	hs := &http.Server{Handler: mux, ConnContext: remote.ConnContext}
	var wg sync.WaitGroup
	wg.Go(func() { _ = hs.Serve(l) })
	r.stop = sync.OnceFunc(func() {
		if err := r.server.Close(); err != nil {
			t.Error(err)
		}
		_ = hs.Close()
		wg.Wait()
	})
	t.Cleanup(r.stop)
	return r
}

func (r *router) dial(t *testing.T) (*remote.Client, *scripted) {
	t.Helper()
	c, err := remote.Dial(t.Context(), r.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, wait(t, r.convs, "session")
}

func wait[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}

// run executes one line and returns its output.
func run(c *remote.Client, line string) (out, errs string, st shell.Status) {
	var o, e bytes.Buffer
	st = c.Execute(context.Background(), line, shell.IO{Out: &o, Err: &e, Width: 132})
	return o.String(), e.String(), st
}
