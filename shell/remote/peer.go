// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
)

// Peer is the process at the other end of the control socket, as identified by the kernel.
type Peer struct {
	UID, GID int
	PID      int    // 0 where the system does not report it
	Username string // "uid N" if the user has no name
}

// Owner tells whether the peer is root or has the user ID of this process. Such a peer can do
// everything that the router does without asking the router.
func (p Peer) Owner() bool { return p.UID == 0 || p.UID == os.Geteuid() }

// String returns for example "alice (pid 4711)".
func (p Peer) String() string {
	if p.PID == 0 {
		return p.Username
	}
	return fmt.Sprintf("%s (pid %d)", p.Username, p.PID)
}

type peerKey struct{}

// ConnContext is a value for the field ConnContext of http.Server. It stores the peer of a
// connection on a Unix socket. Other connections have no peer.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	if err != nil {
		return ctx // without credentials the handlers refuse access
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// Source returns the key by which connections of the control socket are counted: the user, or "" for an owner, who
// must not be kept out by others.
func Source(c net.Conn) string {
	p, err := identify(c)
	switch {
	case err != nil:
		return "nobody"
	case p.Owner():
		return ""
	default:
		return fmt.Sprintf("uid %d", p.UID)
	}
}

// PeerFromContext returns the peer that ConnContext stored, and false for connections that are not
// on a Unix socket.
func PeerFromContext(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// peerOf returns the peer, including its user name.
func peerOf(c net.Conn) (Peer, error) {
	p, err := identify(c)
	if err != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", err)
	}
	p.Username = username(p.UID)
	return p, nil
}

// identify asks the kernel for the peer's credentials.
func identify(c net.Conn) (Peer, error) {
	if inner, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = inner.NetConn()
	}
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{}, errors.New("not a unix socket")
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var p Peer
	var inner error
	err = raw.Control(func(fd uintptr) { p, inner = credentials(int(fd)) })
	return p, errors.Join(err, inner)
}

func username(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}
