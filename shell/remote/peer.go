package remote

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
)

// Peer is the process at the other end of the control socket, as the kernel tells it.
type Peer struct {
	UID, GID int
	PID      int    // 0 where the system does not tell
	Username string // "uid N" when the user has no name
}

// Owner tells whether the peer is root or the user that this process runs as: those who
// could do everything the router does without asking it.
func (p Peer) Owner() bool { return p.UID == 0 || p.UID == os.Geteuid() }

// String returns for example "alice (pid 4711)".
func (p Peer) String() string {
	if p.PID == 0 {
		return p.Username
	}
	return fmt.Sprintf("%s (pid %d)", p.Username, p.PID)
}

type peerKey struct{}

// ConnContext is for http.Server's field of that name: it notes the peer of a connection on
// a unix socket. Other connections have no peer.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	p, err := peerOf(uc)
	if err != nil {
		return ctx // without credentials nobody is let in
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFromContext returns the peer of the connection that ConnContext noted; false for
// connections that did not come through a unix socket.
func PeerFromContext(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// peerOf asks the kernel who is at the other end.
func peerOf(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", err)
	}
	var p Peer
	var credErr error
	if err := raw.Control(func(fd uintptr) { p, credErr = credentials(int(fd)) }); err != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", err)
	}
	if credErr != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", credErr)
	}
	p.Username = username(p.UID)
	return p, nil
}

func username(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}
