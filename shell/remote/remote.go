package remote

import (
	"context"
	"errors"
	"net"
	"net/http"

	"vrrpsh/shell"
)

// ErrUnreachable is in the errors of Dial when no router answers.
var ErrUnreachable = errors.New("no router reachable")

// Peer is the process at the other end of the control socket, as the kernel tells it.
type Peer struct {
	UID, GID int
	PID      int    // 0 where the system does not tell
	Username string // "uid N" when the user has no name
}

// Owner tells whether the peer is root or the user that this process runs as.
func (p Peer) Owner() bool { return false }

// ConnContext is for http.Server's field of that name: it notes the peer of a unix connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context { return ctx }

// PeerFromContext returns the peer of the request's connection.
func PeerFromContext(ctx context.Context) (Peer, bool) { return Peer{}, false }

// Server makes a session for every client that asks for one.
type Server struct{}

// Handler serves shell sessions on Path.
func Handler(newSession func(Peer) (shell.Conversation, error)) *Server { return &Server{} }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not yet", http.StatusNotImplemented)
}

// Close ends all sessions and waits for them.
func (s *Server) Close() error { return nil }

// Listen makes the control socket.
func Listen(path string) (net.Listener, error) { return nil, errors.New("not yet") }

// Client is a session in the router's process.
type Client struct{ shell.Conversation }

// Dial opens a session with the router that listens on socketPath.
func Dial(ctx context.Context, socketPath string) (*Client, error) { return nil, ErrUnreachable }
