// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"context"
	"io"

	"vrrpsh/platform/printable"
)

// Ask implements shell.Terminal. It ends when ctx ends or when the command's context ends, which Ctrl-C causes.
// Ctrl-D on an empty line returns io.EOF.
func (p *pager) Ask(ctx context.Context, question string, secret bool) (string, error) {
	p.drain()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	p.t.tty.write(printable.Lines(question))
	answer, err := p.t.answer(ctx, secret)
	p.t.tty.write("\n")
	return answer, err
}

// answer reads a line up to Enter.
func (t *terminal) answer(ctx context.Context, secret bool) (string, error) {
	var text []rune
	show := func(s string) {
		if !secret {
			t.tty.write(s)
		}
	}
	for {
		k, err := t.in.key(ctx)
		if err != nil {
			return "", err
		}
		switch {
		case k.enter():
			return string(text), nil
		case k.kind == keyText, k.kind == keyQuestion:
			if len(text) < maxLine {
				text = append(text, []rune(k.text)...)
				show(k.text)
			}
		case k.control(ctrlD) && len(text) == 0:
			return "", io.EOF
		case k.control(ctrlH), k.control(backspace):
			if n := len(text); n > 0 {
				show(erase(text[n-1:]))
				text = text[:n-1]
			}
		case k.control(ctrlU):
			show(erase(text))
			text = nil
		}
	}
}
