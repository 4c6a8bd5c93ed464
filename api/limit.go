package api

import (
	"net"
	"net/http"
	"sync"

	"vrrpsh/conf/login"
)

// How many connections clients may have open, since each needs a file descriptor and memory that
// the router has better uses for: all of them, and those from one source.
const (
	maxConnections       = 512
	maxSourceConnections = 128
)

// limited is a listener that closes connections beyond the limits at once.
type limited struct {
	net.Listener
	all, each int
	source    func(net.Conn) string

	mu      sync.Mutex
	open    int
	sources map[string]int
}

// Limit returns a listener that closes connections at once when there are all of them, or each of them from the
// same source. Those whose source is empty do not count.
func Limit(l net.Listener, all, each int, source func(net.Conn) string) net.Listener {
	return &limited{Listener: l, all: all, each: each, source: source, sources: make(map[string]int)}
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
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := l.source(c)
		if source == "" {
			return c, nil
		}
		if l.enter(source) {
			return &counted{Conn: c, source: source, closed: func() { l.leave(source) }}, nil
		}
		_ = c.Close()
	}
}

func (l *limited) enter(source string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.all || l.sources[source] >= l.each {
		return false
	}
	l.open++
	l.sources[source]++
	return true
}

func (l *limited) leave(source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.sources[source]--; l.sources[source] == 0 {
		delete(l.sources, source)
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	source string
	once   sync.Once
	closed func()
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
	c.once.Do(c.closed)
	return c.Conn.Close()
}
