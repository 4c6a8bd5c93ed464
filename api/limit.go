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

// How many connections clients may have open, since each needs a file descriptor and memory that
// the router has better uses for: all of them, and those from one source; and how many of these are kept for who has logged in: for all
// users, for each, and for administrators only.
const (
	maxConnections       = 512
	maxSourceConnections = 128
	keptConnections      = 256
	userConnections      = 32
	reservedConnections  = 32
)

// limited is a listener that has places for so many connections.
type limited struct {
	net.Listener
	places *login.Places
	source func(net.Conn) string
	fault  func(source string) // is told of connections that have asked for nothing; nil: nobody is
}

// Limit returns a listener with all connections at most, and each of them from the same source: who comes beyond that takes the place
// of the one that was idle longest. Those whose source is empty do not count.
func Limit(l net.Listener, all, each int, source func(net.Conn) string) net.Listener {
	return &limited{Listener: l, source: source, places: &login.Places{All: all, Each: each, Kept: all / 2, User: each}}
}

// networkOf returns where a connection over a network comes from.
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

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	source string
	place  atomic.Pointer[login.Place] // nil for the moment in which it enters
	once   sync.Once
	// served says that the client has asked for something.
	served atomic.Bool
	fault  func(source string)
}

// connectionKey is that of the counted connection in a request's context.
type connectionKey struct{}

// connContext notes the connection of requests.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, placeOf(c))
}

// noteServed notes that a request is served.
func noteServed(r *http.Request) {
	if c, _ := r.Context().Value(connectionKey{}).(*counted); c != nil {
		c.served.Store(true)
	}
}

// keep makes the connection of a request the user's, as long as others have enough.
func keep(r *http.Request, u conf.User) {
	if c, _ := r.Context().Value(connectionKey{}).(*counted); c != nil {
		c.place.Load().Keep(u.Name, u.Level >= conf.Administrator)
	}
}

// placeOf returns the counted connection behind another one; nil if there is none.
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

// touch notes what a connection does. One that was taken over by the shell is its user's.
func touch(c net.Conn, state http.ConnState) {
	if counted := placeOf(c); counted != nil {
		place := counted.place.Load()
		place.Touch()
		if state == http.StateHijacked {
			place.Keep(counted.source, false)
		}
	}
}

// RemoteAddr implements net.Conn. On a Unix socket it is the user, which has no address.
func (c *counted) RemoteAddr() net.Addr {
	if a, ok := c.Conn.RemoteAddr().(*net.UnixAddr); ok {
		return &net.UnixAddr{Name: c.source, Net: a.Net}
	}
	return c.Conn.RemoteAddr()
}

// localUser returns the user of a request on a Unix socket; "" is root.
func localUser(r *http.Request) string {
	if r.RemoteAddr == "@" { // has no name, and is not counted
		return ""
	}
	return r.RemoteAddr
}

// NetConn returns the connection itself.
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
