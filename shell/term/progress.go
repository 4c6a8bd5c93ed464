// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"fmt"
	"time"

	runewidth "github.com/mattn/go-runewidth"

	"vrrpsh/platform/printable"
)

// progressPause is how long a command must be silent before its progress is displayed, and the interval between
// updates.
const progressPause = 500 * time.Millisecond

// Progress implements shell.Terminal. In plain line mode it does nothing: a line cannot be updated.
func (p *pager) Progress(what string) {
	if p.t.plain {
		return
	}
	p.change(func() { p.doing = what })
	p.working.Do(func() {
		start := time.Now()
		p.clock.Go(func() {
			tick := time.NewTicker(progressPause)
			defer tick.Stop()
			for {
				select {
				case <-p.done:
					return
				case <-tick.C:
					p.drawProgress(time.Since(start))
				}
			}
		})
	})
}

// drawProgress displays the command's progress, unless there is output to display or to read.
func (p *pager) drawProgress(since time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doing == "" || p.busy || p.closed || p.quit || p.shown < len(p.data) || p.last != '\n' || p.t.tty.screen.Load() {
		return
	}
	columns, _ := p.t.tty.size()
	text := fmt.Sprintf("%s ... %d s (Ctrl-C interrupts)", printable.Line(p.doing), int(since.Seconds()))
	p.t.tty.write(eraseLine + runewidth.Truncate(text, columns-1, ""))
	p.drawn = true
}

// eraseProgress erases the progress from the terminal. The caller must hold p.mu.
func (p *pager) eraseProgress() {
	if p.drawn {
		p.t.tty.write(eraseLine)
		p.drawn = false
	}
}
