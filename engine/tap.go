// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"time"

	"vrrpsh/engine/vrrp"
)

// TappedPacket is a VRRP packet as shown for debugging.
type TappedPacket struct {
	Time      time.Time
	Interface string // as configured
	Family    vrrp.Family
	Packet    vrrp.Packet // a copy that belongs to the reader
	Sent      bool
	// Drop says why a received packet was discarded.
	Drop vrrp.DropReason
}

// Tap shows packets for debugging. It costs nothing while nobody uses it.
type Tap interface {
	// Tap delivers the received and sent packets that match accepts, from now on until the caller
	// calls stop. A reader that falls behind loses packets; missed returns how many since its
	// previous call. The engine's loop calls match, which must be quick. A vrid of 0 means that the
	// packet is too short to have one.
	Tap(match func(iface string, family vrrp.Family, vrid uint8) bool) (packets <-chan TappedPacket, missed func() uint64, stop func())
}
