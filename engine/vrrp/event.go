// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"fmt"
	"time"
)

// EventKind is the kind of an Event.
type EventKind uint8

// The events of a virtual router.
const (
	EventUp        EventKind = iota // the interface can send; also: Local changed
	EventDown                       // Shutdown (RFC 9568 section 6.4): Cause says why
	EventAdvert                     // an advert that passed Check
	EventTimer                      // the Deadline has passed
	EventInstalled                  // the kernel has the addresses (answer to ActionInstall)
	EventRefused                    // the kernel refused the addresses or their prerequisites, or does not keep the addresses
	EventResign                     // give up Master once, for Cause
	EventConfigure                  // new configuration, applied in place
	EventTakeOver                   // become Master, with the others of the sync group
	EventRetry                      // the kernel may accept the refused addresses now
	// EventUnsent and EventSent answer an ActionSend: the advert could not be sent, or was sent after others
	// failed. An advert without an answer was sent.
	EventUnsent
	EventSent
	EventClaimed // another host claims a virtual address, by ARP or Neighbor Discovery
)

// String returns the event's name in lower case.
func (k EventKind) String() string {
	switch k {
	case EventUp:
		return "up"
	case EventDown:
		return "down"
	case EventAdvert:
		return "advert"
	case EventTimer:
		return "timer"
	case EventInstalled:
		return "installed"
	case EventRefused:
		return "refused"
	case EventResign:
		return "resign"
	case EventConfigure:
		return "configure"
	case EventTakeOver:
		return "take over"
	case EventRetry:
		return "retry"
	case EventUnsent:
		return "unsent"
	case EventSent:
		return "sent"
	case EventClaimed:
		return "claimed"
	default:
		return fmt.Sprintf("EventKind(%d)", uint8(k))
	}
}

// Event is one input of the state machine.
type Event struct {
	Kind   EventKind
	Local  Local          // EventUp
	Cause  Cause          // EventDown; EventRefused and EventResign, where CauseNone means CauseInstallFailed and CauseResign
	Wait   time.Duration  // EventResign: least time until the router may become Master again
	Advert *Advertisement // EventAdvert; the Router does not keep it
	Config *Config        // EventConfigure; the Router keeps it: must not change afterwards
	// Early is how long before its due time an advert may be sent (EventTimer). The next interval
	// begins at that time.
	Early time.Duration
}

// ActionKind is the kind of an Action.
type ActionKind uint8

// The effects of a step, in the order in which they must happen.
const (
	ActionSend       ActionKind = iota // send an advert with Priority
	ActionInstall                      // the addresses must be on the interface
	ActionWithdraw                     // the addresses must not be on the interface
	ActionAnnounce                     // gratuitous ARP / Neighbor Advertisement for every address
	ActionTransition                   // From → To because of Cause
)

// String returns the action's name in lower case.
func (k ActionKind) String() string {
	switch k {
	case ActionSend:
		return "send"
	case ActionInstall:
		return "install"
	case ActionWithdraw:
		return "withdraw"
	case ActionAnnounce:
		return "announce"
	case ActionTransition:
		return "transition"
	default:
		return fmt.Sprintf("ActionKind(%d)", uint8(k))
	}
}

// Action is one effect of a step.
type Action struct {
	Kind     ActionKind
	Priority uint8 // ActionSend
	From, To State // ActionTransition
	Cause    Cause // ActionTransition
}
