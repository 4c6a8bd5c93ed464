// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// maxLogin is how many bytes a client may send until it has logged in. Clients need a few thousand. The SSH library would hold sixteen
	// packets of 256 KiB while a password waits to be checked.
	maxLogin = 64 << 10
	// maxAhead is how many bytes the server reads from a client without an administrator's rights while a reply waits to be sent. inputRate is
	// how many in a second it reads otherwise; the server processes them faster than this.
	maxAhead, inputRate = 256 << 10, 32 << 20
	// socketBuffer is the size of the kernel's send buffer for such a client, and of its receive buffer.
	socketBuffer = 64 << 10
	// maxTraffic is how many bytes a connection may carry in one direction. The server begins no key exchange: while the client withholds its
	// part of one, the SSH library cannot even close the connection. The library does so by itself only after 2^31 packets, which
	// have 16 bytes each at least (RFC 4253 section 6), and keys of AES are safe for 64 GiB (RFC 4344 section 3.2).
	maxTraffic = 32 << 30
)

var (
	errLongLogin  = errors.New("the client has sent too much before its login")
	errOldTraffic = errors.New("the connection has carried too much for its keys")
)

// budget is a connection that bounds what its client can send.
//
// Before the login, the connection ends when the client has sent too much. After it, the connection is no longer read once the client does
// not read: the SSH library has several queues for each connection and session, each holds sixteen packets of 256 KiB,
// and all of them wait while a reply does. Therefore only time in which nothing waits to be written increases what the client may send.
type budget struct {
	net.Conn
	once  sync.Once
	ended chan struct{}

	mu       sync.Mutex
	loggedIn bool
	limited  bool      // has logged in, and is not an administrator
	credit   int       // bytes that the client may send, negative if it has sent more
	since    time.Time // when credit was increased, if limited
	writing  int       // calls of Write
	received int64
	sent     int64
	changed  chan struct{}
}

func newBudget(c net.Conn) *budget {
	return &budget{Conn: c, ended: make(chan struct{}), credit: maxLogin, changed: make(chan struct{}, 1)}
}

// logIn ends the limit on what is sent before the login. It begins the one for users who are not administrators.
func (b *budget) logIn(administrator bool) {
	b.mu.Lock()
	b.loggedIn, b.limited = true, !administrator
	b.credit, b.since = maxAhead, time.Now()
	b.mu.Unlock()
	if tcp, ok := b.Conn.(*net.TCPConn); ok && !administrator {
		_ = tcp.SetWriteBuffer(socketBuffer)
		_ = tcp.SetReadBuffer(socketBuffer)
	}
}

// Read implements io.Reader.
func (b *budget) Read(p []byte) (int, error) {
	if err := b.wait(); err != nil {
		return 0, err
	}
	b.mu.Lock()
	if !b.loggedIn {
		p = p[:min(len(p), b.credit)]
	}
	b.mu.Unlock()
	n, err := b.Conn.Read(p)
	b.mu.Lock()
	b.credit -= n
	b.received += int64(n)
	b.mu.Unlock()
	return n, err
}

// wait returns when the client may send, or when it has left.
func (b *budget) wait() error {
	for {
		b.mu.Lock()
		b.grow()
		limited, writing, credit := b.limited, b.writing > 0, b.credit
		long := !b.loggedIn && credit <= 0
		old := max(b.received, b.sent) > maxTraffic
		b.mu.Unlock()
		switch {
		case old:
			return errOldTraffic
		case long:
			return errLongLogin
		case !limited || credit > 0:
			return nil
		}
		var enough <-chan time.Time
		if !writing {
			enough = time.After(time.Duration(4096-credit) * time.Second / inputRate)
		}
		select {
		case <-enough:
		case <-b.changed:
		case <-b.ended:
			return net.ErrClosed
		}
	}
}

// grow increases the credit for the time since the last call, unless a write was waiting. The caller must hold b.mu.
func (b *budget) grow() {
	if !b.limited {
		return
	}
	now := time.Now()
	if b.writing > 0 {
		b.since = now
	} else if grown := int(now.Sub(b.since).Seconds() * inputRate); grown > 0 {
		b.credit, b.since = min(b.credit+grown, maxAhead), now
	}
}

// Write implements io.Writer.
func (b *budget) Write(p []byte) (int, error) {
	b.write(1)
	defer b.write(-1)
	n, err := b.Conn.Write(p)
	b.mu.Lock()
	b.sent += int64(n)
	old := b.sent > maxTraffic
	b.mu.Unlock()
	if old {
		_ = b.Close() // a call of Read may wait for the client
	}
	return n, err
}

// write counts the calls of Write.
func (b *budget) write(change int) {
	b.mu.Lock()
	b.grow()
	b.writing += change
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Close implements io.Closer.
func (b *budget) Close() error {
	b.once.Do(func() { close(b.ended) })
	return b.Conn.Close()
}
