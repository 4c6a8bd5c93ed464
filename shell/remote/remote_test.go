package remote_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a conversation whose commands exercise one part of the protocol each.
type scripted struct {
	peer remote.Peer

	mu      sync.Mutex
	prompt  string
	ended   bool
	columns int

	notices  chan string
	closed   chan struct{}
	entered  chan struct{} // "wait" has begun
	stopped  chan struct{} // "wait" has seen its context end
	answered chan error    // how "ask" ended
}

func newScripted(p remote.Peer) *scripted {
	return &scripted{
		peer: p, prompt: "r1# ", notices: make(chan string, 4), closed: make(chan struct{}),
		entered: make(chan struct{}, 1), stopped: make(chan struct{}, 1), answered: make(chan error, 1),
	}
}

func (c *scripted) Prompt() string         { c.mu.Lock(); defer c.mu.Unlock(); return c.prompt }
func (c *scripted) Ended() bool            { c.mu.Lock(); defer c.mu.Unlock(); return c.ended }
func (c *scripted) Notices() <-chan string { return c.notices }
func (c *scripted) PageLength() int        { return 7 }
func (c *scripted) Suggestions() bool      { return false }
func (c *scripted) Resize(columns, _ int)  { c.mu.Lock(); defer c.mu.Unlock(); c.columns = columns }
func (c *scripted) Close() error           { close(c.closed); return nil }
func (c *scripted) Help(line string) string {
	return "help for " + line + "\n"
}

func (c *scripted) Complete(line string) []shell.Suggestion {
	if line == "many" {
		return make([]shell.Suggestion, 200_000)
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
		if sio.Ask == nil {
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
	case "nomore":
		if n, ok := sio.Out.(interface{ NoMore() }); ok {
			n.NoMore()
		}
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
	convs  chan *scripted // as they are made
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

// run executes one line and returns what it wrote.
func run(c *remote.Client, line string) (out, errs string, st shell.Status) {
	var o, e bytes.Buffer
	st = c.Execute(context.Background(), line, shell.IO{Out: &o, Err: &e, Width: 132})
	return o.String(), e.String(), st
}

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
		{"panic", "", "% Internal error: the command was given up\n", shell.Failed},
		{"echo still here", "still here\n", "", shell.Done},
		{"echo " + strings.Repeat("x", 1<<20), "", "% Line too long: 1048581 bytes, at most 173738\n", shell.BadSyntax},
		{"echo " + strings.Repeat("\x01", 170_000), strings.Repeat("\x01", 170_000) + "\n", "", shell.Done},
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
		t.Error("no suggestion is left of many")
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

type noMoreBuffer struct {
	bytes.Buffer
	noMore bool
}

func (b *noMoreBuffer) NoMore() { b.noMore = true }

func TestNoMore(t *testing.T) {
	c, _ := startRouter(t, nil).dial(t)
	var b noMoreBuffer
	c.Execute(t.Context(), "nomore", shell.IO{Out: &b, Err: &b})
	if !b.noMore {
		t.Error("the terminal was not told")
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
			var out bytes.Buffer
			st := c.Execute(t.Context(), tt.line, shell.IO{Out: &out, Err: &out,
				Ask: func(_ context.Context, prompt string, secret bool) (string, error) {
					if prompt != "Password: " || secret != strings.HasSuffix(tt.line, "secret") {
						t.Errorf("asked %q, secret %t", prompt, secret)
					}
					return tt.answer, tt.err
				}})
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
	// The tests' user owns the router, for whom a few more are kept free.
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
	go c.Execute(context.Background(), "ask", shell.IO{Out: io.Discard, Err: io.Discard,
		Ask: func(ctx context.Context, _ string, _ bool) (string, error) {
			close(asked)
			<-ctx.Done()
			return "", ctx.Err()
		}})
	wait(t, asked, "question")
	_ = c.Close()
	if err := wait(t, conv.answered, "end of the question"); err == nil {
		t.Error("the question was answered by nobody")
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
		t.Error("the notices go on")
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

// A client that stops reading is given up, and its command with it.
func TestStuckClient(t *testing.T) {
	r := startRouter(t, func(s *remote.Server) { s.WriteTimeout = 100 * time.Millisecond })
	conn, _ := rawDial(t, r.path)
	conv := wait(t, r.convs, "session")
	for range 10 {
		fmt.Fprintln(conn, `{"op":"execute","id":1,"line":"big"}`)
	}
	wait(t, conv.closed, "end of the session")
}

// rawDial upgrades by hand and returns what follows the greeting.
func rawDial(t *testing.T, path string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprint(conn, "GET /shell HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: vrrpsh-shell/1\r\n\r\n")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	hello, err := br.ReadString('\n')
	if want := `{"op":"hello","state":{"prompt":"r1# ","page_length":7,"suggestions":false}}` + "\n"; hello != want || err != nil {
		t.Fatalf("greeting %q, %v", hello, err)
	}
	return conn, br
}

func TestGarbage(t *testing.T) {
	tests := []struct{ name, send, want string }{
		{"no JSON", "show vrrp\n", "malformed frame"},
		{"wrong type", `{"op":7}` + "\n", "malformed frame"},
		{"array", "[]\n", "malformed frame"},
		{"unknown request", `{"op":"reboot"}` + "\n", `unknown request \"reboot\"`},
		{"too long", strings.Repeat("x", 2<<20), "frame longer than 1048576 bytes"},
		{"too long but well-formed", `{"op":"execute","line":"` + strings.Repeat("x", 1<<20) + "\"}\n", "frame longer than"},
		{"too many", strings.Repeat(`{"op":"execute","id":1,"line":"wait"}`+"\n", 20), "more than 16 requests"},
	}
	r := startRouter(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, br := rawDial(t, r.path)
			conv := wait(t, r.convs, "session")
			go func() { _, _ = io.WriteString(conn, tt.send) }()
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			var bye string
			for !strings.Contains(bye, `"bye"`) {
				var err error
				if bye, err = br.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(bye, tt.want) {
				t.Errorf("goodbye %q, want %q", bye, tt.want)
			}
			wait(t, conv.closed, "end of the session")
		})
	}
	c, _ := r.dial(t)
	if out, _, _ := run(c, "echo unharmed"); out != "unharmed\n" {
		t.Errorf("got %q", out)
	}
}

func TestRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := remote.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	h := remote.Handler(func(remote.Peer) (shell.Conversation, error) { return nil, errors.New("not you") })
	hs := &http.Server{Handler: h, ConnContext: remote.ConnContext}
	var wg sync.WaitGroup
	wg.Go(func() { _ = hs.Serve(l) })
	t.Cleanup(func() { _ = hs.Close(); wg.Wait() })

	_, err = remote.Dial(t.Context(), path)
	if err == nil || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "refused by the router: not you") {
		t.Errorf("got %v", err)
	}

	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }}}
	resp, err := hc.Get("http://x/shell")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired || resp.Header.Get("Upgrade") != remote.Protocol {
		t.Errorf("without upgrade: %v", resp.Status)
	}
}

