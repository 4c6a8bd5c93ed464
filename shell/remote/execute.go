// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vrrpsh/shell"
)

// Execute implements shell.Conversation. If the router has gone or goes while the command runs, it
// writes a message to io.Err and returns shell.Unreachable.
func (c *Client) Execute(ctx context.Context, line string, io shell.IO) shell.Status {
	if len(line) > maxLine {
		fmt.Fprintf(io.Err, "%% Line too long: %d bytes, at most %d\n", len(line), maxLine)
		return shell.BadSyntax
	}
	cl, err := c.start(&frame{Op: opExecute, Line: line, Width: io.Width, CanAsk: io.Terminal != nil})
	if err != nil {
		return c.lost(io, err)
	}
	defer c.finish(cl)

	var grace *time.Timer
	var mu sync.Mutex
	stop := context.AfterFunc(ctx, func() {
		_ = c.send(&frame{Op: opInterrupt, ID: cl.id})
		mu.Lock()
		defer mu.Unlock()
		grace = time.AfterFunc(interruptGrace, func() {
			c.fail(fmt.Errorf("no answer within %s", interruptGrace))
		})
	})
	defer func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		if grace != nil {
			grace.Stop()
		}
	}()

	for {
		f := cl.next(c.alive)
		if f == nil {
			return c.lost(io, errors.New("the session was closed"))
		}
		switch f.Op {
		case opOut:
			_, _ = io.Out.Write(f.Data)
		case opErr:
			_, _ = io.Err.Write(f.Data)
		case opNoMore, opScreen, opProgress:
			onTerminal(f, io.Terminal)
		case opAsk:
			c.answer(ctx, f, io)
		case opDone:
			return f.Status
		default: // a frame from a newer router that this client does not know
		}
	}
}

// onTerminal passes a terminal request of the command to the terminal.
func onTerminal(f *frame, t shell.Terminal) {
	switch {
	case t == nil: // earlier releases send these frames to scripts, too
	case f.Op == opNoMore:
		t.NoMore()
	case f.Op == opScreen:
		_ = t.Show(f.Text)
	default:
		t.Progress(f.Text)
	}
}

// answer asks the user the router's question and sends the answer.
func (c *Client) answer(ctx context.Context, q *frame, io shell.IO) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.alive, cancel)()
	a := &frame{Op: opAnswer, ID: q.ID}
	if io.Terminal == nil {
		a.Error = "this session cannot prompt"
	} else if text, err := io.Ask(ctx, q.Text, q.Secret); err != nil {
		a.Error = err.Error()
	} else {
		a.Text = text
	}
	_ = c.send(a)
}

// lost reports that the router has gone.
func (c *Client) lost(io shell.IO, err error) shell.Status {
	// The router's reason may have arrived before the write failed.
	_ = c.conn.SetReadDeadline(time.Now().Add(lastWords))
	c.reading.Wait()
	_ = c.conn.Close()
	var lost *lostError
	if errors.As(c.Err(), &lost) {
		err = lost.why
	}
	fmt.Fprintf(io.Err, "%% Lost the router: %v\n", err)
	return shell.Unreachable
}

// maxQueued is how many bytes of output are queued for a user who reads page by page. Up to this
// limit the user does not delay the router's process.
const maxQueued = 16 << 20

// call is a request that waits for its answers.
type call struct {
	id uint64

	mu     sync.Mutex
	queue  []*frame
	bytes  int
	gone   bool          // nobody reads the answers any more
	change chan struct{} // closed and replaced at every change
}

func newCall() *call { return &call{change: make(chan struct{})} }

// changed wakes the waiting goroutines. The caller must hold c.mu.
func (c *call) changed() {
	close(c.change)
	c.change = make(chan struct{})
}

// put queues f. It waits for room unless alive ends.
func (c *call) put(alive context.Context, f *frame) {
	for {
		c.mu.Lock()
		if c.gone {
			c.mu.Unlock()
			return
		}
		if c.bytes < maxQueued {
			c.queue = append(c.queue, f)
			c.bytes += len(f.Data)
			c.changed()
			c.mu.Unlock()
			return
		}
		wait := c.change
		c.mu.Unlock()
		select {
		case <-wait:
		case <-alive.Done():
			return
		}
	}
}

// next returns the next frame. After alive has ended, it returns the frames still queued, then nil.
func (c *call) next(alive context.Context) *frame {
	for {
		c.mu.Lock()
		if len(c.queue) > 0 {
			f := c.queue[0]
			c.queue = c.queue[1:]
			c.bytes -= len(f.Data)
			c.changed()
			c.mu.Unlock()
			return f
		}
		wait := c.change
		c.mu.Unlock()
		select {
		case <-wait:
		case <-alive.Done():
			c.mu.Lock()
			empty := len(c.queue) == 0
			c.mu.Unlock()
			if empty {
				return nil
			}
		}
	}
}

// drop releases the goroutine that waits for room.
func (c *call) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.changed()
}
