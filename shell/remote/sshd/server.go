// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

// Limits bound the resources that clients may occupy.
type Limits struct {
	Exchange  time.Duration // from the connection to the first login attempt, which needs no action by the user
	Handshake time.Duration // from the connection to the login
	KeepAlive time.Duration // interval of keepalive requests; three without an answer end the connection
	Idle      time.Duration // without a typed key, or without a session
	Stuck     time.Duration // until a client must read the output of a command
	Waiting   int           // connections that have not logged in
	Each      int           // of these, from one IPv4 address or one IPv6 /64
	Users     int           // connections that have logged in
	User      int           // of these, connections of one user
	Reserved  int           // of Users, reserved for administrators
	Sessions  int           // per connection
	PerUser   int           // sessions of one user
	Tries     int           // login attempts per connection
}

// DefaultLimits are close to OpenSSH's limits where OpenSSH has them. Clients that have not logged in get less time,
// because they occupy places that others need.
var DefaultLimits = Limits{
	Exchange: 15 * time.Second, Handshake: time.Minute, KeepAlive: 30 * time.Second, Idle: 30 * time.Minute, Stuck: 5 * time.Minute,
	Waiting: 50, Each: 10, Users: 64, User: 16, Reserved: 8, Sessions: 10, PerUser: 16, Tries: 6,
}

const (
	// closeGrace is how long Close waits for sessions to end.
	closeGrace = 2 * time.Second
	// unanswered is how many keepalive requests may remain without an answer.
	unanswered = 3
)

// Options configure a Server.
type Options struct {
	// Config returns the running configuration. The server calls it at every login and session.
	Config func() *conf.Config
	// Gate checks passwords and limits the keys that clients offer.
	Gate *login.Gate
	// NewSession creates a session for a user who connects from source.
	NewSession func(user conf.User, source string) shell.Conversation
	// Terminal returns a command that calls remote.Attach with file descriptor 3 and serves the
	// user at its terminal, or executes only line if that is not empty. The server replaces the command's environment.
	Terminal func(user, line string) *exec.Cmd
	// Shells serves the sessions on terminals.
	Shells *remote.Server
	Log    *slog.Logger
	Limits Limits // DefaultLimits when zero
	Now    func() time.Time
}

// Server runs an SSH server according to the running configuration.
type Server struct {
	o      Options
	ctx    context.Context // ends with the server
	cancel context.CancelFunc

	applying sync.Mutex
	applied  conf.SSHConfig
	listener net.Listener
	key      atomic.Pointer[ssh.Signer]

	complaints *login.Complaints

	places login.Places // places of connections that have not logged in

	mu       sync.Mutex
	users    map[*connection]struct{}
	sessions map[string]int // by user
	wg       sync.WaitGroup
}

// New returns a Server that does not listen yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	s := &Server{
		o: o, users: make(map[*connection]struct{}), sessions: make(map[string]int),
		complaints: login.NewComplaints(o.Log, o.Now),
		places:     login.Places{All: o.Limits.Waiting, Each: o.Limits.Each, Standing: o.Gate.Standing},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Apply opens, moves or closes the listener. If it fails, the listener stays as it was. Open
// sessions continue.
func (s *Server) Apply(want conf.SSHConfig) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.applied.Listen == want.Listen && s.applied.HostKey == want.HostKey {
		return nil
	}
	if want.Listen == "" {
		s.stopListening()
		s.applied = want
		return nil
	}
	key, err := hostKey(want.HostKey)
	if err != nil {
		return err
	}
	l := s.listener
	if l == nil || s.applied.Listen != want.Listen {
		if l, err = net.Listen("tcp", want.Listen); err != nil {
			return fmt.Errorf("ssh: %w", err)
		}
		s.stopListening()
		s.listener = l
		s.key.Store(&key)
		s.wg.Go(func() { s.accept(l) })
	}
	s.key.Store(&key)
	s.applied = want
	s.o.Log.Info("SSH server", "listen", want.Listen, "key", ssh.FingerprintSHA256(key.PublicKey()))
	return nil
}

// Try returns the error that Apply would return. It opens a new address for a moment only, and creates no host key.
func (s *Server) Try(want conf.SSHConfig) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	if want.Listen == "" || s.applied.Listen == want.Listen && s.applied.HostKey == want.HostKey {
		return nil
	}
	if _, err := readHostKey(want.HostKey); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.listener != nil && s.applied.Listen == want.Listen {
		return nil
	}
	l, err := net.Listen("tcp", want.Listen)
	if err != nil {
		return fmt.Errorf("ssh: %w", err)
	}
	return l.Close()
}

