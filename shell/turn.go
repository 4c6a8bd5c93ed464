// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"strings"
	"time"

	"vrrpsh/completions"
	"vrrpsh/platform/process"
)

const (
	// userCommands is how many commands that show something one user may run at a time, across all sessions of the
	// user. Each command holds its answer in memory until the client has read it.
	userCommands = 4
	// turnWait is how long another command of the user waits for its turn.
	turnWait = 10 * time.Second
)

// takeTurn waits until the command may run and returns a function that ends its turn. Commands that change something
// need no turn: they belong to administrators and wait for other things than a processor. So do those that wait for the user or the network.
func (c *call) takeTurn() (end func(), err error) {
	command, user := c.step.Command, &c.session.user
	if command.Level >= completions.Administrator || strings.HasPrefix(command.ID, "monitor.") || strings.HasPrefix(command.ID, "reach.") || command.ID == "password" {
		return func() {}, nil
	}
	leave := func() {}
	if user.Source != Console { // the console has one user with one terminal
		if leave, err = c.session.registry.commands.Enter(c.ctx, user.Name); err != nil {
			if errors.Is(err, process.ErrQuota) {
				err = failed("Too many commands of %s at once: %d are already running", user.Name, userCommands)
			}
			return nil, err
		}
	}
	if c.share, err = process.TakeShare(c.ctx); err != nil {
		leave()
		return nil, err
	}
	return func() { c.share.Release(); leave() }, nil
}

// think calls f, which completes or explains a line, with a processor share.
func (s *Session) think(f func()) {
	share, err := process.TakeShare(s.ctx)
	if err != nil {
		return // the session has ended
	}
	defer share.Release()
	f()
}
