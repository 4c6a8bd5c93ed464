// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"vrrpsh/shell"
)

const (
	defaultMaxSessions  = 64
	defaultWriteTimeout = 10 * time.Second
	// userSessions is how many one user may have, unless he is root.
	userSessions = 32
	// MaxConnections is how many connections the users of the control socket may have, without root.
	MaxConnections = 256
	// MaxUserConnections is how many each of them may have.
	MaxUserConnections = 64
	// reservedSessions are kept free for administrators, root among them, when others have taken all the sessions.
	reservedSessions = 8
	// closeGrace is how long Close waits for commands that do not stop.
	closeGrace = 2 * time.Second
	// restartGrace is how long Restart lets commands go on.
	restartGrace = 500 * time.Millisecond
)

// Server makes a session for every client that asks for one. Its fields may be set before
// it serves the first.
type Server struct {
	// MaxSessions bounds the sessions at one time, 64 when 0; administrators have a few more.
	MaxSessions int
	// Administrator tells whether a peer is one; nil: only owners are.
	Administrator func(Peer) bool
	// WriteTimeout is how long a client may leave its socket full before it is given up,
	// 10 s when 0.
	WriteTimeout time.Duration
	// Log is told of broken clients and of commands that panic; nil for no log.
	Log *slog.Logger

	newSession func(Peer) (shell.Conversation, error)

	mu       sync.Mutex
	closed   bool
	count    int            // sessions being made included
	users    map[string]int // the same by user
	sessions map[*session]struct{}
	wg       sync.WaitGroup
}

var _ http.Handler = (*Server)(nil)

// Handler serves shell sessions. It belongs on Path of an http.Server whose ConnContext is
// this package's. newSession decides from the peer whether there is a session, for whom and
// with which level; its error is told to the client.
func Handler(newSession func(Peer) (shell.Conversation, error)) *Server {
	return &Server{newSession: newSession, sessions: make(map[*session]struct{}), users: make(map[string]int)}
}

// ServeHTTP upgrades the connection and talks to the client until either ends the session.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, ok := PeerFromContext(r.Context())
	if !ok {
		refuse(w, http.StatusForbidden, "shell sessions are for the control socket")
		return
	}
	if !upgrades(r) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", Protocol)
		refuse(w, http.StatusUpgradeRequired, "this router speaks "+Protocol)
		return
	}
	release, err := s.reserve(peer.Username, peer.Owner() || s.Administrator != nil && s.Administrator(peer), peer.Owner())
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	defer release()
	if !s.begin() {
		refuse(w, http.StatusServiceUnavailable, errStopping.Error())
		return
	}
	defer s.wg.Done()

	conv, err := s.newSession(peer)
	if err != nil {
		refuse(w, http.StatusForbidden, err.Error())
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = conv.Close()
		refuse(w, http.StatusInternalServerError, "the connection cannot be upgraded")
		return
	}
	_ = conn.SetDeadline(time.Now().Add(s.writeTimeout()))
	head := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + Protocol + "\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		_ = conv.Close()
		_ = conn.Close()
		return
	}
	s.serve(peer, conv, conn, buf.Reader)
}

// ServeConn talks to the process at the other end of conn, which calls Attach, until either
// ends the session; then conn and the conversation are closed. Who has the other end has the
// conversation: nobody is asked who he is. The caller has to Reserve it.
func (s *Server) ServeConn(conn net.Conn, user string, conv shell.Conversation) error {
	peer := Peer{UID: -1, GID: -1, Username: user}
	if !s.begin() {
		_ = conv.Close()
		_ = conn.Close()
		return errStopping
	}
	defer s.wg.Done()
	s.serve(peer, conv, conn, bufio.NewReaderSize(conn, 64<<10))
	return nil
}

// serve runs one session to its end.
func (s *Server) serve(peer Peer, conv shell.Conversation, conn net.Conn, r *bufio.Reader) {
	ss := newServerSession(s, peer, conv, conn, r)
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.sessions[ss] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		ss.end("the router is stopping")
	}
	ss.run()
	s.mu.Lock()
	delete(s.sessions, ss)
	s.mu.Unlock()
}

// begin counts a session that Close waits for; false: there are no more.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Add(1)
	}
	return !s.closed
}

// errStopping is what clients are told that come too late.
var errStopping = errors.New("the router is stopping")

// Reserve takes a session of a user, of whatever kind it is, until release is called. Its error is for the user.
func (s *Server) Reserve(user string, administrator bool) (release func(), err error) {
	return s.reserve(user, administrator, false)
}

// reserve does it also for an owner, whose own sessions are not bounded.
func (s *Server) reserve(user string, administrator, owner bool) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.MaxSessions
	if limit <= 0 {
		limit = defaultMaxSessions
	}
	if administrator {
		limit += reservedSessions
	}
	switch {
	case s.closed:
		return nil, errStopping
	case s.count >= limit:
		return nil, fmt.Errorf("too many sessions (%d)", s.count)
	case !owner && s.users[user] >= userSessions:
		return nil, fmt.Errorf("too many sessions of %s (%d)", user, userSessions)
	}
	s.count++
	s.users[user]++
	return sync.OnceFunc(func() { s.release(user) }), nil
}

func (s *Server) release(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
	if s.users[user]--; s.users[user] == 0 {
		delete(s.users, user)
	}
}

// Close tells all clients that the router stops, interrupts their commands and waits for
// the sessions to end, 2 s at most.
func (s *Server) Close() error {
	return s.close(func(ss *session) { ss.end("the router is stopping") })
}

// Restart is Close for a router that comes back at once. A command that is about to end, like
// the one that asked for it, may do so.
func (s *Server) Restart() error {
	return s.close(func(ss *session) {
		ss.await(restartGrace)
		ss.end("the router restarts: connect again")
	})
}

func (s *Server) close(end func(*session)) error {
	s.mu.Lock()
	s.closed = true
	open := make([]*session, 0, len(s.sessions))
	for ss := range s.sessions {
		open = append(open, ss)
	}
	s.mu.Unlock()
	for _, ss := range open {
		go end(ss) // a stuck client must not hold up the others
	}
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	t := time.NewTimer(closeGrace)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return errors.New("shell sessions still run a command")
	}
}

func (s *Server) warn(msg string, args ...any) {
	if s.Log != nil {
		s.Log.Warn(msg, args...)
	}
}

func (s *Server) writeTimeout() time.Duration {
	if s.WriteTimeout <= 0 {
		return defaultWriteTimeout
	}
	return s.WriteTimeout
}

// upgrades tells whether the request asks for our protocol.
func upgrades(r *http.Request) bool {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), Protocol) {
		return false
	}
	for _, h := range r.Header.Values("Connection") {
		for tok := range strings.SplitSeq(h, ",") {
			if strings.EqualFold(strings.TrimSpace(tok), "upgrade") {
				return true
			}
		}
	}
	return false
}

// refuse answers like the rest of the API.
func refuse(w http.ResponseWriter, status int, msg string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": msg})
}
