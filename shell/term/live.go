// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"errors"
	"strings"

	runewidth "github.com/mattn/go-runewidth"

	"vrrpsh/platform/printable"
	"vrrpsh/shell"
)

var _ shell.Terminal = (*pager)(nil)

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
	columns, rows := p.t.tty.size()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > rows {
		lines = lines[:rows]
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, l := range lines {
		b.WriteString(runewidth.Truncate(printable.Line(l), columns, "") + "\x1b[K")
		if i < len(lines)-1 {
			b.WriteByte('\n')
		}
	}
	b.WriteString("\x1b[J")
	p.t.tty.write(b.String())
	return nil
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
			if k.text == "q" || k.text == "Q" {
				p.cancel()
				return
			}
		}
	})
}

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
