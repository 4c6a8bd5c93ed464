// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"errors"
	"net"
	"sync/atomic"
)

// maxLogin is how many bytes a client may send until it has logged in. Clients need a few thousand. The SSH library would hold sixteen
// packets of 256 KiB while a password waits to be checked.
const maxLogin = 64 << 10

var errLongLogin = errors.New("the client has sent too much before its login")

// budget is a connection that ends when its client has sent too much before it has logged in.
type budget struct {
	net.Conn
	received int // by Read only
	loggedIn atomic.Bool
}

// Read implements io.Reader.
func (b *budget) Read(p []byte) (int, error) {
	if !b.loggedIn.Load() && b.received >= maxLogin {
		return 0, errLongLogin
	}
	n, err := b.Conn.Read(p)
	b.received += n
	return n, err
}
