// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"
	"sync"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// special are the settings with hand-written code. They replace the plain settings of their keys.
var special = []setting{
	virtualAddresses, preempt, preemptDelay, advertise, authentication, authSecret, unicastPeers, routerTrack,
	logHosts, banner, alias, staticRoute, apiEnable, apiSecret, apiUser, apiPlain, apiCommitOnEnd, notifyEvents,
}

// settingsOf returns the settings of a table and of the single tables below it, in display order.
func settingsOf(s *conf.Schema) []setting {
	var list []setting
	add := func(set setting) {
		if !slices.ContainsFunc(list, func(have setting) bool { return have.id == set.id }) {
			list = append(list, set)
		}
	}
	for _, k := range s.ByRank() {
		if below, single := k.Type.(conf.SubTable); single && s == conf.Root {
			if k == conf.API.Key {
				add(apiEnable)
			}
			for _, set := range settingsOf(below.Of) {
				add(set)
			}
			continue
		}
		found := false
		for _, set := range special {
			if slices.Contains(set.keys, k) {
				add(set)
				found = true
			}
		}
		if found || k.Effect == conf.Identifies || isMade(k) {
			continue
		}
		switch k.Type.(type) {
		case conf.SubTable, conf.SubTables, conf.Strings: // a list of objects has a mode of its own
		default:
			add(plain(k))
		}
	}
	return list
}

// isMade reports whether the command that creates an object sets a key.
func isMade(k *conf.Key) bool {
	for _, o := range []*object{&trackObjects, &notifyObjects} {
		for i := range o.makers {
			if slices.Contains(o.makers[i].keys, k) {
				return true
			}
		}
	}
	return false
}

// catalog holds every setting.
type catalog struct {
	top    []setting // of configure mode
	router []setting // of a virtual router
	// objects are the lists of named tables, with their settings.
	objects []*object
	byID    map[string]*setting // by the ID of their command
}

// settings returns the catalog, which is built from the keys declared during package initialization.
var settings = sync.OnceValue(func() *catalog {
	c := &catalog{
		top: settingsOf(conf.Root), router: settingsOf(conf.RouterTable), objects: []*object{&trackObjects, &notifyObjects},
		byID: make(map[string]*setting),
	}
	add := func(mode completions.Mode, list []setting) {
		for i := range list {
			c.byID[settingID(mode, list[i].id)] = &list[i]
		}
	}
	add(completions.Config, c.top)
	add(completions.ConfigRouter, c.router)
	for _, o := range c.objects {
		o.settings = settingsOf(o.name.Schema())
		add(completions.Config, o.makers)
		add(o.mode, o.settings)
	}
	return c
})

var vrrpSyntax = "vrrp <group:" + conf.Group.Type.Param() + "> [ipv6]"

// subModes are the commands that enter the modes below configure mode.
var subModes = []completions.Command{
	{
		ID: "interface", Modes: []completions.Mode{completions.Config}, Syntax: "interface <interface:interface>",
		Help: "Configure the virtual routers of an interface", No: "interface <interface:interface>",
		Level: completions.Administrator, Enter: completions.ConfigIf, Setting: true,
	},
	{
		ID: "vrrp", Modes: []completions.Mode{completions.ConfigIf}, Syntax: vrrpSyntax,
		Help: "Configure a virtual router", No: vrrpSyntax,
		Words: map[string]string{
			"vrrp": "Configure a virtual router", "group": "Group number (VRID)", "ipv6": "The IPv6 virtual router of the group",
		},
		Level: completions.Administrator, Enter: completions.ConfigRouter, Setting: true,
	},
}

// Settings returns the commands that edit a configuration.
func Settings() []completions.Command {
	all := slices.Clone(subModes)
	for _, s := range settings().top {
		all = append(all, s.command(completions.Config))
	}
	for _, o := range settings().objects {
		all = append(all, o.commands()...)
	}
	for _, s := range settings().router {
		all = append(all, s.command(completions.ConfigRouter))
	}
	return all
}

// Masked returns the line of an invocation with its secrets masked.
func Masked(inv *completions.Invocation) string {
	line := inv.Line
	for i := range inv.Steps {
		step := &inv.Steps[i]
		if a, ok := step.Arg(step.Command.Secret); ok && a.Offset < len(line) {
			line = line[:a.Offset] + conf.Mask
		}
	}
	return line
}

// Asks returns the name of a required argument that was not given, so that the shell must ask for it; "" if there is
// none.
func Asks(step *completions.Step) string {
	s := settings().byID[step.Command.ID]
	if s == nil || s.asks == nil || !s.asks(step) {
		return ""
	}
	return s.secret
}
