// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Limits on the input of a session that waits for its command, in bytes. Scripts are long only where they configure.
const (
	maxInput  = 256 << 10
	maxScript = 16 << 20 // of an administrator
)

// input holds what a client has sent to a session and nothing has read yet. The SSH library holds each packet by itself: an unread
// window of one-byte packets takes a hundred megabytes. Therefore input reads all the time, and has a limit of its own.
type input struct {
	limit   int
	flooded chan struct{} // closed when more than limit bytes wait; the rest is discarded

	mu      sync.Mutex
	more    sync.Cond // signalled when data or err changes
	data    []byte
	discard bool
	err     error // after data
}

// newInput reads a channel until the client closes it.
func newInput(channel ssh.Channel, limit int, readers *sync.WaitGroup) *input {
	in := &input{limit: limit, flooded: make(chan struct{})}
	in.more.L = &in.mu
	readers.Go(func() { _, _ = io.Copy(io.Discard, channel.Stderr()) }) // no client has a use for it
	readers.Go(func() {
		_, err := io.Copy(in, channel)
		if err == nil {
			err = io.EOF
		}
		in.end(err)
	})
	return in
}

// Write implements io.Writer.
func (in *input) Write(b []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.discard:
	case len(in.data)+len(b) > in.limit:
		in.discard, in.data = true, nil
		in.err = fmt.Errorf("more than %d bytes of input wait", in.limit)
		in.more.Broadcast()
		close(in.flooded)
	default:
		in.data = append(in.data, b...)
		in.more.Broadcast()
	}
	return len(b), nil
}

// end makes Read return err after the data.
func (in *input) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	in.more.Broadcast()
}

// drop discards all input, also what comes later, and ends it.
func (in *input) drop() {
	in.mu.Lock()
	in.discard, in.data = true, nil
	in.mu.Unlock()
	in.end(errStopped)
}

// Read implements io.Reader.
func (in *input) Read(b []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.data) == 0 {
		if in.err != nil {
			return 0, in.err
		}
		in.more.Wait()
	}
	n := copy(b, in.data)
	if in.data = in.data[n:]; len(in.data) == 0 {
		in.data = nil
	}
	return n, nil
}
