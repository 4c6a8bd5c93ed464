// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"slices"

	"vrrpsh/conf"
)

// listening describes, for the log, on which addresses a router answers users, and how to turn on what does not listen.
func listening(c *conf.Config, missing []conf.Missing) (api, ssh string) {
	failed := func(part string) bool {
		return slices.ContainsFunc(missing, func(m conf.Missing) bool { return m.Part == part })
	}
	switch {
	case !c.API.Enabled:
		api = `off ("api host" sets its address)`
	case failed("api"):
		api = "cannot listen on " + c.API.Host
	case c.API.TLS:
		api = "https://" + c.API.Host
	default:
		api = "http://" + c.API.Host
	}
	switch {
	case c.SSH.Listen == "":
		ssh = `off ("ssh listen" sets its address)`
	case failed("ssh"):
		ssh = "cannot listen on " + c.SSH.Listen
	default:
		ssh = c.SSH.Listen
	}
	return api, ssh
}
