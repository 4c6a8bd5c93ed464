// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

const terminalEnv = "SSHD_TEST_TERMINAL"

// TestMain is also the terminal of a session: the server starts this binary for each.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == terminalEnv {
		os.Exit(terminalProcess())
	}
	goleak.VerifyTestMain(m)
}

// terminalProcess executes lines, and has two commands of its own.
func terminalProcess() int {
	conn, err := net.FileConn(os.NewFile(3, "session"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	c, err := remote.Attach(conn)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer c.Close()
	if line := os.Args[2]; line != "" {
		fmt.Println("only", line)
		return int(c.Execute(context.Background(), line, shell.IO{Out: os.Stdout, Err: os.Stderr}))
	}
	fmt.Println(c.Prompt())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "window":
			ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
			if err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Println("window", ws.Col, ws.Row, strings.Join(os.Environ(), " "))
		case "leave":
			return 7
		default:
			c.Execute(context.Background(), in.Text(), shell.IO{Out: os.Stdout, Err: os.Stderr})
		}
	}
	return 0
}

// conversation is the conversation of a session in these tests.
type conversation struct {
	user    conf.User
	source  string
	notices chan string
	once    sync.Once
	closed  chan struct{}
	waiting chan struct{} // "wait" is running
}

func (c *conversation) Prompt() string                     { return c.user.Name + "# " }
func (c *conversation) Complete(string) []shell.Suggestion { return nil }
func (c *conversation) Help(string) string                 { return "" }
func (c *conversation) Notices() <-chan string             { return c.notices }
func (c *conversation) PageLength() int                    { return -1 }
func (c *conversation) Plain() bool                        { return false }
func (c *conversation) Suggestions() bool                  { return true }
func (c *conversation) Resize(int, int)                    {}
func (c *conversation) Err() error                         { return nil }
func (c *conversation) Ended() bool                        { return false }
func (c *conversation) Close() error                       { c.once.Do(func() { close(c.closed) }); return nil }

func (c *conversation) Execute(ctx context.Context, line string, out shell.IO) shell.Status {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "end":
	case "say":
		fmt.Fprintln(out.Out, rest)
	case "who":
		fmt.Fprintf(out.Out, "%s %d %s\n", c.user.Name, c.user.Level, c.source)
	case "wait":
		close(c.waiting)
		<-ctx.Done()
		fmt.Fprintln(out.Err, "interrupted")
		return shell.Failed
	default:
		fmt.Fprintln(out.Err, "% Unknown:", line)
		return shell.BadSyntax
	}
	return shell.Done
}

// router is a server with two users: alice, and bob, who is a viewer.
type router struct {
	t        *testing.T
	server   *Server
	config   atomic.Pointer[conf.Config]
	key      ssh.Signer // of alice
	keysFile string     // of alice
	addr     string
	made     chan *conversation
}

func newRouter(t *testing.T, change func(*Options)) *router {
	t.Helper()
	dir := t.TempDir()
	r := &router{t: t, key: newKey(t), keysFile: filepath.Join(dir, "keys", "alice"), made: make(chan *conversation, 20)}
	if err := os.Mkdir(filepath.Dir(r.keysFile), 0o755); err != nil {
		t.Fatal(err)
	}
	r.authorize(authorize(r.key))
	c := &conf.Config{SSH: conf.SSHConfig{
		Listen: freeAddr(t), AuthorizedKeys: filepath.Join(dir, "keys", "%u"), HostKey: filepath.Join(dir, "host_key"),
	}}
	c.API.Users = users(t, map[string]conf.Level{"alice": conf.Administrator, "bob": conf.Viewer})
	r.config.Store(c)
	r.addr = c.SSH.Listen
	shells := remote.Handler(nil)
	o := Options{
		Config: r.config.Load, Gate: login.NewGate(time.Now), Shells: shells,
		NewSession: func(u conf.User, source string) shell.Conversation {
			c := &conversation{user: u, source: source, notices: make(chan string), closed: make(chan struct{}), waiting: make(chan struct{})}
			r.made <- c
			return c
		},
		Terminal: func(_, line string) *exec.Cmd { return exec.Command(os.Args[0], terminalEnv, line) },
		Limits:   DefaultLimits,
	}
	if change != nil {
		change(&o)
	}
	r.server = New(o)
	t.Cleanup(func() {
		_ = shells.Close()
		r.server.Close()
	})
	if err := r.server.Apply(c.SSH); err != nil {
		t.Fatal(err)
	}
	return r
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func users(t *testing.T, levels map[string]conf.Level) conf.Users {
	t.Helper()
	var list conf.Users
	for name, level := range levels {
		line, err := conf.HashPassword(name, level, "banana", conf.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		u, err := conf.ParseUser(line)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, u)
	}
	return list
}

// authorize writes alice's keys file.
func (r *router) authorize(file string) {
	r.t.Helper()
	if err := os.WriteFile(r.keysFile, []byte(file), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// dial logs in.
func (r *router) dial(user string, how ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", r.addr, &ssh.ClientConfig{
		User: user, Auth: how, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: deadline,
	})
}

// deadline is the limit for events that take milliseconds unless something is wrong.
const deadline = 20 * time.Second

// alice logs in with her key.
func (r *router) alice() *ssh.Client {
	r.t.Helper()
	c, err := r.dial("alice", ssh.PublicKeys(r.key))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// session opens a session.
func (r *router) session(c *ssh.Client) *ssh.Session {
	r.t.Helper()
	s, err := c.NewSession()
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// run executes a command and returns its output, errors and status.
func (r *router) run(c *ssh.Client, command, stdin string) (stdout, stderr string, status int) {
	r.t.Helper()
	s := r.session(c)
	defer func() { _ = s.Close() }()
	var out, errs bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader(stdin), &out, &errs
	var err error
	if command != "" {
		err = s.Run(command)
	} else if err = s.Shell(); err == nil {
		err = s.Wait()
	}
	// A command may have ended, with status 0, before its input was sent; Wait reports that.
	if err != nil && !errors.Is(err, io.EOF) {
		var exit *ssh.ExitError
		if !errors.As(err, &exit) {
			r.t.Fatalf("%q: %v", command, err)
		}
		status = exit.ExitStatus()
	}
	return out.String(), errs.String(), status
}

// conversation returns the next conversation that the server made.
func (r *router) conversation() *conversation {
	r.t.Helper()
	select {
	case c := <-r.made:
		return c
	case <-time.After(deadline):
		r.t.Fatal("no session was made")
		return nil
	}
}

// wait fails the test if ch is not closed soon.
func (r *router) wait(what string, ch <-chan struct{}) {
	r.t.Helper()
	select {
	case <-ch:
	case <-time.After(deadline):
		r.t.Fatal("waited in vain for " + what)
	}
}

// closed returns a channel that is closed when the connection is.
func closed(c *ssh.Client) <-chan struct{} {
	ch := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ch)
	}()
	return ch
}
