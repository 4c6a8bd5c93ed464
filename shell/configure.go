// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"vrrpsh/completions"
	"vrrpsh/conf/commands"
)

// configure starts editing a candidate.
func configure(c *call) error {
	s := c.session
	if c.step.Has("exclusive") {
		if err := s.registry.lock(s, s.now()); err != nil {
			return err
		}
	} else if err := s.registry.mayCommit(s); err != nil {
		c.note("%v: commits are refused", err)
	}
	if a := s.env.Manager.Awaited(); a != nil {
		c.note("%s", s.awaits(a))
	}
	if c.interactive() {
		c.tellLost()
	}
	d := commands.NewDraft(s.env.Manager.Edit())
	s.mu.Lock()
	s.place, s.draft = commands.Place{Mode: completions.Config}, d
	s.mu.Unlock()
	s.failedLine = false
	return nil
}

// exit leaves the current mode for its parent mode. In exec mode it ends the session.
func exit(c *call) error {
	s := c.session
	if c.inv.Do {
		return failed("\"exit\" cannot be used with \"do\"")
	}
	switch s.place.Mode {
	case completions.Config:
		return c.leave()
	case completions.Exec:
		return quit(c)
	default:
		s.enter(s.place.Up())
		return nil
	}
}

// end returns to exec mode.
func end(c *call) error {
	if c.session.place.Mode == completions.Exec {
		return nil
	}
	return c.leave()
}

// quit ends the session.
func quit(c *call) error {
	s := c.session
	if s.draft != nil {
		if err := c.leave(); err != nil || s.draft != nil {
			return err
		}
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	return nil
}

// leave leaves configure mode. If there are changes, it first asks the user at a terminal what to do with them.
func (c *call) leave() error {
	if err := c.endUnasked(); err != nil {
		return err
	}
	s := c.session
	if s.changed() {
		answer := ""
		if c.interactive() {
			var err error
			if answer, err = c.choose("Uncommitted changes: commit, discard or cancel?", "commit", "discard", "cancel"); err != nil {
				return err
			}
		}
		switch answer {
		case "commit":
			if err := commit(c); err != nil {
				return err
			}
		case "discard":
		case "cancel":
			return nil
		default:
			return failed("Uncommitted changes: commit or discard them first")
		}
	}
	s.registry.unlock(s)
	s.mu.Lock()
	s.place, s.draft = commands.Place{Mode: completions.Exec}, nil
	s.mu.Unlock()
	return nil
}

func toTop(c *call) error {
	c.session.enter(commands.Place{Mode: completions.Config})
	return nil
}

func pwd(c *call) error {
	if at := c.session.place.Command(); at != "" {
		c.printf("%s\n", at)
	} else {
		c.printf("top\n")
	}
	return nil
}
