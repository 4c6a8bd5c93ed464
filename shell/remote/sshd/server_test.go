// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/platform/program"
)

func TestLogin(t *testing.T) {
	r := newRouter(t, nil)
	for _, tt := range []struct {
		name, user string
		how        ssh.AuthMethod
		ok         bool
	}{
		{"key", "alice", ssh.PublicKeys(r.key), true},
		{"password", "alice", ssh.Password("banana"), true},
		{"second of two keys", "alice", ssh.PublicKeys(newKey(t), r.key), true},
		{"another's key", "bob", ssh.PublicKeys(r.key), false},
		{"unknown key", "alice", ssh.PublicKeys(newKey(t)), false},
		{"wrong password", "alice", ssh.Password("apple"), false},
		{"unknown user", "carol", ssh.Password("banana"), false},
		{"user with a path", "../keys/alice", ssh.PublicKeys(r.key), false},
		{"nothing", "alice", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var how []ssh.AuthMethod
			if tt.how != nil {
				how = []ssh.AuthMethod{tt.how}
			}
			c, err := r.dial(tt.user, how...)
			if (err == nil) != tt.ok {
				t.Fatalf("%v, want success %v", err, tt.ok)
			}
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			if out, _, _ := r.run(c, "who", ""); out != tt.user+" 9 127.0.0.1\n" {
				t.Errorf("who: %q", out)
			}
		})
	}
}

// TestGuessingIsSlowed checks that password guesses over SSH count together with those made elsewhere.
func TestGuessingIsSlowed(t *testing.T) {
	gate := login.NewGate(time.Now)
	r := newRouter(t, func(o *Options) { o.Gate = gate })
	tries := 0
	_, err := r.dial("bob", ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
		tries++
		return "apple", nil
	}), 100))
	if err == nil || tries != DefaultLimits.Tries {
		t.Errorf("%d tries on one connection, then %v", tries, err)
	}
	if _, err := r.dial("bob", ssh.Password("banana")); err == nil {
		t.Error("the right password after many wrong ones was accepted at once")
	}
	if _, err := gate.Check(t.Context(), r.config.Load().API.Users, "127.0.0.1", "bob", "banana"); !errors.Is(err, login.ErrTooMany) {
		t.Errorf("elsewhere: %v", err)
	}
	c, err := r.dial("alice", ssh.Password("banana"))
	if err != nil {
		t.Fatalf("another user: %v", err)
	}
	_ = c.Close()
}

func TestCommands(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	for _, tt := range []struct{ name, command, stdin, out, err string }{
		{"command", "say hello", "", "hello\n", ""},
		{"input is not for a command", "say hello", "say more\n", "hello\n", ""},
		{"failure", "sya hello", "", "", "% Unknown: sya hello\n"},
		{"lines", "say a\nsay b", "", "a\nb\n", ""},
		{"script", "", "say a\n\n# comment\nsay b", "a\nb\n", ""},
		{"script with a failure", "", "say a\nbroken\nsay b\n", "a\n", "% Line 2: Unknown: broken\n% Stopped at line 2, after 1 command without an error\n"},
		{"empty script", "", "", "", ""},
		{"much output", "say " + strings.Repeat("x", 100_000), "", strings.Repeat("x", 100_000) + "\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, status := r.run(c, tt.command, tt.stdin)
			want := 0
			if tt.err != "" {
				want = 2
			}
			if out != tt.out || errs != tt.err || status != want {
				t.Errorf("%.60q, %q, status %d", out, errs, status)
			}
			r.wait("the end of the session", r.conversation().closed)
		})
	}
}

func TestKeyOptions(t *testing.T) {
	r := newRouter(t, nil)
	r.authorize(`command="say forced",no-pty ` + authorize(r.key))
	c := r.alice()
	for _, stdin := range []string{"", "say a\n"} {
		if out, _, _ := r.run(c, "", stdin); out != "forced\n" {
			t.Errorf("without a command: %q", out)
		}
	}
	if out, _, _ := r.run(c, "who", ""); out != "forced\n" {
		t.Errorf("with a command: %q", out)
	}
	s := r.session(c)
	defer func() { _ = s.Close() }()
	if s.RequestPty("xterm", 24, 80, nil) == nil {
		t.Error("a terminal in spite of no-pty")
	}
	// An offered key must not lend its rights to the key that is proven.
	free := newKey(t)
	r.authorize(authorize(free) + `command="say forced" ` + authorize(r.key))
	_, _ = r.dial("alice", ssh.PublicKeys(&offered{free}, r.key))
	c2, err := r.dial("alice", ssh.PublicKeys(&offered{free}), ssh.Password("banana"))
	if err == nil {
		_ = c2.Close()
	}
	c3, err := r.dial("alice", ssh.PublicKeys(r.key))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c3.Close() }()
	if out, _, _ := r.run(c3, "who", ""); out != "forced\n" {
		t.Errorf("with the restricted key: %q", out)
	}
}

