// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf/commands"
	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/process"
)

// call is a running command.
type call struct {
	session *Session
	ctx     context.Context
	inv     *completions.Invocation
	step    *completions.Step
	io      IO
	out     io.Writer    // leads through the pipes
	flush   func() error // displays everything written to out
	share   *process.Share
	// next is a line that the user typed instead of an answer.
	next *typed
}

// handler executes a command. The handler of a command without data has no JSON form.
type handler struct {
	run  func(*call) error
	data func(*call) (any, error)
}

// run executes a command through its pipes.
func (c *call) run(h handler) error {
	pipes := c.inv.Pipes
	if len(pipes) > 0 && pipes[0].Command.ID == "pipe.compare" {
		if id := c.step.Command.ID; id != "show.here" && id != "show.candidate" && id != "show.changes" {
			return failed("Only \"show\" and \"show candidate-config\" of configure mode can be compared")
		}
		h, pipes = handlers["show.changes"], pipes[1:]
	}
	out := c.io.Out
	if width := c.session.textWidth(0); width > 0 {
		out = &fold{w: out, width: width}
	}
	buffered := bufio.NewWriter(interruptible{c.ctx, c.share.Writer(out)})
	chain, err := newChain(pipes, buffered, c.share)
	if err != nil {
		return err
	}
	c.out, c.flush = chain, buffered.Flush
	if slices.ContainsFunc(pipes, func(p completions.Step) bool { return p.Command.ID == "pipe.no-more" }) {
		c.noMore()
	}
	if len(pipes) > 0 && pipes[0].Command.ID == "pipe.json" {
		if h.data == nil {
			return failed("This command has no JSON form")
		}
		err = c.writeJSON(h)
	} else {
		err = h.run(c)
	}
	return errors.Join(err, chain.close(), buffered.Flush())
}

func (c *call) writeJSON(h handler) error {
	v, err := h.data(c)
	if err != nil {
		return err
	}
	return report.WriteJSON(c.out, v)
}

// interactive tells whether the command can ask the user. Scripts have no user to ask.
func (c *call) interactive() bool { return c.io.Terminal != nil }

// piped tells whether a pipe reads the output before the user does.
func (c *call) piped() bool {
	return slices.ContainsFunc(c.inv.Pipes, func(p completions.Step) bool { return p.Command.ID != "pipe.no-more" })
}

// advise writes a sentence for people besides the data, if the user is one, wrapped to the terminal's width. Pipes pass it, but do not
// count it.
func (c *call) advise(sentence string) {
	if !c.interactive() {
		return
	}
	for _, line := range wrap(sentence, c.session.textWidth(c.io.Width), 0, 2) {
		if t, ok := c.out.(titled); ok {
			_ = t.writeTitles([]byte(line + "\n")) // the chain keeps the error
		} else {
			c.printf("%s\n", line)
		}
	}
}

// progress tells the terminal, if there is one, what the command is doing. The terminal displays it if the command
// takes long.
func (c *call) progress(what string) {
	if c.interactive() {
		c.io.Progress(capital(what))
	}
}

// noMore makes the terminal, if there is one, display the output without pauses.
func (c *call) noMore() {
	if c.interactive() {
		c.io.NoMore()
	}
}

// printf writes to the pipes. The writer keeps write errors; they fail the command when it ends.
func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// say writes a sentence, wrapped to the terminal's width.
func (c *call) say(indent int, format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), c.session.textWidth(c.io.Width), indent, indent+2) {
		c.printf("%s\n", line)
	}
}

// note writes a sentence that is neither the output of the command nor an error, wrapped to the terminal's width.
func (c *call) note(format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), c.session.textWidth(c.io.Width), 0, 2) {
		fmt.Fprintln(c.io.Err, line)
	}
}

// snapshot reads the running state.
func (c *call) snapshot() (*engine.Snapshot, error) { return c.session.env.View.Snapshot(c.ctx) }

// ask asks the user a question.
func (c *call) ask(prompt string, secret bool) (string, error) {
	answer, err := c.io.Ask(c.ctx, prompt, secret)
	return strings.TrimSpace(answer), err
}

// edit applies a setting or enters the mode of a setting. It changes nothing if the value is not legal.
func (c *call) edit() error {
	s := c.session
	if argument := commands.Asks(c.step); argument != "" && c.inv.Form == completions.Plain {
		if err := c.askTwice(argument); err != nil {
			return err
		}
	}
	s.mu.Lock()
	at, err := s.draft.Edit(c.inv, s.place)
	if err == nil {
		s.place = at
	}
	s.mu.Unlock()
	if err == nil && s.env.Log != nil {
		s.env.Log.Log(c.ctx, journal.Medium, "edit", "user", s.user.Name, "source", s.user.Source, "line", commands.Masked(c.inv))
	}
	return err
}

// askTwice asks the user twice for a secret and makes the answer an argument of the command.
func (c *call) askTwice(what string) error {
	if !c.interactive() {
		return failed("The %s is missing, and this session cannot prompt for it", what)
	}
	first, err := c.io.Ask(c.ctx, capital(what)+": ", true) // spaces are part of the answer
	if err != nil {
		return err
	}
	second, err := c.io.Ask(c.ctx, capital(what)+" again: ", true)
	if err != nil {
		return err
	}
	switch {
	case first == "":
		return failed("No %s given, nothing changed", what)
	case first != second:
		return failed("The %ss differ, nothing changed", what)
	}
	c.step.Args = append(c.step.Args, completions.Arg{Name: what, Value: first, Offset: len(c.inv.Line)})
	return nil
}

// enter moves the session to a place in the configuration, or to exec mode.
func (s *Session) enter(at commands.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place = at
}
