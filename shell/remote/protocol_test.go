// SPDX-License-Identifier: GPL-3.0-only

package remote_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"vrrpsh/conf/login"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

// The router drops a client that stops reading, and interrupts its command.
func TestStuckClient(t *testing.T) {
	r := startRouter(t, func(s *remote.Server) { s.WriteTimeout = 100 * time.Millisecond })
	conn, _ := rawDial(t, r.path)
	conv := wait(t, r.convs, "session")
	for range 10 {
		fmt.Fprintln(conn, `{"op":"execute","id":1,"line":"big"}`)
	}
	wait(t, conv.closed, "end of the session")
}

// rawDial upgrades the connection by hand and returns the data after the greeting.
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
		{"too long", strings.Repeat("x", 2<<20), "frame longer than 524288 bytes"},
		{"too long but well-formed", `{"op":"execute","line":"` + strings.Repeat("x", 1<<20) + "\"}\n", "frame longer than"},
		{"too much", strings.Repeat(`{"op":"execute","id":1,"line":"wait`+strings.Repeat(" ", 60000)+`"}`+"\n", 8), "requests of more than 262144 bytes"},
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

// Violations of clients are logged, but do not fill the log.
func TestViolationsAreLogged(t *testing.T) {
	var log safeBuffer
	r := startRouter(t, func(s *remote.Server) {
		s.Complaints = login.NewComplaints(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
	})
	for range 40 {
		conn, br := rawDial(t, r.path)
		wait(t, r.convs, "session")
		fmt.Fprintln(conn, `{"op":"reboot"}`)
		_, _ = io.Copy(io.Discard, br)
	}
	for range 40 {
		conn, br := rawDial(t, r.path)
		wait(t, r.convs, "session")
		fmt.Fprintln(conn, `{"op":"execute","id":1,"line":"panic"}`)
		for line := ""; !strings.Contains(line, `"done"`); {
			var err error
			if line, err = br.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		_ = conn.Close()
	}
	if n := log.count("shell session ended"); n < 10 || n > 25 {
		t.Errorf("%d violations are logged", n)
	}
	if n := log.count("level=WARN"); n > 25 {
		t.Errorf("%d lines are logged", n)
	}
}

// safeBuffer is a buffer that several goroutines may write to.
type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}
func (s *safeBuffer) count(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.b.String(), text)
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

// A connection that did not come through the socket has no peer and gets no shell.
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

// TestScriptOfAnEarlierRouter: an earlier router sends the requests for a terminal to scripts, too.
func TestScriptOfAnEarlierRouter(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		fmt.Fprintln(theirs, `{"op":"hello","state":{"prompt":"r1# ","page_length":-1,"suggestions":true}}`)
		_, _ = bufio.NewReader(theirs).ReadString('\n') // the command
		for _, f := range []string{`nomore"`, `progress","text":"applying"`, `screen","text":"all"`, `out","data":"YQ=="`, `done","status":3`} {
			fmt.Fprintf(theirs, "{\"id\":1,\"op\":\"%s}\n", f)
		}
	}()
	c, err := remote.Attach(ours)
	if err != nil {
		t.Fatal(err)
	}
	if out, errs, st := run(c, "commit"); out != "a" || errs != "" || st != shell.Rejected {
		t.Errorf("%q, %q, status %d", out, errs, st)
	}
	_ = theirs.Close()
	_ = c.Close()
}

// TestPendingRequestsHoldOnlyTheirLines: what else a client puts into requests that wait is forgotten, so that it needs no limit.
func TestPendingRequestsHoldOnlyTheirLines(t *testing.T) {
	r := startRouter(t, nil)
	conn, br := rawDial(t, r.path)
	conv := wait(t, r.convs, "session")
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	fmt.Fprintln(conn, `{"op":"execute","id":1,"line":"wait"}`)
	padding := strings.Repeat("x", 500_000)
	for range 14 {
		fmt.Fprintf(conn, `{"op":"execute","id":2,"line":"wait","text":"%s"}`+"\n", padding)
	}
	// The answer to this one shows that the session has read the others.
	fmt.Fprintln(conn, `{"op":"reboot"}`)
	if _, err := br.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("14 requests that wait take %d bytes of memory", grown)
	}
	wait(t, conv.closed, "end of the session")
}