// offered is a key that cannot sign.
type offered struct{ ssh.Signer }

func (o *offered) Sign(io.Reader, []byte) (*ssh.Signature, error) {
	return nil, errors.New("not mine")
}

// TestNothingElse checks which requests the server refuses.
func TestNothingElse(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	for _, kind := range []string{"direct-tcpip", "forwarded-tcpip", "x11", "auth-agent@openssh.com", "direct-streamlocal@openssh.com", "tun@openssh.com"} {
		if _, _, err := c.OpenChannel(kind, nil); err == nil {
			t.Errorf("a channel %s is opened", kind)
		}
	}
	for _, request := range []string{"tcpip-forward", "streamlocal-forward@openssh.com", "hostkeys-prove-00@openssh.com"} {
		if ok, _, err := c.SendRequest(request, true, nil); ok || err != nil {
			t.Errorf("%s: %v, %v", request, ok, err)
		}
	}
	s := r.session(c)
	for _, request := range []string{"env", "subsystem", "x11-req", "auth-agent-req@openssh.com", "window-change", "exec", "signal"} {
		if ok, err := s.SendRequest(request, true, []byte{0, 0}); ok || err != nil {
			t.Errorf("%s: %v, %v", request, ok, err)
		}
	}
	_ = s.Close()
	s = r.session(c)
	defer func() { _ = s.Close() }()
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	if ok, _ := s.SendRequest("shell", true, nil); ok {
		t.Error("a session accepted two commands")
	}
}

func TestInterrupt(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	s := r.session(c)
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	r.wait("the command", r.conversation().waiting)
	if err := s.Signal(ssh.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 1 {
		t.Errorf("after the signal: %v", err)
	}
	// When a client leaves, its command is interrupted.
	s = r.session(c)
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	conv := r.conversation()
	r.wait("the command", conv.waiting)
	_ = c.Close()
	r.wait("the end of the session", conv.closed)
}

// terminal opens a terminal and returns its input and output.
func (r *router) terminal(c *ssh.Client) (*ssh.Session, io.Writer, *bufio.Scanner) {
	r.t.Helper()
	s := r.session(c)
	in, err := s.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := s.RequestPty("xterm-256color", 24, 80, nil); err != nil {
		r.t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		r.t.Fatal(err)
	}
	return s, in, bufio.NewScanner(out)
}

// shows reads until a line contains text.
func (r *router) shows(out *bufio.Scanner, text string) string {
	r.t.Helper()
	found := make(chan string, 1)
	go func() {
		for out.Scan() {
			if strings.Contains(out.Text(), text) {
				found <- out.Text()
				return
			}
		}
		close(found)
	}()
	select {
	case line, ok := <-found:
		if !ok {
			r.t.Fatalf("the terminal never showed %q", text)
		}
		return line
	case <-time.After(deadline):
		r.t.Fatalf("waited in vain for the terminal to show %q", text)
		return ""
	}
}

func (r *router) types(in io.Writer, line string) {
	r.t.Helper()
	if _, err := io.WriteString(in, line+"\r"); err != nil {
		r.t.Fatal(err)
	}
}

func TestTerminal(t *testing.T) {
	t.Setenv("SECRET_OF_THE_ROUTER", "1")
	r := newRouter(t, nil)
	c := r.alice()
	s, in, out := r.terminal(c)
	r.shows(out, "alice# ")
	r.types(in, "who")
	r.shows(out, "alice 9 127.0.0.1")
	r.types(in, "window")
	if line := r.shows(out, "window 80 24"); !strings.HasSuffix(strings.TrimSpace(line), "window 80 24 TERM=xterm-256color") {
		t.Errorf("the terminal's environment: %s", line)
	}
	if err := s.WindowChange(10, 20); err != nil {
		t.Fatal(err)
	}
	// The answer to a request on the same channel shows that the server has handled the change. The terminal gets it right after that, not
	// before.
	for end := time.Now().Add(deadline); ; {
		r.types(in, "window")
		if strings.Contains(r.shows(out, "window "), "window 20 10") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the terminal did not get its new size")
		}
	}
	r.types(in, "leave")
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		t.Errorf("the end: %v, want status 7", err)
	}
	r.wait("the end of the session", r.conversation().closed)
}