func (s *Server) stopListening() {
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
}

// Close stops listening, ends the sessions and waits at most 2 s for them.
func (s *Server) Close() {
	s.applying.Lock()
	s.stopListening()
	s.applying.Unlock()
	s.cancel()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	t := time.NewTimer(closeGrace)
	defer t.Stop()
	select {
	case <-done:
		return
	case <-t.C:
	}
	s.mu.Lock()
	for c := range s.users {
		_ = c.conn.Close()
	}
	s.mu.Unlock()
	<-done
}

// accept accepts connections until the listener is closed.
func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // for example when there are no more file descriptors
			s.complaints.Warn("SSH connection lost", "error", err)
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(time.Second):
			}
			continue
		}
		s.wg.Go(func() { s.serve(c) })
	}
}

// administrator tells whether a user is an administrator now. The user may have been removed meanwhile.
func (s *Server) administrator(name string) bool {
	user, _ := findUser(s.o.Config(), name)
	return user.Level >= conf.Administrator
}

// full returns an error if a user who has logged in cannot have another connection. The caller must hold s.mu.
func (s *Server) full(name string, administrator bool) error {
	of, ordinary := 0, 0
	for other := range s.users {
		if other.conn.User() == name {
			of++
		}
		if !other.administrator {
			ordinary++
		}
	}
	limits := &s.o.Limits
	switch {
	case s.ctx.Err() != nil:
		return errors.New("the router is stopping")
	case of >= limits.User:
		return fmt.Errorf("too many connections of %s (%d)", name, of)
	case len(s.users) >= limits.Users, !administrator && ordinary >= limits.Users-limits.Reserved:
		return fmt.Errorf("too many connections (%d)", len(s.users))
	default:
		return nil
	}
}

// join counts a connection of a user who has logged in.
func (s *Server) join(c *connection) error {
	name := c.conn.User()
	c.administrator = s.administrator(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.full(name, c.administrator); err != nil {
		return err
	}
	s.users[c] = struct{}{}
	return nil
}

// room returns an error if there is no connection left for a user who has logged in.
func (s *Server) room(m ssh.ConnMetadata, from netip.Addr) error {
	administrator := s.administrator(m.User())
	s.mu.Lock()
	err := s.full(m.User(), administrator)
	s.mu.Unlock()
	if err == nil {
		return nil
	}
	s.complaints.Warn("SSH connection refused", "user", m.User(), "source", from, "error", err)
	return &ssh.BannerError{Err: errDenied, Message: err.Error() + "\r\n"}
}

// serve serves one client until it leaves.
func (s *Server) serve(raw net.Conn) {
	defer func() { _ = raw.Close() }()
	from, err := netip.ParseAddrPort(raw.RemoteAddr().String())
	if err != nil {
		return
	}
	address := from.Addr().Unmap().WithZone("")
	source := login.SourceOf(address.String())
	// Until the login, another client can take the place, and Close does not wait.
	end := func() { _ = raw.Close() }
	place := s.places.Enter(source, end)
	stop := context.AfterFunc(s.ctx, end)
	// The deadlines apply only until the client has logged in.
	began := time.Now()
	_ = raw.SetDeadline(began.Add(s.o.Limits.Exchange))
	config := s.config(address)
	config.BannerCallback = func(ssh.ConnMetadata) string { // called at the first login attempt
		_ = raw.SetDeadline(began.Add(s.o.Limits.Handshake))
		if lines := s.o.Config().General.Banner; len(lines) > 0 {
			return strings.Join(lines, "\r\n") + "\r\n"
		}
		return ""
	}
	budget := newBudget(raw)
	conn, channels, requests, err := ssh.NewServerConn(budget, config)
	stop()
	place.Leave()
	if err != nil {
		s.o.Gate.Fault(source)
		s.o.Log.Debug("SSH connection ended before a login", "source", address, "error", err)
		return
	}
	s.o.Gate.LoggedIn(source)
	_ = raw.SetDeadline(time.Time{})
	c := newConnection(s, conn, address)
	if err := s.join(c); err != nil {
		s.complaints.Warn("SSH connection refused", "user", conn.User(), "source", address, "error", err)
		_ = conn.Close()
		return
	}
	budget.logIn(c.administrator)
	s.o.Log.Info("SSH login", "user", conn.User(), "source", address, "by", c.grant.by)
	c.run(channels, requests)
	s.o.Log.Info("SSH logout", "user", conn.User(), "source", address)
	s.mu.Lock()
	delete(s.users, c)
	s.mu.Unlock()
}