// A connection that did not come through the socket has no peer and no shell.
func TestNoShellOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := remote.Handler(func(remote.Peer) (shell.Conversation, error) { panic("a session") })
	hs := &http.Server{Handler: h, ConnContext: remote.ConnContext}
	var wg sync.WaitGroup
	wg.Go(func() { _ = hs.Serve(l) })
	t.Cleanup(func() { _ = hs.Close(); wg.Wait() })
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := hc.Get("http://" + l.Addr().String() + "/shell")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %v", resp.Status)
	}
}

func TestDialErrors(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	leaveSocket(t, stale)
	mute := filepath.Join(dir, "mute") // accepts and says nothing
	l, err := net.Listen("unix", mute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, tt := range []struct {
		name, path, want string
		ctx              context.Context
	}{
		{"missing", filepath.Join(dir, "none"), "no router listens on", t.Context()},
		{"stale", stale, "no router listens on", t.Context()},
		{"mute", mute, "no answer", short},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := remote.Dial(tt.ctx, tt.path)
			if !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// leaveSocket makes the socket of a process that has died.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestListen(t *testing.T) {
	t.Run("makes directory and socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a", "b", "s")
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		fi, err := os.Stat(path)
		if err != nil || fi.Mode().Perm() != 0o660 {
			t.Errorf("socket %v, %v", fi.Mode(), err)
		}
		if fi, err = os.Stat(filepath.Dir(path)); err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("directory %v, %v", fi.Mode(), err)
		}
	})
	t.Run("removes it at the end", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	})
	t.Run("replaces a stale one", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		leaveSocket(t, path)
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	})
	t.Run("in use", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := remote.Listen(path); !errors.Is(err, remote.ErrInUse) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
		if c, err := net.Dial("unix", path); err != nil {
			t.Errorf("the first one suffered: %v", err)
		} else {
			_ = c.Close()
		}
	})
	t.Run("not a socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Listen(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
			t.Errorf("got %v", err)
		}
		if b, _ := os.ReadFile(path); string(b) != "precious" {
			t.Error("the file is gone")
		}
	})
	t.Run("too long", func(t *testing.T) {
		if _, err := remote.Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 120))); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("two at once", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		leaveSocket(t, path)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var open []net.Listener
		for range 8 {
			wg.Go(func() {
				l, err := remote.Listen(path)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					open = append(open, l)
				case !errors.Is(err, remote.ErrInUse):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(open) != 1 {
			t.Errorf("%d routers have the socket", len(open))
		}
		for _, l := range open {
			_ = l.Close()
		}
	})
}

func TestPeer(t *testing.T) {
	r := startRouter(t, nil)
	_, conv := r.dial(t)
	p := conv.peer
	if p.UID != os.Getuid() || p.GID != os.Getgid() || p.Username == "" || !p.Owner() {
		t.Errorf("peer %+v", p)
	}
	if p.PID != 0 && p.PID != os.Getpid() {
		t.Errorf("pid %d", p.PID)
	}
	if (remote.Peer{UID: 54321}).Owner() {
		t.Error("a stranger owns the router")
	}
}