// TestLiveCommandGetsATerminal: "ssh -t host 'monitor vrrp'" can be scrolled; other commands print only data.
func TestLiveCommandGetsATerminal(t *testing.T) {
	r := newRouter(t, nil)
	for command, want := range map[string]string{"monitor vrrp interface eth0": "only monitor vrrp interface eth0\r\n", "who": "alice 9 127.0.0.1"} {
		s, err := r.alice().NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
			t.Fatal(err)
		}
		out, _ := s.CombinedOutput(command)
		if !strings.Contains(string(out), want) || strings.HasPrefix(string(out), "only") != strings.HasPrefix(command, "monitor") {
			t.Errorf("%s: %q", command, out)
		}
	}
	s, err := r.alice().NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := s.CombinedOutput("monitor vrrp"); strings.Contains(string(out), "only") {
		t.Errorf("without a terminal: %q", out)
	}
}

// TestTerminalOutlivesPrograms: the end of a tracked script or a notification does not affect a user at a terminal.
func TestTerminalOutlivesPrograms(t *testing.T) {
	command, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	r := newRouter(t, nil)
	_, in, out := r.terminal(r.alice())
	r.shows(out, "alice# ")
	ends := program.Program{Command: []string{command}, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	for range 3 {
		if _, err := program.Run(t.Context(), ends); err != nil {
			t.Error(err)
		}
	}
	r.types(in, "who")
	r.shows(out, "alice 9 127.0.0.1")
}

func TestTerminalGone(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	_, _, out := r.terminal(c)
	r.shows(out, "alice# ")
	conv := r.conversation()
	_ = c.Close()
	r.wait("the end of the session", conv.closed)
}

func TestTerminalIdle(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Idle = 300 * time.Millisecond })
	s, _, out := r.terminal(r.alice())
	r.shows(out, "No input for")
	_ = s.Wait()
	r.wait("the end of the session", r.conversation().closed)
}

func TestUnusedConnectionEnds(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Idle, o.Limits.KeepAlive = time.Millisecond, 10*time.Millisecond })
	r.wait("the end of the connection", closed(r.alice()))
}

// TestSilentClientEnds checks that the server drops a client that does not answer.
func TestSilentClientEnds(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.KeepAlive = 10 * time.Millisecond })
	raw, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	conn, channels, requests, err := ssh.NewClientConn(raw, r.addr, &ssh.ClientConfig{
		User: "alice", Auth: []ssh.AuthMethod{ssh.PublicKeys(r.key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for c := range channels {
			_ = c.Reject(ssh.Prohibited, "")
		}
	}()
	done := make(chan struct{})
	go func() {
		_ = conn.Wait()
		close(done)
	}()
	asked := 0
	for {
		select {
		case req, ok := <-requests: // never answered
			if !ok {
				requests = nil
				continue
			}
			asked++
			if req.Type != "keepalive@openssh.com" {
				t.Errorf("asked for %s", req.Type)
			}
			continue
		case <-done:
		case <-time.After(deadline):
			t.Fatal("the connection is still open")
		}
		break
	}
	if asked == 0 {
		t.Error("the client was not asked")
	}
}

// TestStrangersAreLimited: of the connections from one address that have not logged in, exactly the newest ones within the limit stay open.
func TestStrangersAreLimited(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Waiting, o.Limits.Each, o.Limits.Exchange = 4, 2, deadline })
	var list []net.Conn
	for i := range 4 {
		c := r.stranger()
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "SSH-2.0-vrrpsh\r\n" {
			t.Fatalf("connection %d: %q, %v", i, line, err)
		}
		list = append(list, c)
		for j, c := range list { // a connection that loses its place loses it before the next one is greeted
			stays, limit := i-j < 2, deadline
			if stays {
				limit = 10 * time.Millisecond
			}
			_ = c.SetReadDeadline(time.Now().Add(limit))
			_, err := c.Read(make([]byte, 1))
			if open := errors.Is(err, os.ErrDeadlineExceeded); open != stays {
				t.Errorf("of %d connections, number %d: open %t, %v", i+1, j, open, err)
			}
		}
	}
	r.alice() // another client can still log in
}

// TestStrangersMustHurry: connections without a login are closed soon, and others get their places.
func TestStrangersMustHurry(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Waiting, o.Limits.Each, o.Limits.Exchange = 4, 2, 300*time.Millisecond })
	var list []net.Conn
	for range 4 {
		list = append(list, r.stranger())
	}
	for _, c := range list {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection without login: %v", err)
		}
	}
	r.alice() // there is a place again
}

// stranger connects and does not log in.
func (r *router) stranger() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(deadline))
	return c
}

