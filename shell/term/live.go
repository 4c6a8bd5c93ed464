// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	runewidth "github.com/mattn/go-runewidth"

	"vrrpsh/platform/printable"
	"vrrpsh/shell"
)

var _ shell.Terminal = (*pager)(nil)

// live is a text that replaces the contents of the terminal and is updated in place. The user scrolls and filters it.
type live struct {
	mu     sync.Mutex
	head   []string   // stays in place
	body   [][]string // entries: a line, and the indented ones that continue it
	first  int        // the first entry on the screen
	filter *regexp.Regexp
	typing bool // the user types a filter
	typed  []rune
	note   string

	shown         int      // entries on the screen
	drawn         []string // the screen
	columns, rows int      // its size
}

// liveHelp explains the keys.
const liveHelp = "q: leave  /: filter  arrows, Space, b, g, G: scroll"

// Show implements shell.Terminal. It uses the alternate screen, so that the previous contents of the terminal can be
// restored.
func (p *pager) Show(text string) error {
	if p.t.plain {
		p.cancel() // a session in another process does not get the error
		return errors.New("a live display needs a terminal that is not in plain line mode")
	}
	p.once.Do(p.enterScreen)
	if err := p.ctx.Err(); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = printable.Line(l)
	}
	fixed := 0
	if i := slices.Index(lines, ""); i >= 0 {
		fixed = min(i+2, len(lines))
	}
	for fixed > 0 && fixed < len(lines) && strings.HasPrefix(lines[fixed], " ") {
		fixed++
	}
	var body [][]string
	for _, line := range lines[fixed:] {
		if n := len(body); n > 0 && strings.HasPrefix(line, " ") {
			body[n-1] = append(body[n-1], line)
		} else {
			body = append(body, []string{line})
		}
	}
	l := &p.screen
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head, l.body = lines[:fixed], body
	p.drawLive()
	return nil
}

// drawLive writes the rows of the screen that have changed. The caller must hold p.screen.mu.
func (p *pager) drawLive() {
	l := &p.screen
	columns, rows := p.t.tty.size()
	var b strings.Builder
	if columns != l.columns || rows != l.rows {
		b.WriteString("\x1b[2J")
		l.drawn, l.columns, l.rows = nil, columns, rows
	}
	lines := l.layout(rows)
	for i := range max(len(lines), len(l.drawn)) {
		line, old := "", ""
		if i < len(lines) {
			line = runewidth.Truncate(lines[i], columns, "")
		}
		if i < len(l.drawn) {
			old = l.drawn[i]
		}
		if i < len(lines) {
			lines[i] = line
		}
		if line != old {
			b.WriteString("\x1b[" + strconv.Itoa(i+1) + "H" + line)
			if runewidth.StringWidth(line) < columns {
				b.WriteString("\x1b[K")
			}
		}
	}
	l.drawn = lines
	p.t.tty.write(b.String())
}

// layout returns the rows of the screen. The last one says what is displayed.
func (l *live) layout(rows int) []string {
	body := l.body
	if l.filter != nil {
		body = nil
		for _, entry := range l.body {
			if slices.ContainsFunc(entry, l.filter.MatchString) {
				body = append(body, entry)
			}
		}
	}
	lines := slices.Clone(l.head[:min(len(l.head), max(rows-2, 0))])
	room := max(rows-1-len(lines), 0)
	last, used := len(body), 0 // the last page begins at last
	for last > 0 && used+len(body[last-1]) <= room {
		last--
		used += len(body[last])
	}
	l.first = max(0, min(l.first, last))
	end := l.first
	for ; end < len(body) && len(lines)+len(body[end]) < rows; end++ {
		lines = append(lines, body[end]...)
	}
	l.shown = end - l.first
	for len(lines) < rows-1 {
		lines = append(lines, "")
	}
	status := fmt.Sprintf("%d-%d of %d", min(l.first+1, end), end, len(body))
	switch {
	case l.typing:
		return append(lines, "/"+string(l.typed))
	case l.note != "":
		return append(lines, l.note)
	case l.filter != nil:
		status += fmt.Sprintf(" (%d without /%s/)", len(l.body), l.filter)
	}
	return append(lines, status+"   "+liveHelp)
}

func (p *pager) enterScreen() {
	p.drain()
	p.t.tty.screen.Store(true)
	p.t.tty.write(screenOn)
	p.live.Go(func() {
		for {
			k, err := p.t.in.character(p.ctx)
			if err != nil {
				return
			}
			if !p.liveKey(k) {
				p.cancel()
				return
			}
		}
	})
}

// liveKey handles a key. It returns false when the user leaves.
func (p *pager) liveKey(k key) bool {
	l := &p.screen
	l.mu.Lock()
	defer l.mu.Unlock()
	page := max(1, l.shown)
	l.note = ""
	switch {
	case l.typing:
		l.typeFilter(k)
	case k.text == "q", k.text == "Q", k.control(ctrlD):
		return false
	case k.text == "/":
		l.typing, l.typed = true, nil
	case k.text == "\x1b[A", k.text == "\x1bOA", k.text == "k":
		l.first--
	case k.text == "\x1b[B", k.text == "\x1bOB", k.text == "j", k.enter():
		l.first++
	case k.text == "\x1b[5~", k.text == "b":
		l.first -= page
	case k.text == "\x1b[6~", k.text == " ", k.text == "f":
		l.first += page
	case k.text == "g", sequences[k.text] == "\x01":
		l.first = 0
	case k.text == "G", sequences[k.text] == "\x05":
		l.first = len(l.body)
	}
	p.drawLive()
	return true
}

// typeFilter handles a key while the user types a filter.
func (l *live) typeFilter(k key) {
	switch n := len(l.typed); {
	case k.enter():
		l.typing, l.first = false, 0
		if n == 0 {
			l.filter = nil
			return
		}
		re, err := shell.CompilePattern(string(l.typed))
		if err != nil {
			l.note = "% " + err.Error()
			return
		}
		l.filter = re
	case k.kind == keyText, k.kind == keyQuestion:
		if n < maxFilter {
			l.typed = append(l.typed, []rune(k.text)...)
		}
	case k.control(ctrlH), k.control(backspace):
		l.typed = l.typed[:max(0, n-1)]
	case k.control(ctrlU):
		l.typed = nil
	}
}

// maxFilter limits the length of a filter, in characters; shell.CompilePattern limits it, too.
const maxFilter = 300

// leaveScreen restores the previous contents of the terminal.
func (p *pager) leaveScreen() {
	if !p.t.tty.screen.Load() {
		return
	}
	p.left.Do(func() {
		p.cancel()
		p.live.Wait()
		p.t.tty.write(screenOff + showCursor)
		p.t.tty.screen.Store(false)
	})
}
