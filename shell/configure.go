// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"strings"

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
		fmt.Fprintf(c.io.Err, "%% %v: commits are refused\n", err)
	}
	if a := s.env.Manager.Awaited(); a != nil {
		fmt.Fprintf(c.io.Err, "%% %s\n", s.awaits(a))
	}
	d, err := c.lostDraft()
	if err != nil {
		s.registry.unlock(s)
		return err
	}
	if d == nil {
		d = commands.NewDraft(s.env.Manager.Edit())
	}
	s.mu.Lock()
	s.place, s.draft = commands.Place{Mode: completions.Config}, d
	s.mu.Unlock()
	s.failedLine = false
	return nil
}

// lostDraft offers the uncommitted changes of the user's lost session. It does nothing in scripts.
func (c *call) lostDraft() (*commands.Draft, error) {
	s := c.session
	if !c.interactive() || s.Plain() {
		return nil, nil // there is no lost draft
	}
	d := s.registry.takeLost(s.user.Name)
	if d == nil {
		return nil, nil // there is no lost draft
	}
	answer, err := c.ask("Your lost session left uncommitted changes: resume them? [yes] ", false)
	if err != nil {
		s.registry.keep(s.user.Name, d)
		return nil, err
	}
	if answer != "" && !means(answer, "yes") {
		return nil, nil // the user does not want it
	}
	return d, nil
}

// means tells whether an answer is a word or a prefix of it.
func means(answer, word string) bool {
	return len(answer) <= len(word) && strings.EqualFold(answer, word[:len(answer)])
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

// leave leaves configure mode. If there are changes, it first asks the user what to do with them.
func (c *call) leave() error {
	if err := c.endUnasked(); err != nil {
		return err
	}
	s := c.session
	for s.changed() {
		if !c.interactive() {
			return failed("Uncommitted changes: commit or discard them first")
		}
		answer, err := c.ask("Uncommitted changes: commit, discard or cancel? [cancel] ", false)
		if err != nil {
			return err
		}
		switch {
		case answer == "", len(answer) > 1 && means(answer, "cancel"):
			return nil
		case len(answer) > 1 && means(answer, "commit"):
			info := s.info("")
			info.Progress = c.progress
			if err := c.commitCandidate(info); err != nil {
				return err
			}
			continue
		case means(answer, "discard"):
		default:
			continue
		}
		break
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
