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
	p, err := peerOf(c)
	if err != nil {
		return ctx // without credentials nobody is let in
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// Source returns by what the connections of the control socket are counted: the user, and nothing for an owner, who is
// not kept out by others.
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

// PeerFromContext returns the peer of the connection that ConnContext noted; false for
// connections that did not come through a unix socket.
func PeerFromContext(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// peerOf returns who is at the other end, with his name.
func peerOf(c net.Conn) (Peer, error) {
	p, err := identify(c)
	if err != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", err)
	}
	p.Username = username(p.UID)
	return p, nil
}

// identify asks the kernel who is at the other end.
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
