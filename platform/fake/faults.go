// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"time"

	"vrrpsh/platform"
)

// Faults are errors and delays of a Router's kernel. Functions are called with the
// network locked and must not call into this package.
type Faults struct {
	// ApplyTime is how long each call of Apply takes.
	ApplyTime time.Duration
	// Apply, Open and Send refuse attachments, sockets and frames with the returned error.
	Apply func(platform.Attachment) error
	Open  func(link string, family platform.Family) error
	Send  func(link string, f platform.Frame) error
	// Call is called before each call of the kernel, of which Apply makes several. If it returns an error, the call fails:
	// without effect, or, if done is set, with its effect.
	Call func(c Call, what string) (done bool, err error)
	// Queue is how many packets wait for a Conn before more are lost; 0: DefaultQueue.
	Queue int
	// NoClaims makes WatchClaims hear nothing.
	NoClaims bool
}

// DefaultQueue is how many packets wait for a Conn before more are lost.
const DefaultQueue = 4096

// Call is a kind of system call.
type Call string

// The calls, and what they concern.
const (
	CallLinks    Call = "links"    // list the interfaces
	CallOpen     Call = "open"     // sockets, of an interface
	CallFilter   Call = "filter"   // set it, on a socket
	CallReceive  Call = "receive"  // on a socket
	CallSend     Call = "send"     // an advert, on an interface
	CallAnnounce Call = "announce" // an address, on an interface
	CallCreate   Call = "create"   // a macvlan
	CallFind     Call = "find"     // the macvlan just created
	CallMark     Call = "mark"     // a macvlan as ours
	CallUp       Call = "up"       // a macvlan
	CallDown     Call = "down"     // a macvlan
	CallDelete   Call = "delete"   // a macvlan
	CallAdd      Call = "add"      // an address
	CallRemove   Call = "remove"   // an address
	CallMAC      Call = "mac"      // of an interface
	CallFollow   Call = "follow"   // the MTU of a macvlan
	CallRoute    Call = "route"    // add a route
	CallUnroute  Call = "unroute"  // remove a route
)

// Calls lists all calls.
var Calls = []Call{
	CallLinks, CallOpen, CallFilter, CallReceive, CallSend, CallAnnounce, CallCreate, CallFind, CallMark, CallUp, CallDown,
	CallDelete, CallAdd, CallRemove, CallMAC, CallFollow, CallRoute, CallUnroute,
}

// SetFaults replaces the faults of the kernel.
func (r *Router) SetFaults(f Faults) {
	defer r.lock()()
	r.faults = f
}

// try makes a system call; do is its effect.
func (r *Router) try(c Call, what string, do func()) error {
	var done bool
	var err error
	if r.faults.Call != nil {
		done, err = r.faults.Call(c, what)
	}
	if err == nil || done {
		do()
	}
	return err
}
