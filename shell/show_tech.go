// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"

	"vrrpsh/completions"
)

// techCommands are the commands of "show tech-support". None shows a secret.
var techCommands = []string{
	"show version", "show clock", "show resources", "show running-config", "show startup-config", "show commit", "show history commits",
	"show sessions", "show api", "show interfaces", "show interfaces counters", "show neighbors", "show ip route", "show track", "show vrrp brief",
	"show vrrp detail", "show vrrp explain", "show vrrp statistics", "show vrrp history", "show logging",
}

// showTech shows what helps to find a fault.
func showTech(c *call) error {
	for _, line := range techCommands {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.printf("---------- %s ----------\n", line)
		inv, wrong := c.session.tree.Parse(completions.Exec, c.session.user.Level, line)
		if wrong != nil {
			return wrong
		}
		inv.Pipes = c.inv.Pipes // they read this output, too
		part := *c
		part.inv, part.step = inv, inv.Last()
		if err := handlers[part.step.Command.ID].run(&part); err != nil {
			c.printf("%% %s\n", strings.ReplaceAll(describe(err), "\n", "\n  "))
		}
		c.printf("\n")
	}
	return nil
}
