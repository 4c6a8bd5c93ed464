// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"math/rand/v2"
	"net/netip"

	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// advertFrame is an advert of a stranger on a LAN, with the highest priority.
func advertFrame(lan int, vrid uint8, r *rand.Rand) []byte {
	source := netip.AddrFrom4([4]byte{10, byte(lan), 0, byte(220 + r.IntN(8))})
	router := vrrp.New(vrrp.Config{
		Version: vrrp.V3, Family: vrrp.IPv4, VRID: vrid, Interval: vrrp.IntervalDefault, Checksum: vrrp.ChecksumRFC9568,
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(lan), 0, 99})},
	})
	b, err := frame.AppendAdvert(nil, &platform.Frame{MAC: [6]byte{2, 9, 9, 9, 9, 9}, Source: source, Payload: router.Message(254)})
	if err != nil {
		wrong("%v", err)
	}
	return b
}
