// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

// Limits on what clients may hold on to.
type Limits struct {
	Exchange  time.Duration // from the connection to the first attempt to log in, which needs no user
	Handshake time.Duration // from the connection to the login
	KeepAlive time.Duration // between questions whether the client is there; three without answer end it
	Idle      time.Duration // without a key typed, or without a session
	Stuck     time.Duration // until a client reads the output of a command
	Waiting   int           // connections not logged in
	Each      int           // of these, from one address, or with IPv6 from one /64
	Users     int           // connections logged in
	User      int           // of these, of one user
	Reserved  int           // of Users, for administrators
	Sessions  int           // per connection
	PerUser   int           // sessions of one user
	Tries     int           // to log in, per connection
}

// DefaultLimits are about OpenSSH's where it has such limits. Those who have not logged in get less time: they
// hold places that others need.
var DefaultLimits = Limits{
	Exchange: 15 * time.Second, Handshake: time.Minute, KeepAlive: 30 * time.Second, Idle: 30 * time.Minute, Stuck: 5 * time.Minute,
	Waiting: 50, Each: 10, Users: 64, User: 16, Reserved: 8, Sessions: 10, PerUser: 16, Tries: 6,
}

const (
	// closeGrace is how long Close waits for sessions to end by themselves.
	closeGrace = 2 * time.Second
	// unanswered is how many questions of KeepAlive may stay without an answer.
	unanswered = 3
)

// Options are what a Server lets in, and to what.
type Options struct {
	// Config returns the running configuration; it is asked at every login and session.
	Config func() *conf.Config
	// Gate checks passwords.
	Gate *login.Gate
	// NewSession makes a session for a user, from an address.
	NewSession func(user conf.User, source string) shell.Conversation
	// Terminal returns a command that calls remote.Attach with file descriptor 3 and talks to
	// the user at its terminal. Its environment is replaced.
	Terminal func(user string) *exec.Cmd
	// Shells serves the sessions of terminals.
	Shells *remote.Server
	Log    *slog.Logger
	Limits Limits // DefaultLimits when zero
	Now    func() time.Time
}

// Server keeps an SSH server as the running configuration wants it.
type Server struct {
	o      Options
	ctx    context.Context // ends with the server
	cancel context.CancelFunc

	applying sync.Mutex
	applied  conf.SSHConfig
	listener net.Listener
	key      atomic.Pointer[ssh.Signer]

	complaints *login.Complaints
	keyQueries queries

	places login.Places // of connections that have not logged in

	mu       sync.Mutex
	closed   bool
	waiting  map[net.Conn]struct{}
	users    map[*connection]struct{}
	sessions map[string]int // by user
	wg       sync.WaitGroup
}

// New returns a Server that serves nothing yet.
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
		o: o, waiting: make(map[net.Conn]struct{}), users: make(map[*connection]struct{}), sessions: make(map[string]int),
		complaints: login.NewComplaints(o.Log, o.Now),
		places:     login.Places{All: o.Limits.Waiting, Each: o.Limits.Each, Standing: o.Gate.Standing},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Apply opens, moves or closes the listener. After an error it is as it was before. Sessions
// that are open stay.
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

func (s *Server) stopListening() {
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
}

// Close stops listening, ends the sessions and waits for them, 2 s at most.
func (s *Server) Close() {
	s.applying.Lock()
	s.stopListening()
	s.applying.Unlock()
	s.cancel()
	s.mu.Lock()
	s.closed = true
	for c := range s.waiting {
		_ = c.Close()
	}
	s.mu.Unlock()
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

// accept takes connections until the listener is closed.
func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // as when there are no more file descriptors
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

// admit gives a connection that has to log in its place. When there is none, another one loses it, whose source has the least claim to it.
func (s *Server) admit(c net.Conn, source string) (*login.Place, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errors.New("the router is stopping")
	}
	s.waiting[c] = struct{}{}
	s.mu.Unlock()
	return s.places.Enter(source, func() { _ = c.Close() }), nil
}

// leave takes a connection from those that have to log in.
func (s *Server) leave(c net.Conn, place *login.Place) {
	place.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, c)
}

// full says why a user who has logged in cannot have another connection, if that is so; s.mu is held.
func (s *Server) full(name string) error {
	user, _ := findUser(s.o.Config(), name)
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
	case s.closed:
		return errors.New("the router is stopping")
	case of >= limits.User:
		return fmt.Errorf("too many connections of %s (%d)", name, of)
	case len(s.users) >= limits.Users, user.Level < conf.Administrator && ordinary >= limits.Users-limits.Reserved:
		return fmt.Errorf("too many connections (%d)", len(s.users))
	default:
		return nil
	}
}

// join counts a connection of a user who has logged in.
func (s *Server) join(c *connection) error {
	user, _ := findUser(s.o.Config(), c.conn.User())
	s.mu.Lock()
	defer s.mu.Unlock()
	c.administrator = user.Level >= conf.Administrator
	if err := s.full(user.Name); err != nil {
		return err
	}
	s.users[c] = struct{}{}
	return nil
}

// room tells a user who has logged in that there is no connection more, if that is so.
func (s *Server) room(m ssh.ConnMetadata, from netip.Addr) error {
	s.mu.Lock()
	err := s.full(m.User())
	s.mu.Unlock()
	if err == nil {
		return nil
	}
	s.complaints.Warn("SSH connection refused", "user", m.User(), "source", from, "error", err)
	return &ssh.BannerError{Err: errDenied, Message: err.Error() + "\r\n"}
}

// serve talks to one client until it leaves.
func (s *Server) serve(raw net.Conn) {
	defer func() { _ = raw.Close() }()
	from, err := netip.ParseAddrPort(raw.RemoteAddr().String())
	if err != nil {
		return
	}
	address := from.Addr().Unmap().WithZone("")
	source := login.SourceOf(address.String())
	place, err := s.admit(raw, source)
	if err != nil {
		return
	}
	// Nobody waits for a deadline of the raw connection once the client has logged in.
	began := time.Now()
	_ = raw.SetDeadline(began.Add(s.o.Limits.Exchange))
	config := s.config(address)
	config.BannerCallback = func(ssh.ConnMetadata) string { // the first attempt to log in
		_ = raw.SetDeadline(began.Add(s.o.Limits.Handshake))
		return ""
	}
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	s.leave(raw, place)
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
	s.o.Log.Info("SSH login", "user", conn.User(), "source", address, "by", c.grant.by)
	c.run(channels, requests)
	s.o.Log.Info("SSH logout", "user", conn.User(), "source", address)
	s.mu.Lock()
	delete(s.users, c)
	s.mu.Unlock()
}
