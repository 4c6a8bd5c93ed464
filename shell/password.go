// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
)

// leastPassword is the length of the shortest password that users may choose for themselves.
const leastPassword = 8

// changePassword lets a user of any level change the user's own password. It commits nothing else.
func changePassword(c *call) error {
	s := c.session
	name := s.user.Name
	i := slices.IndexFunc(userLines(s.env.Manager.Running().File), isLineOf(name))
	switch {
	case i < 0 || s.env.CheckPassword == nil:
		return failed("%s is no user of the configuration: \"api user NAME level N\", in configure mode, sets the passwords of others", name)
	case !c.interactive():
		return failed("This session cannot prompt for passwords")
	}
	old, err := c.io.Ask(c.ctx, "Old password: ", true)
	if err != nil {
		return err
	}
	if err := s.env.CheckPassword(c.ctx, strings.TrimPrefix(s.user.Source, "ssh "), name, old); err != nil {
		s.audit("password not changed", "error", err)
		return failed("%s", capital(err.Error()))
	}
	if err := c.askTwice("password"); err != nil {
		return err
	}
	fresh := c.step.Value("password")
	switch {
	case len(fresh) < leastPassword:
		return failed("The new password is shorter than %d characters, nothing changed", leastPassword)
	case fresh == old:
		return failed("The new password is the old one, nothing changed")
	}
	rev, err := c.commitPassword(name, fresh)
	if err != nil {
		return err
	}
	s.audit("password changed", "revision", rev.ID)
	c.printf("Password changed; other sessions of %s end\n", name)
	return nil
}

// commitPassword commits a change of the user's password on top of the running configuration.
func (c *call) commitPassword(name, password string) (*conf.Revision, error) {
	s := c.session
	for range 3 { // others may commit meanwhile
		if err := s.registry.mayCommit(s); err != nil {
			return nil, err
		}
		if s.env.Manager.Awaited() != nil {
			return nil, failed("A commit is waiting for its confirmation, which another commit would be: try again later")
		}
		candidate := s.env.Manager.Edit()
		lines := slices.Clone(userLines(candidate.File))
		i := slices.IndexFunc(lines, isLineOf(name))
		if i < 0 {
			return nil, failed("%s is no longer a user", name)
		}
		user, err := conf.ParseUser(lines[i])
		if err != nil {
			return nil, err
		}
		if user.Level != s.user.Level && !strings.HasPrefix(s.user.Source, "control") {
			return nil, failed("The level of %s has changed: log in again", name)
		}
		if lines[i], err = conf.HashPassword(name, user.Level, password, conf.Scrypt); err != nil {
			return nil, err
		}
		if user, err = conf.ParseUser(lines[i]); err != nil {
			return nil, err
		}
		conf.APIUsers.Set(candidate.File, lines)
		restore := s.registry.outlives(s, user)
		rev, err := s.env.Manager.Commit(c.ctx, candidate, s.info("password of "+name))
		if err == nil {
			return rev, nil
		}
		restore()
		if !errors.Is(err, conf.ErrStale) {
			return nil, err
		}
	}
	return nil, failed("Others are committing: try again")
}

// outlives lets a session go on when its user becomes another one, as by a new password. The function that it returns undoes that.
func (r *Sessions) outlives(s *Session, user conf.User) (restore func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := s.user.Valid
	if was == nil || !strings.HasPrefix(s.user.Source, "ssh ") { // not bound to the password
		return func() {}
	}
	s.user.Valid = user.In
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		s.user.Valid = was
	}
}

func userLines(f *conf.File) []string { return conf.APIUsers.Value(f) }

// isLineOf returns whether a line of the users list is that of a user.
func isLineOf(name string) func(string) bool {
	return func(line string) bool {
		u, err := conf.ParseUser(line)
		return err == nil && u.Name == name
	}
}

// showSecrets shows the running configuration with its secrets, to administrators. It leaves a record.
func showSecrets(c *call) error {
	if c.session.user.Level < completions.Administrator {
		return failed("Permission denied")
	}
	c.session.audit("secrets of the running configuration shown")
	file := c.session.env.Manager.Running().File
	if format, asFile := c.fileFormat(); asFile {
		return c.writeFile(file, format)
	}
	commands.Of(file).Write(c.out, commands.Reveal)
	return nil
}
