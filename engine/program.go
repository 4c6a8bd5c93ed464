// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"slices"
	"time"
)

// Program is an administrator's command that the router runs without a shell, as a given user.
type Program struct {
	Command []string // an absolute path and the arguments
	Timeout time.Duration
	// User, UID and GID identify the user that the program runs as. If User is empty, it
	// runs as the router's own user.
	User     string
	UID, GID uint32
}

// Equal reports whether two programs are the same.
func (p *Program) Equal(q *Program) bool {
	return slices.Equal(p.Command, q.Command) && p.Timeout == q.Timeout &&
		p.User == q.User && p.UID == q.UID && p.GID == q.GID
}

// Hook is a program that the router runs on events, with the event on its standard input.
type Hook struct {
	Name    string
	Program Program
	// Events are the kinds of event that trigger the hook.
	Events HookEvents
}

// HookEvents is a set of kinds of event.
type HookEvents uint8

// The events that can trigger hooks. A transition is named after the state that it enters.
const (
	HookInit HookEvents = 1 << iota
	HookBackup
	HookMaster
	HookFault
	HookLink
	HookTrack
	HookConfig
)

// HookTransitions is the set of all changes of state.
const HookTransitions = HookInit | HookBackup | HookMaster

// hookNames are the names in the configuration, by bit.
var hookNames = [...]string{"init", "backup", "master", "fault", "link", "track", "config"}

// HookEventNames returns the names of all events that can trigger hooks.
func HookEventNames() []string { return slices.Clone(hookNames[:]) }

// ParseHookEvent returns the event with the given name.
func ParseHookEvent(name string) (HookEvents, bool) {
	i := slices.Index(hookNames[:], name)
	if i < 0 {
		return 0, false
	}
	return 1 << i, true
}

// Names returns the names of a set in a fixed order.
func (h HookEvents) Names() []string {
	var names []string
	for i, name := range hookNames {
		if h&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
