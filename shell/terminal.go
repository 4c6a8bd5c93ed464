// SPDX-License-Identifier: GPL-3.0-only

package shell

import "strconv"

// setTerminal returns a handler that changes the session's terminal settings.
func setTerminal(change func(s *Session, step stepValue)) handler {
	return handler{run: func(c *call) error {
		s := c.session
		s.mu.Lock()
		defer s.mu.Unlock()
		change(s, func(name string) int {
			n, _ := strconv.Atoi(c.step.Value(name)) // the grammar checks the range
			return n
		})
		return nil
	}}
}

// stepValue returns a numeric argument of the command.
type stepValue func(name string) int

// setPlain turns plain line mode on or off.
func setPlain(on bool) handler {
	return setTerminal(func(s *Session, _ stepValue) { s.plain = on })
}

// suggestions turns suggestions on or off, in this session and in the user's later ones.
func suggestions(c *call) error {
	s, on := c.session, c.step.Has("on")
	s.mu.Lock()
	s.suggestions = on
	s.mu.Unlock()
	if err := s.env.Preferences.setSuggestions(s.user.Name, on); err != nil {
		return failed("This is for this session only: %v", err)
	}
	return nil
}

func lab(do func(Lab, string) error) handler {
	return handler{run: func(c *call) error {
		l, name := c.session.env.Lab, c.step.Value("router")
		for _, r := range l.Routers() {
			if r == name {
				return do(l, name)
			}
		}
		return c.step.Misplaced("router", "there is no such router in the lab")
	}}
}

func labShow(c *call) error {
	c.printf("%s", c.session.env.Lab.Show())
	return nil
}
