// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Logging never waits for its destination, which may be a pipe that nobody reads, a stopped terminal or
// a disk that hangs.
const (
	// outputQueue is the number of lines queued for writing; further lines are dropped.
	outputQueue = 4096
	// flushLimit is how long Close waits for queued lines.
	flushLimit = time.Second
)

// output writes lines in order, in a goroutine that exists only while lines are queued.
type output struct {
	mu    sync.Mutex
	queue []piece
	lines int           // lines in the queue
	lost  uint64        // dropped lines that are not reported yet
	idle  chan struct{} // closed when all is written; nil: nothing is queued
}

// piece is a line for a file, or the end of the file.
type piece struct {
	to   io.Writer
	line []byte // nil: to is an io.Closer, to be closed
}

// write queues a line for writing. told formats the report of dropped lines.
func (o *output) write(to io.Writer, line []byte, told func(*Entry) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines >= outputQueue {
		o.lost++
		return
	}
	if o.lost > 0 {
		e := &Entry{Time: time.Now(), Level: slog.LevelWarn, Message: "the log is too slow: lines are missing", Attrs: fmt.Sprintf("count=%d", o.lost)}
		o.lost = 0
		o.add(piece{to, told(e)})
	}
	o.add(piece{to, line})
}

// close queues the closing of a file after its last line.
func (o *output) close(c io.WriteCloser) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(piece{to: c})
}

func (o *output) add(p piece) {
	o.queue = append(o.queue, p)
	if p.line != nil {
		o.lines++
	}
	if o.idle == nil {
		o.idle = make(chan struct{})
		go o.run()
	}
}

func (o *output) run() {
	for {
		o.mu.Lock()
		list := o.queue
		if len(list) == 0 {
			close(o.idle)
			o.idle = nil
			o.mu.Unlock()
			return
		}
		o.queue = nil
		o.mu.Unlock()
		for _, p := range list {
			if p.line == nil {
				_ = p.to.(io.Closer).Close() // every line is written
				continue
			}
			_, _ = p.to.Write(p.line) // an error cannot be reported; the journal's memory has the line
			o.mu.Lock()
			o.lines--
			o.mu.Unlock()
		}
	}
}

// flush waits until everything is written, for at most limit.
func (o *output) flush(limit time.Duration) {
	o.mu.Lock()
	idle := o.idle
	o.mu.Unlock()
	if idle == nil {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-idle:
	case <-t.C:
	}
}
