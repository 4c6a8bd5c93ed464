// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
)

// Limits on the connections of clients. Each connection needs a file descriptor and memory, for which the router has
// better uses. The limits are: all connections, and connections from one source. Of these, some are reserved for
// clients that have logged in: for all users, for each user, and for administrators only.
const (
	maxConnections       = 512
	maxSourceConnections = 128
	keptConnections      = 256
	userConnections      = 32
	reservedConnections  = 32
)

// limited is a listener with a limited number of places for connections.
type limited struct {
	net.Listener
	places *login.Places
	source func(net.Conn) string
	fault  func(source string) // reports a source whose connection has sent no request; nil: no reports
}

// Limit returns a listener with at most "all" connections, and at most "each" from the same source. A connection
// beyond a limit takes the place of the one that has been idle longest. Connections with an empty source do not
// count.
func Limit(l net.Listener, all, each int, source func(net.Conn) string) net.Listener {
	return &limited{Listener: l, source: source, places: &login.Places{All: all, Each: each, Kept: all / 2, User: each}}
}

// networkOf returns the source of a network connection.
func networkOf(c net.Conn) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	return login.SourceOf(host)
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	source := l.source(c)
	if source == "" {
		return c, nil
	}
	entered := &counted{Conn: c, source: source, fault: l.fault}
	entered.place.Store(l.places.Enter(source, func() { _ = entered.Close() }))
	return entered, nil
}

// counted is a connection that counts toward the limits until it is closed.
type counted struct {
	net.Conn
	source string
	place  atomic.Pointer[login.Place] // nil until the connection has its place
	once   sync.Once
	// served is true once the client has sent a request.
	served atomic.Bool
	fault  func(source string)
}

// connectionKey is the key of the counted connection in a request's context.
type connectionKey struct{}

// connContext stores the connection in the context of its requests.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, placeOf(c))
}

// noteServed records that the connection has served a request.
func noteServed(r *http.Request) {
	if c, _ := r.Context().Value(connectionKey{}).(*counted); c != nil {
		c.served.Store(true)
	}
}

// keep assigns the connection of a request to a user, as long as enough places remain for others.
func keep(r *http.Request, u conf.User) {
	if c, _ := r.Context().Value(connectionKey{}).(*counted); c != nil {
		c.place.Load().Keep(u.Name, u.Level >= conf.Administrator)
	}
}

// placeOf returns the counted connection that a connection wraps, nil if there is none.
func placeOf(c net.Conn) *counted {
	for {
		switch inner := c.(type) {
		case *counted:
			return inner
		case interface{ NetConn() net.Conn }:
			c = inner.NetConn()
		default:
			return nil
		}
	}
}

// touch records activity on a connection. A connection that the shell has taken over belongs to its user.
func touch(c net.Conn, state http.ConnState) {
	if counted := placeOf(c); counted != nil {
		place := counted.place.Load()
		place.Touch()
		if state == http.StateHijacked {
			place.Keep(counted.source, false)
		}
	}
}

// RemoteAddr implements net.Conn. A user on a Unix socket has no address, so RemoteAddr returns the user.
func (c *counted) RemoteAddr() net.Addr {
	if a, ok := c.Conn.RemoteAddr().(*net.UnixAddr); ok {
		return &net.UnixAddr{Name: c.source, Net: a.Net}
	}
	return c.Conn.RemoteAddr()
}

// localUser returns the user of a request on a Unix socket. "" stands for root.
func localUser(r *http.Request) string {
	if r.RemoteAddr == "@" { // the client has no name and is not counted
		return ""
	}
	return r.RemoteAddr
}

// NetConn returns the underlying connection.
func (c *counted) NetConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *counted) Close() error {
	c.once.Do(func() {
		if place := c.place.Load(); place != nil {
			place.Leave()
		}
		if c.fault != nil && !c.served.Load() {
			c.fault(c.source)
		}
	})
	return c.Conn.Close()
}
