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
	Waiting   int           // connections not logged in
	Each      int           // of these, from one address, or with IPv6 from one /64
	Users     int           // connections logged in
	Sessions  int           // per connection
	Tries     int           // to log in, per connection
}

// DefaultLimits are about OpenSSH's where it has such limits. Those who have not logged in get less time: they
// hold places that others need.
var DefaultLimits = Limits{
	Exchange: 15 * time.Second, Handshake: time.Minute, KeepAlive: 30 * time.Second, Idle: 30 * time.Minute,
	Waiting: 50, Each: 10, Users: 64, Sessions: 10, Tries: 6,
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

	mu      sync.Mutex
	closed  bool
	waiting map[net.Conn]string // with the source
	users   map[*connection]struct{}
	wg      sync.WaitGroup
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
		o: o, waiting: make(map[net.Conn]string), users: make(map[*connection]struct{}),
		complaints: login.NewComplaints(o.Log, o.Now),
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

// admit notes a connection that has to log in. It refuses when there are too many already.
func (s *Server) admit(c net.Conn, from netip.Addr) error {
	source := login.SourceOf(from.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	same := 0
	for _, other := range s.waiting {
		if other == source {
			same++
		}
	}
	switch {
	case s.closed:
		return errors.New("the router is stopping")
	case len(s.waiting) >= s.o.Limits.Waiting, same >= s.o.Limits.Each:
		return errors.New("too many connections that have not logged in")
	case len(s.users) >= s.o.Limits.Users:
		return fmt.Errorf("too many connections (%d)", len(s.users))
	}
	s.waiting[c] = source
	return nil
}

// serve talks to one client until it leaves.
func (s *Server) serve(raw net.Conn) {
	defer func() { _ = raw.Close() }()
	from, err := netip.ParseAddrPort(raw.RemoteAddr().String())
	if err != nil {
		return
	}
	address := from.Addr().Unmap().WithZone("")
	if err := s.admit(raw, address); err != nil {
		s.complaints.Warn("SSH connection refused", "source", address, "error", err)
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
	s.mu.Lock()
	delete(s.waiting, raw)
	s.mu.Unlock()
	if err != nil {
		s.o.Log.Debug("SSH connection ended before a login", "source", address, "error", err)
		return
	}
	_ = raw.SetDeadline(time.Time{})
	c := newConnection(s, conn, address)
	s.mu.Lock()
	full := s.closed || len(s.users) >= s.o.Limits.Users
	if !full {
		s.users[c] = struct{}{}
	}
	s.mu.Unlock()
	if !full {
		s.o.Log.Info("SSH login", "user", conn.User(), "source", address, "by", c.grant.by)
		c.run(channels, requests)
		s.o.Log.Info("SSH logout", "user", conn.User(), "source", address)
	}
	s.mu.Lock()
	delete(s.users, c)
	s.mu.Unlock()
}
