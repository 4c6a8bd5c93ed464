// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/printable"
)

// The commands of this file affect other users. At a terminal they ask first, and the other sessions are told.

// clearStatistics resets the counters of the selected virtual routers, or of all.
func clearStatistics(c *call) error {
	snapshot, routers, err := c.routers()
	if err != nil {
		return err
	}
	wanted := make(map[engine.Key]bool, len(routers))
	for _, r := range routers {
		wanted[r.Config.Key] = true
	}
	match := func(k engine.Key) bool { return wanted[k] }
	what := plural(len(routers), "virtual router")
	switch {
	case len(routers) == 1:
		what = routers[0].Config.Key.String()
	case len(routers) == len(snapshot.Routers):
		match = nil
	}
	if err := c.proceed("The counters of %s will be set to zero.", what); err != nil {
		return err
	}
	if err := c.session.env.Control.ClearStatistics(c.ctx, match); err != nil {
		return err
	}
	c.announce("The counters of %s were set to zero", what)
	return nil
}

// resign makes a virtual router give up Master.
func resign(c *call) error {
	k := c.key()
	snapshot, err := c.snapshot()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(snapshot.Routers, func(r *engine.RouterStatus) bool { return r.Config.Key == k && r.State == vrrp.Master }) {
		if err := c.proceed("%s will give up Master.", k); err != nil {
			return err
		}
	}
	if err := c.session.env.Control.Resign(c.ctx, k); err != nil {
		return err
	}
	c.announce("%s was told to give up Master", k)
	return nil
}

// restart asks the router to replace its process with a new one.
func restart(c *call) error {
	if c.session.env.Restart == nil {
		return failed("This router cannot be restarted")
	}
	if err := c.proceed("%s will end.", c.session.registry.ending()); err != nil {
		return err
	}
	c.progress("trying the installed release")
	what, err := c.session.env.Restart(c.ctx)
	if err != nil {
		return failed("The router was not restarted: %v", err)
	}
	c.announce("The router restarts as %s", printable.Line(what))
	c.printf("Restarting as %s: the virtual routers keep running\n", printable.Line(what))
	return nil
}

// shutdown stops the router.
func shutdown(c *call) error {
	if c.session.env.Shutdown == nil {
		return failed("This router cannot be stopped here")
	}
	snapshot, err := c.snapshot()
	if err != nil {
		return err
	}
	ending := c.session.registry.ending() + " will end"
	if masters := mastersAmong(snapshot.Routers); masters > 0 {
		ending += fmt.Sprintf(", and %s will give up Master", plural(masters, "virtual router"))
	}
	if err := c.proceed("%s.", ending); err != nil {
		return err
	}
	c.announce("The router stops")
	c.printf("The router stops\n")
	c.session.env.Shutdown()
	return nil
}

// clearSession ends another session.
func clearSession(c *call) error {
	s := c.session
	id, _ := strconv.Atoi(c.step.Value("session")) // the grammar checks it
	other := s.registry.find(id)
	switch {
	case other == nil:
		return c.step.Misplaced("session", "there is no such session")
	case other == s:
		return failed("This is your own session: \"exit\" ends it")
	}
	state := ""
	if other.changed() {
		state = ", which has uncommitted changes,"
	}
	if err := c.proceed("Session %d of %s%s will end.", id, other.user.describe(), state); err != nil {
		return err
	}
	other.cancel() // a running command ends now; nobody waits for it, since two sessions may end each other
	go other.expel(fmt.Sprintf("The session ends: %s has ended it", s.user.describe()))
	for _, third := range s.registry.others(s) {
		if third != other {
			c.tell(third, "Session %d of %s was ended", id, other.user.describe())
		}
	}
	return nil
}

// clearLock takes the exclusive lock from its holder.
func clearLock(c *call) error {
	s := c.session
	holder := s.registry.holder()
	if holder == nil {
		return failed("The configuration is not locked")
	}
	if err := c.proceed("%s will lose the lock of the configuration.", holder.user.describe()); err != nil {
		return err
	}
	s.registry.unlock(holder)
	c.announce("The configuration is no longer locked by %s", holder.user.describe())
	return nil
}

// announce notifies the other sessions of something that this user has done.
func (c *call) announce(format string, args ...any) {
	for _, other := range c.session.registry.others(c.session) {
		c.tell(other, format, args...)
	}
}

// tell notifies another session of something that this user has done.
func (c *call) tell(other *Session, format string, args ...any) {
	c.session.registry.tell(other, fmt.Sprintf("%s: by %s", fmt.Sprintf(format, args...), c.session.user.describe()))
}

// tell notifies a session, unless it has ended meanwhile.
func (r *Sessions) tell(s *Session, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, live := r.live[s]; live {
		s.notify(line)
	}
}

// ending describes the sessions that end when the router does.
func (r *Sessions) ending() string {
	rows := r.list(nil)
	changes := 0
	for _, row := range rows {
		if row.Changes {
			changes++
		}
	}
	return fmt.Sprintf("%s, %d with uncommitted changes,", plural(len(rows), "session"), changes)
}

// find returns the session with a number, or nil.
func (r *Sessions) find(id int) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.live {
		if s.id == id {
			return s
		}
	}
	return nil
}

// holder returns the session that has the exclusive lock, or nil.
func (r *Sessions) holder() *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.locked
}

// others returns all sessions but one, in the order of their numbers.
func (r *Sessions) others(self *Session) []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.DeleteFunc(slices.Collect(maps.Keys(r.live)), func(s *Session) bool { return s == self })
	slices.SortFunc(list, func(a, b *Session) int { return cmp.Compare(a.id, b.id) })
	return list
}

// loadStartup makes the configuration file the running configuration.
func loadStartup(c *call) error {
	s := c.session
	if s.env.Reload == nil {
		return failed("This router has no configuration file")
	}
	before := s.env.Manager.Running().ID
	c.progress("reading the configuration file")
	rev, err := s.env.Reload(c.ctx, s.info("reload of the file"))
	if err != nil {
		return err
	}
	if rev.ID == before {
		c.printf("The file has no changes\n")
		return nil
	}
	c.printf("Commit %d complete\n", rev.ID)
	c.warn(rev)
	return nil
}
