// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"fmt"

	"vrrpsh/completions"
	"vrrpsh/conf/commands"
)

// plainError is an error whose message begins as errors of IOS do, for programs that look for it.
type plainError struct{ error }

func (e plainError) Error() string { return "Error: " + describe(e.error) }

// plainly returns err as plain line mode shows it: the clients of IOS know lines that do not parse, and "% Error". They take every
// other message for output.
func (s *Session) plainly(err error) error {
	var parse *completions.Error
	switch {
	case !s.Plain(), errors.As(err, &parse) && parse.Kind != completions.Denied:
		return err
	case errors.Is(err, errLineFailed): // the error has been shown with that line; Ansible types "end" for another task
		return err
	default:
		return plainError{err}
	}
}

// errLineFailed tells why "end" does not commit.
var errLineFailed = failed("Uncommitted changes: not committed, since a line has failed")

// endUnasked is what "end" does with changes where nobody is asked. For users with the option, it commits them. At a plain terminal, where
// the lines that follow would be taken for answers, what is not committed is kept, and configure mode is left with an error.
func (c *call) endUnasked() error {
	s := c.session
	if !s.changed() || !c.interactive() {
		return nil
	}
	var err error
	switch {
	case s.user.CommitOnEnd && s.failedLine && s.Plain():
		err = fmt.Errorf("%w; they are kept as a lost candidate", errLineFailed)
	case s.user.CommitOnEnd && s.failedLine:
		err = fmt.Errorf("%w: commit or discard them first", errLineFailed)
	case s.user.CommitOnEnd:
		if err = commit(c); err != nil && s.Plain() {
			err = fmt.Errorf("%w\nThe changes are kept as a lost candidate", err)
		}
	case s.Plain():
		err = failed("Uncommitted changes: left without a commit, they are kept as a lost candidate")
	}
	if err == nil || !s.Plain() {
		return err
	}
	s.registry.keep(s, s.draft)
	s.audit("candidate kept", "reason", err.Error())
	c.restart(commands.NewDraft(s.env.Manager.Edit()))
	return errors.Join(err, c.leave())
}
