// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"time"

	"vrrpsh/engine/vrrp"
)

// TappedPacket is a VRRP packet as somebody who debugs sees it.
type TappedPacket struct {
	Time      time.Time
	Interface string // as configured
	Family    vrrp.Family
	Packet    vrrp.Packet // the reader's own
	Sent      bool
	// Drop says why a received packet was discarded.
	Drop vrrp.DropReason
}

// Tap shows packets to those who debug. While nobody does it costs nothing.
type Tap interface {
	// Tap delivers the packets that are received and sent from now on and that match accepts, until
	// stop is called. A reader that falls behind loses packets: missed counts them since the
	// call before. match is called by the engine's loop: it must be quick. A vrid of 0 is a
	// packet too short to have one.
	Tap(match func(iface string, family vrrp.Family, vrid uint8) bool) (packets <-chan TappedPacket, missed func() uint64, stop func())
}
