// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/platform/printable"
)

// write tells where the running configuration is saved. On other routers this is the command that saves it.
func write(c *call) error {
	env := c.session.env
	switch {
	case c.session.changed():
		return failed("Uncommitted changes: \"commit\" applies and saves them")
	case env.Path == "":
		return failed("This router has no configuration file")
	}
	path := printable.Line(env.Path)
	file, _, err := conf.ReadFile(env.Path, env.Format)
	if err != nil {
		return failed("%v", err)
	}
	if running := env.Manager.Running(); !file.Equal(running.File) {
		return failed("%s was changed after commit %d: \"load replace\" reads it, \"commit overwrite\" replaces it", path, running.ID)
	}
	c.say(0, "The running configuration is saved in %s: every commit writes this file", path)
	if a := env.Manager.Awaited(); a != nil {
		c.say(0, "%s", c.session.awaits(a))
	}
	return nil
}

// showInterfaceConfig shows the running configuration of one interface.
func showInterfaceConfig(c *call) error {
	d := commands.Of(c.session.env.Manager.Running().File)
	name := c.step.Value("interface")
	for _, configured := range d.Interfaces() {
		if configured == name {
			d.WritePlace(c.out, commands.Place{Mode: completions.ConfigIf, Iface: name}, commands.Hide)
			return nil
		}
	}
	return c.step.Misplaced("interface", "no virtual router is configured on this interface")
}
