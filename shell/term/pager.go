// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"

	runewidth "github.com/mattn/go-runewidth"

	"vrrpsh/shell"
)

const (
	// maxUnread is how much unread output is buffered before the command must wait, in bytes.
	maxUnread = 64 << 20
	// maxReread is how much displayed output is kept for paging back, in bytes.
	maxReread = 8 << 20
	// maxWrite is how many bytes are written to the terminal between two checks for Ctrl-C.
	maxWrite = 16 << 10
)

const (
	morePrompt = "--More--"
	eraseLine  = "\r\x1b[K"
)

// errQuit is the write error of a command after the user has quit the pager.
var errQuit = errors.New("the output is no longer wanted")

// pager displays output page by page. The command does not wait for the user: the pager buffers its
// output, so that the command does not hold resources that others need while the user reads.
type pager struct {
	t      *terminal
	ctx    context.Context // of the command; its end quits a pager that waits for a key
	cancel context.CancelFunc
	page   int  // rows of a page; 0: no paging
	tall   bool // page is the terminal's height and follows its changes
	done   chan struct{}

	mu     sync.Mutex
	cond   *sync.Cond
	data   []byte
	urgent []span // the parts of data that are errors, which are always displayed
	shown  int    // bytes of data displayed
	busy   bool
	noMore bool
	quit   bool
	closed bool

	// Used only by the goroutine that displays output.
	used int  // rows used on this page
	line int  // offset in data of the line being displayed
	last byte // the last byte written
	// The last search and the offset in data of the line that it found.
	pattern *regexp.Regexp
	found   int

	// The current activity of the command; p.mu guards the strings.
	doing   string
	drawn   bool // the activity is displayed on the terminal
	working sync.Once
	clock   sync.WaitGroup

	screen live
	live   sync.WaitGroup // the goroutine that reads keys while the alternate screen is displayed
	once   sync.Once      // enters the alternate screen
	left   sync.Once      // leaves the alternate screen
}

// span is a part of the output.
type span struct{ from, to int }

// newPager starts a pager with the current page length. It reads the page length now because the
// conversation must not be asked while it executes a command.
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

// errors returns a writer whose output is displayed even after the user has quit the pager.
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

// stop discards output that is not displayed yet, after Ctrl-C.
func (p *pager) stop() { p.change(p.discard) }

// discard discards output that is not displayed yet, except errors.
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

// drain waits until all output is displayed, and begins a new page.
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

// close waits until the user has seen all output. Then it moves the cursor to the beginning of a line.
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

// show is the body of the goroutine that writes to the terminal.
func (p *pager) show() {
	defer close(p.done)
	for p.wait() {
		text, full := p.next()
		if len(text) > 0 {
			p.leaveScreen() // leaving the alternate screen later would erase this output
			p.last = text[len(text)-1]
			p.t.tty.write(string(text))
		}
		if full {
			p.more()
		}
	}
}

// wait waits for output. It returns false when the output has ended.
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

// limit returns how many rows are displayed before the pager asks the user, 0 for no limit.
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

// next returns the output that fits on the page. full is true if there is more output.
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
			p.shown = len(p.data) // the rows of a line count once the line is complete
			break
		}
		p.shown += n + 1
		p.used += rowsOf(p.data[p.line:p.shown-1], columns)
		p.line = p.shown
	}
	return p.data[from:p.shown:p.shown], p.used >= limit && p.shown < len(p.data)
}

// trim discards old output to which the user will hardly go back.
func (p *pager) trim() {
	if n := p.line - maxReread; n > maxReread {
		p.data = append([]byte(nil), p.data[n:]...)
		p.shown -= n
		p.line -= n
		p.found = max(p.found-n, 0)
		kept := p.urgent[:0]
		for _, s := range p.urgent {
			if s.to > n {
				kept = append(kept, span{max(s.from-n, 0), s.to - n})
			}
		}
		p.urgent = kept
	}
}

// rowsOf returns how many rows of the terminal a line takes.
func rowsOf(line []byte, columns int) int {
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if len(line) <= columns/2 { // too short to wrap
		return 1
	}
	return position{}.after(strings.ReplaceAll(string(line), "\t", "        "), columns).y + 1
}

// pagerKeys explains the keys of the pager.
const pagerKeys = `  Space, f, PgDn    next page           b, PgUp    page before
  Enter, j, Down    next line           k, Up      line before
  /REGEXP           search              n, N       next match, match before
  g, G              beginning, end      q          leave
`

