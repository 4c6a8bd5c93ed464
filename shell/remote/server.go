// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"vrrpsh/conf/login"
	"vrrpsh/shell"
)

const (
	defaultMaxSessions  = 64
	defaultWriteTimeout = 10 * time.Second
	// userSessions is how many sessions one user other than root may have.
	userSessions = 32
	// MaxConnections is how many connections all users of the control socket except root may have.
	MaxConnections = 256
	// MaxUserConnections is how many connections each of these users may have.
	MaxUserConnections = 64
	// reservedSessions is how many sessions are reserved for administrators, including root, when all other sessions
	// are taken.
	reservedSessions = 8
	// closeGrace is how long Close waits for commands that do not stop.
	closeGrace = 2 * time.Second
	// restartGrace is how long Restart lets commands continue.
	restartGrace = 500 * time.Millisecond
)

// Server creates a session for every client that asks for one. Its fields may be set only before it
// serves the first client.
type Server struct {
	// MaxSessions limits concurrent sessions; 0 means 64. Administrators may open a few more.
	MaxSessions int
	// Administrator tells whether a peer is an administrator; nil: only owners are.
	Administrator func(Peer) bool
	// WriteTimeout is how long a client may leave its socket full before the server gives it up; 0
	// means 10 s.
	WriteTimeout time.Duration
	// Complaints receives messages about broken clients and panicking commands; nil: no log.
	Complaints *login.Complaints

	newSession func(Peer) (shell.Conversation, error)

	mu       sync.Mutex
	closed   bool
	count    int            // including sessions being created
	users    map[string]int // the same per user
	sessions map[*session]struct{}
	wg       sync.WaitGroup
}

var _ http.Handler = (*Server)(nil)

// Handler serves shell sessions. Register it on Path of an http.Server that uses this package's
// ConnContext. newSession decides from the peer whether it gets a session, for which user and with
// which level. The client receives the error of newSession.
func Handler(newSession func(Peer) (shell.Conversation, error)) *Server {
	return &Server{newSession: newSession, sessions: make(map[*session]struct{}), users: make(map[string]int)}
}

// ServeHTTP upgrades the connection and serves the client until one side ends the session.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, ok := PeerFromContext(r.Context())
	if !ok {
		refuse(w, http.StatusForbidden, "shell sessions run only over the control socket")
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

// ServeConn serves the process at the other end of conn, which calls Attach, until one side ends
// the session. Then it closes conn and the conversation. Whoever holds the other end has the
// conversation: ServeConn checks no identity. The caller must call Reserve first.
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

// begin counts a session that Close waits for. It returns false if the server accepts no more sessions.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Add(1)
	}
	return !s.closed
}

// errStopping is the error for clients that connect too late.
var errStopping = errors.New("the router is stopping")

// Reserve reserves a session of any kind for a user until release is called. Its error is meant for the user.
func (s *Server) Reserve(user string, administrator bool) (release func(), err error) {
	return s.reserve(user, administrator, false)
}

// reserve works as Reserve, and also for an owner, whose own sessions are not limited.
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

// Close tells all clients that the router stops, interrupts their commands and waits at most 2 s
// for the sessions to end.
func (s *Server) Close() error {
	return s.close(func(ss *session) { ss.end("the router is stopping") })
}

// Restart works as Close, for a router that comes back at once. A command that is about to end,
// such as the command that requested the restart, may finish.
func (s *Server) Restart() error {
	return s.close(func(ss *session) {
		ss.await(restartGrace)
		ss.end("the router is restarting: connect again")
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
		go end(ss) // a stuck client must not delay the others
	}
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	t := time.NewTimer(closeGrace)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return errors.New("shell sessions are still running a command")
	}
}

func (s *Server) warn(msg string, args ...any) {
	if s.Complaints != nil {
		s.Complaints.Warn(msg, args...)
	}
}

func (s *Server) writeTimeout() time.Duration {
	if s.WriteTimeout <= 0 {
		return defaultWriteTimeout
	}
	return s.WriteTimeout
}

// upgrades tells whether the request asks for this protocol.
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

// refuse writes an error in the format of the API.
func refuse(w http.ResponseWriter, status int, msg string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": msg})
}
