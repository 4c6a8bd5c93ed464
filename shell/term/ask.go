// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"context"
	"errors"
	"io"

	"vrrpsh/platform/printable"
)

// Ask implements shell.Terminal. It ends when ctx ends or when the command's context ends, which Ctrl-C causes.
// Ctrl-D on an empty line returns io.EOF. If lines have already arrived that were not typed as an answer, as after a paste, Ask asks nothing
// and returns errTypedAhead. Secrets are an exception: nobody pastes a command whose secret is missing.
func (p *pager) Ask(ctx context.Context, question string, secret bool) (string, error) {
	p.drain()
	if !secret && p.t.in.ahead() {
		return "", errTypedAhead
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	p.t.tty.write(printable.Lines(question))
	answer, err := answer(ctx, p.t.tty, p.t.in, secret)
	p.t.tty.write("\n")
	return answer, err
}

// errTypedAhead is the error of a question that more input follows.
var errTypedAhead = errors.New("more lines follow: the user is not asked")

// answer reads a line up to Enter.
func answer(ctx context.Context, tty *tty, in *input, secret bool) (string, error) {
	var text []rune
	show := func(s string) {
		if !secret {
			tty.write(s)
		}
	}
	for {
		k, err := in.key(ctx)
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
