// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"slices"
	"time"
)

// Program is a command of the administrator's that the router runs: without a shell, as a user.
type Program struct {
	Command []string // an absolute path and the arguments
	Timeout time.Duration
	// User is the name of the user it runs as, with the numbers UID and GID. Without a name it
	// runs as the router does.
	User     string
	UID, GID uint32
}

// Equal tells whether two programs are the same.
func (p *Program) Equal(q *Program) bool {
	return slices.Equal(p.Command, q.Command) && p.Timeout == q.Timeout &&
		p.User == q.User && p.UID == q.UID && p.GID == q.GID
}

// Hook is a program that is run for events, with the event on its standard input.
type Hook struct {
	Name    string
	Program Program
	// Events are the kinds of event that it is run for.
	Events HookEvents
}

// HookEvents is a set of kinds of event.
type HookEvents uint8

// The events that hooks can be run for: transitions by the state that is entered, and the others.
const (
	HookInit HookEvents = 1 << iota
	HookBackup
	HookMaster
	HookFault
	HookLink
	HookTrack
	HookConfig
)

// HookTransitions are all changes of state.
const HookTransitions = HookInit | HookBackup | HookMaster

// hookNames are the names in the configuration, by bit.
var hookNames = [...]string{"init", "backup", "master", "fault", "link", "track", "config"}

// HookEventNames returns the names of all events that hooks can be run for.
func HookEventNames() []string { return slices.Clone(hookNames[:]) }

// ParseHookEvent returns the event of a name.
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