func TestTimeToTypeAPassword(t *testing.T) {
	const exchange = 200 * time.Millisecond
	r := newRouter(t, func(o *Options) { o.Limits.Exchange, o.Limits.Handshake = exchange, deadline })
	c, err := r.dial("alice", ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { // called after the first attempt was refused
		<-time.After(2 * exchange)
		return []ssh.Signer{r.key}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// A host can use any number of addresses of its IPv6 network; other hosts can still log in.
func TestStrangersOfANetworkAreLimitedTogether(t *testing.T) {
	s := New(Options{Gate: login.NewGate(time.Now), Limits: Limits{Waiting: 5, Each: 2, Users: 1}})
	open := make(map[string]int)
	for _, prefix := range []string{"2001:db8::", "2001:db8:0:1::", "192.0.2."} {
		for i := range 5 {
			open[prefix]++
			s.places.Enter(login.SourceOf(fmt.Sprintf("%s%d", prefix, i+1)), func() { open[prefix]-- })
		}
	}
	// Each address of the last network counts on its own, but there are only five places.
	if want := map[string]int{"2001:db8::": 0, "2001:db8:0:1::": 0, "192.0.2.": 5}; fmt.Sprint(open) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", open, want)
	}
}

func TestSessionsAreLimited(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Sessions, o.Limits.Users, o.Limits.Reserved = 2, 1, 0 })
	c := r.alice()
	r.session(c)
	second := r.session(c)
	if _, err := c.NewSession(); err == nil {
		t.Error("a third session")
	}
	if _, err := r.dial("alice", ssh.PublicKeys(r.key)); err == nil {
		t.Error("a second connection")
	}
	_ = second.Close()
}

// loggedIn is a user's connection without a client.
type loggedIn struct {
	ssh.Conn
	user string
}

func (l loggedIn) User() string { return l.user }

// TestUserGoneMeanwhile: the connections of a user who is removed during the login count for that user.
func TestUserGoneMeanwhile(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.User = 1 })
	join := func(user string) string {
		return errorText(r.server.join(&connection{server: r.server, conn: &ssh.ServerConn{Conn: loggedIn{user: user}}}))
	}
	if err := join("bob"); err != "" {
		t.Fatal(err)
	}
	r.config.Store(&conf.Config{})
	if err := join("bob"); err != "too many connections of bob (1)" {
		t.Errorf("a second one: %q", err)
	}
	if err := join("carol"); err != "" {
		t.Errorf("another user: %s", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestUserGone checks that a user who was removed after the login gets no new session, and that a user whose level has changed gets it with
// the new level.
func TestUserGone(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	change := *r.config.Load()
	change.API.Users = users(t, map[string]conf.Level{"alice": conf.Operator})
	r.config.Store(&change)
	if out, _, _ := r.run(c, "who", ""); out != "alice 5 127.0.0.1\n" {
		t.Errorf("with another level: %q", out)
	}
	change.API.Users = users(t, map[string]conf.Level{"bob": conf.Viewer})
	if _, errs, status := r.run(c, "who", ""); status != 1 || !strings.Contains(errs, "no longer exists") {
		t.Errorf("removed: %q, status %d", errs, status)
	}
}

func TestApply(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	first := r.config.Load().SSH
	second := first
	second.Listen = freeAddr(t)
	if err := r.server.Apply(second); err != nil {
		t.Fatal(err)
	}
	if _, err := r.dial("alice", ssh.PublicKeys(r.key)); err == nil {
		t.Error("the old address still answers")
	}
	r.addr = second.Listen
	r.alice()
	if out, _, _ := r.run(c, "say still here", ""); out != "still here\n" {
		t.Errorf("an open connection after the move: %q", out)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	broken := second
	broken.Listen = taken.Addr().String()
	if err := r.server.Apply(broken); err == nil {
		t.Error("the server listens on an address in use")
	}
	broken = second
	broken.HostKey = filepath.Dir(second.HostKey)
	if err := r.server.Apply(broken); err == nil {
		t.Error("a directory was accepted as a key")
	}
	r.alice()
	if err := r.server.Apply(conf.SSHConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.dial("alice", ssh.PublicKeys(r.key)); err == nil {
		t.Error("switched off, but still listening")
	}
}

// TestClose checks that all sessions end when the router stops.
func TestClose(t *testing.T) {
	r := newRouter(t, nil)
	c := r.alice()
	s := r.session(c)
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	r.wait("the command", r.conversation().waiting)
	script := r.session(c)
	if _, err := script.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := script.Shell(); err != nil {
		t.Fatal(err)
	}
	conv := r.conversation()
	_, _, out := r.terminal(c)
	r.shows(out, "alice# ")
	terminal := r.conversation()
	start := time.Now()
	_ = r.server.o.Shells.Close()
	r.server.Close()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	r.wait("the end of the connection", closed(c))
	r.wait("the end of the script", conv.closed)
	r.wait("the end of the terminal", terminal.closed)
	if err := context.Cause(r.server.ctx); err == nil {
		t.Error("the server is still running")
	}
}
