// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	runewidth "github.com/mattn/go-runewidth"

	"vrrpsh/shell"
)

const (
	// maxUnread is how much output waits for the user before the command has to, in bytes.
	maxUnread = 64 << 20
	// maxReread is how much is kept for going back.
	maxReread = 8 << 20
	// maxWrite is how much is written to the terminal before Ctrl-C is looked for.
	maxWrite = 16 << 10
)

const (
	morePrompt = "--More--"
	eraseLine  = "\r\x1b[K"
)

// errQuit is what a command gets that writes after the user has quit the pager.
var errQuit = errors.New("the output is no longer wanted")

// pager shows output page by page. The command does not wait for the user: what it writes is
// kept, so that it does not hold on to what others need while somebody reads.
type pager struct {
	t      *terminal
	ctx    context.Context // of the command; its end quits a pager that waits for a key
	cancel context.CancelFunc
	page   int  // rows of a page; 0: the output is not paged
	tall   bool // page is the terminal's height, whatever that becomes
	done   chan struct{}

	mu     sync.Mutex
	cond   *sync.Cond
	data   []byte
	urgent []span // of data: errors, which are shown in any case
	shown  int    // bytes of data
	busy   bool
	noMore bool
	quit   bool
	closed bool

	// Of the goroutine that shows.
	used int  // rows of this page
	line int  // where in data the line begins that is being shown
	last byte // written

	// What the command is doing; p.mu guards the strings.
	doing   string
	drawn   bool // it is on the terminal
	working sync.Once
	clock   sync.WaitGroup

	live sync.WaitGroup // the reader of keys while the screen is shown
	once sync.Once      // for the begin of that
	left sync.Once      // for its end
}

// span is a part of the output.
type span struct{ from, to int }

// newPager starts a pager with the page length of the moment: the conversation may not be
// asked while it executes a command.
func newPager(ctx context.Context, cancel context.CancelFunc, t *terminal) *pager {
	p := &pager{t: t, ctx: ctx, cancel: cancel, done: make(chan struct{}), tall: true, last: '\n'}
	if n := t.conv.PageLength(); n >= 0 {
		p.page, p.tall = n, false
	}
	p.cond = sync.NewCond(&p.mu)
	go p.show()
	return p
}

// Write implements io.Writer.
func (p *pager) Write(b []byte) (int, error) { return p.write(b, false) }

// NoMore implements shell.Terminal.
func (p *pager) NoMore() { p.change(func() { p.noMore = true }) }

// errors returns the side of the pager that is heard even after the user has quit.
func (p *pager) errors() io.Writer { return (*pagerErrors)(p) }

type pagerErrors pager

// Write implements io.Writer.
func (e *pagerErrors) Write(b []byte) (int, error) { return (*pager)(e).write(b, true) }

func (p *pager) write(b []byte, urgent bool) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.data)-p.shown > maxUnread && !p.quit {
		p.cond.Wait()
	}
	if p.closed || p.quit && !urgent {
		return 0, errQuit
	}
	if urgent {
		p.urgent = append(p.urgent, span{len(p.data), len(p.data) + len(b)})
	}
	p.data = append(p.data, b...)
	p.cond.Broadcast()
	return len(b), nil
}

func (p *pager) change(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
	p.cond.Broadcast()
}

// stop throws away what is not shown yet: Ctrl-C was typed.
func (p *pager) stop() { p.change(p.discard) }

// discard throws away what is not shown yet, but for errors.
func (p *pager) discard() {
	var keep []byte
	for _, s := range p.urgent {
		if s.to > p.shown {
			keep = append(keep, p.data[max(s.from, p.shown):s.to]...)
		}
	}
	p.data = append(p.data[:p.shown:p.shown], keep...)
	p.urgent = []span{{p.shown, len(p.data)}}
	p.line = p.shown
}

// drain waits until all that was written is shown, and begins a new page.
func (p *pager) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.busy || p.shown < len(p.data) {
		p.cond.Wait()
	}
	p.used = 0
	p.doing = ""
	p.eraseProgress()
}

// close waits until the user has seen everything. The cursor is at the beginning of a line then.
func (p *pager) close() {
	p.leaveScreen()
	p.change(func() {
		p.closed = true
		p.eraseProgress()
	})
	<-p.done
	p.clock.Wait()
	if p.last != '\n' {
		p.t.tty.write("\n")
	}
}

// show is the goroutine that writes to the terminal.
func (p *pager) show() {
	defer close(p.done)
	for p.wait() {
		text, full := p.next()
		if len(text) > 0 {
			p.leaveScreen() // or it would go with the picture
			p.last = text[len(text)-1]
			p.t.tty.write(string(text))
		}
		if full {
			p.more()
		}
	}
}