// more asks the user what to display next.
func (p *pager) more() {
	note := ""
	for {
		p.t.tty.write(note + morePrompt)
		k, err := p.t.in.character(p.ctx)
		p.t.wipe(note + morePrompt)
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
		case k.enter(), k.text == "j", k.text == "\x1b[B", k.text == "\x1bOB":
			p.change(func() { p.used = max(0, p.limit()-1) })
			return
		case k.text == "b", k.control(ctrlB), k.text == "\x1b[5~":
			p.change(func() { p.back(p.line, 2*p.limit()) })
			return
		case k.text == "k", k.text == "\x1b[A", k.text == "\x1bOA":
			p.change(func() { p.back(p.line, p.limit()+1) })
			return
		case k.text == "g":
			p.change(func() { p.goTo(0) })
			return
		case k.text == "G":
			if note = p.toEnd(); note == "" {
				return
			}
		case k.text == "h":
			p.t.tty.write(pagerKeys)
		case k.text == "n", k.text == "N":
			if note = p.again(k.text == "n"); note == "" {
				return
			}
		case k.text == "/":
			p.t.tty.write("/")
			pattern, err := answer(p.ctx, p.t.tty, p.t.in, false)
			p.t.wipe("/" + pattern)
			if err != nil || pattern == "" {
				continue
			}
			if note = p.search(pattern); note == "" {
				return
			}
		}
		if note != "" {
			note += " "
		}
	}
}

// goTo continues with the line at an offset. The caller must hold p.mu.
func (p *pager) goTo(at int) { p.shown, p.line, p.used = at, at, 0 }

// back continues this many rows before the line at an offset. The caller must hold p.mu.
func (p *pager) back(at, rows int) {
	columns, _ := p.t.tty.size()
	for rows > 0 && at > 0 {
		start := bytes.LastIndexByte(p.data[:at-1], '\n') + 1
		rows -= rowsOf(p.data[start:at-1], columns)
		at = start
	}
	p.goTo(at)
}

// lineEnd returns the end of the line at an offset, and whether the output goes on behind it. It waits for further output of the
// command if necessary. The caller must hold p.mu.
func (p *pager) lineEnd(at int) (end int, more bool) {
	for p.ctx.Err() == nil {
		if n := bytes.IndexByte(p.data[at:], '\n'); n >= 0 {
			return at + n, true
		}
		if p.closed {
			break
		}
		p.cond.Wait()
	}
	return len(p.data), false
}

// wakes makes the end of the command's context wake goroutines that wait for output.
func (p *pager) wakes() (stop func() bool) {
	return context.AfterFunc(p.ctx, func() { p.change(func() {}) })
}

// search continues at the next matching line. If there is no match, it returns the reason.
func (p *pager) search(pattern string) (problem string) {
	re, err := shell.CompilePattern(pattern)
	if err != nil {
		return "(wrong pattern)"
	}
	p.pattern = re
	return p.forth(p.line)
}

// again repeats the last search, forwards or backwards from its match.
func (p *pager) again(forth bool) (problem string) {
	if p.pattern == nil {
		return "(no search yet)"
	}
	if forth {
		p.mu.Lock()
		next, _ := p.lineEnd(p.found)
		p.mu.Unlock()
		return p.forth(min(next+1, len(p.data)))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := p.found; at > 0; {
		start := bytes.LastIndexByte(p.data[:at-1], '\n') + 1
		if p.pattern.Match(p.data[start : at-1]) {
			p.found = start
			p.goTo(start)
			return ""
		}
		at = start
	}
	return "(pattern not found)"
}

// forth continues at the first line from an offset on that matches.
func (p *pager) forth(at int) (problem string) {
	defer p.wakes()()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		end, more := p.lineEnd(at)
		switch {
		case p.ctx.Err() != nil:
			return "(interrupted)"
		case p.pattern.Match(p.data[at:end]):
			p.found = at
			p.goTo(at)
			return ""
		case !more:
			return "(pattern not found)"
		}
		at = end + 1
	}
}

// toEnd continues with the last page, once the command has written all its output.
func (p *pager) toEnd() (problem string) {
	defer p.wakes()()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && p.ctx.Err() == nil {
		p.cond.Wait()
	}
	if p.ctx.Err() != nil {
		return "(interrupted)"
	}
	p.back(len(p.data), p.limit())
	return ""
}

// erase returns the text that erases the echo of text from the terminal.
func erase(text []rune) string {
	n := runewidth.StringWidth(string(text))
	return strings.Repeat("\b", n) + strings.Repeat(" ", n) + strings.Repeat("\b", n)
}
