package api

import (
	"net"
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

	mu      sync.Mutex
	all     int
	sources map[string]int
}

func limit(l net.Listener) net.Listener {
	return &limited{Listener: l, sources: make(map[string]int)}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil {
			host = c.RemoteAddr().String()
		}
		source := login.SourceOf(host)
		if l.enter(source) {
			return &counted{Conn: c, closed: func() { l.leave(source) }}, nil
		}
		_ = c.Close()
	}
}

func (l *limited) enter(source string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= maxConnections || l.sources[source] >= maxSourceConnections {
		return false
	}
	l.all++
	l.sources[source]++
	return true
}

func (l *limited) leave(source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.sources[source]--; l.sources[source] == 0 {
		delete(l.sources, source)
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	once   sync.Once
	closed func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}