// wait waits for output; false when there will be none.
func (p *pager) wait() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	for p.shown == len(p.data) && !p.closed {
		p.cond.Broadcast()
		p.cond.Wait()
	}
	p.busy = p.shown < len(p.data)
	if p.busy {
		p.eraseProgress()
	}
	return p.busy
}

// limit is how many rows are shown before the user is asked, 0 for all.
func (p *pager) limit() int {
	switch {
	case p.noMore:
		return 0
	case p.tall:
		_, rows := p.t.tty.size()
		return max(rows-1, 1)
	default:
		return p.page
	}
}

// next takes what fits on the page; full tells that there is more than that.
func (p *pager) next() (text []byte, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trim()
	from := p.shown
	limit := p.limit()
	if limit == 0 {
		p.shown = min(len(p.data), from+maxWrite)
		p.line = p.shown
		return p.data[from:p.shown:p.shown], false
	}
	columns, _ := p.t.tty.size()
	for p.used < limit && p.shown < len(p.data) {
		n := bytes.IndexByte(p.data[p.shown:], '\n')
		if n < 0 {
			p.shown = len(p.data) // the line's rows count when it is complete
			break
		}
		p.shown += n + 1
		p.used += rowsOf(p.data[p.line:p.shown-1], columns)
		p.line = p.shown
	}
	return p.data[from:p.shown:p.shown], p.used >= limit && p.shown < len(p.data)
}

// trim forgets what the user will hardly go back to.
func (p *pager) trim() {
	if n := p.line - maxReread; n > maxReread {
		p.data = append([]byte(nil), p.data[n:]...)
		p.shown -= n
		p.line -= n
		kept := p.urgent[:0]
		for _, s := range p.urgent {
			if s.to > n {
				kept = append(kept, span{max(s.from-n, 0), s.to - n})
			}
		}
		p.urgent = kept
	}
}

// rowsOf is how many rows of the terminal a line takes.
func rowsOf(line []byte, columns int) int {
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	width := len(line)
	if width > columns/2 { // or nothing could make it wrap
		width = runewidth.StringWidth(strings.ReplaceAll(string(line), "\t", "        "))
	}
	return max(1, (width+columns-1)/columns)
}

// more asks what to show next.
func (p *pager) more() {
	note := ""
	for {
		p.t.tty.write(note + morePrompt)
		k, err := p.t.in.character(p.ctx)
		p.t.tty.write(eraseLine)
		note = ""
		switch {
		case err != nil, k.text == "q", k.text == "Q", k.control(ctrlC), k.control(ctrlD):
			p.change(func() {
				p.quit, p.noMore = true, true
				p.discard()
			})
			return
		case k.text == " ", k.text == "f", k.control(ctrlF), k.text == "\x1b[6~":
			p.used = 0
			return
		case k.enter(), k.text == "j", k.text == "\x1b[B":
			p.change(func() { p.used = max(0, p.limit()-1) })
			return
		case k.text == "b", k.control(ctrlB), k.text == "\x1b[5~":
			p.back()
			return
		case k.text == "/":
			p.t.tty.write("/")
			pattern, err := p.t.answer(p.ctx, false)
			p.t.tty.write(eraseLine)
			if err != nil || pattern == "" {
				continue
			}
			if note = p.search(pattern); note == "" {
				return
			}
			note += " "
		}
	}
}

// back shows the page before the one on the terminal again.
func (p *pager) back() {
	p.mu.Lock()
	defer p.mu.Unlock()
	columns, _ := p.t.tty.size()
	at := p.line
	for rows := 2 * p.limit(); rows > 0 && at > 0; {
		start := bytes.LastIndexByte(p.data[:at-1], '\n') + 1
		rows -= rowsOf(p.data[start:at-1], columns)
		at = start
	}
	p.shown, p.line, p.used = at, at, 0
}

// search goes on with the next line that matches; it says why it does not. It waits for
// output that the command has not written yet.
func (p *pager) search(pattern string) (problem string) {
	re, err := shell.CompilePattern(pattern)
	if err != nil {
		return "(wrong pattern)"
	}
	defer context.AfterFunc(p.ctx, func() { p.change(func() {}) })()
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := p.line; p.ctx.Err() == nil; {
		n := bytes.IndexByte(p.data[at:], '\n')
		end := at + n
		if n < 0 {
			if !p.closed {
				p.cond.Wait()
				continue
			}
			end = len(p.data)
		}
		switch {
		case re.Match(p.data[at:end]):
			p.shown, p.line, p.used = at, at, 0
			return ""
		case n < 0:
			return "(pattern not found)"
		}
		at = end + 1
	}
	return "(interrupted)"
}

// erase takes what was echoed off the terminal again.
func erase(text []rune) string {
	n := runewidth.StringWidth(string(text))
	return strings.Repeat("\b", n) + strings.Repeat(" ", n) + strings.Repeat("\b", n)
}
