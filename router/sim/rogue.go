// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// lie is what is wrong with the adverts of a rogue.
type lie string

const (
	lieNone      lie = "none"     // another router of the segment could send them
	lieStranger  lie = "stranger" // to unicast peers, but not from one
	lieTTL       lie = "ttl"
	lieVersion   lie = "version"
	lieType      lie = "type"
	lieAuthType  lie = "auth-type"
	lieSecret    lie = "secret" // which begins like the right one
	lieMoved     lie = "moved"  // other addresses than were authenticated
	lieInterval  lie = "interval"
	lieZero      lie = "zero"     // an interval of 0
	lieReserved  lie = "reserved" // bits are set, which nobody must read
	lieAddresses lie = "addresses"
	lieNobody    lie = "nobody" // no addresses
	lieOwn       lie = "own"    // from the receiver's own address
)

var lies = []lie{
	lieNone, lieNone, lieNone, lieNone, lieStranger, lieTTL, lieVersion, lieType, lieAuthType, lieSecret, lieMoved, lieInterval, lieZero, lieReserved,
	lieAddresses, lieNobody, lieOwn,
}

// rogueMAC is the Ethernet address of rogues.
var rogueMAC = [6]byte{2, 9, 9, 9, 9, 9}

// drawRogues draws adverts that no router of the scenario sends: more than one at once at times, to see what a flood does.
func (d *drawer) drawRogues() {
	end := time.Duration(d.scenario.Chaos)
	for range 1 + d.IntN(12) {
		on := d.IntN(len(d.settings))
		m := d.anyMember(on)
		if m == nil {
			return
		}
		family := vrrp.IPv4
		if m.v6 {
			family = vrrp.IPv6
		}
		key := engine.Key{Interface: lanName(m.lan), Family: family, VRID: uint8(m.vrid)}
		d.at = time.Duration(d.Int64N(int64(end)))
		for range pick(d, 1, 1, 1, 3, 8) {
			lie := pick(d, lies...)
			if m.auth != "" && d.chance(0.5) {
				lie = pick(d, lieSecret, lieMoved, lieAuthType)
			}
			d.add(Step{Do: OpRogue, On: on, Name: string(lie), Text: key.String(), N: pick[int64](d, 0, 1, 1, 100, 150, 254, 255)})
			d.at += d.upTo(0, 2*time.Second)
		}
		if d.chance(0.3) {
			d.add(Step{Do: OpRogue, On: on, Name: string(lieNone), Text: key.String(), N: 1, For: Duration(20 * time.Millisecond)})
		}
	}
}

// rogue sends an advert to a virtual router of a machine, or with For so many that they take that long.
func (w *world) rogue(m *machine, s *Step) {
	if m.life == nil {
		return
	}
	i := slices.IndexFunc(m.life.watch.cfg.Routers, func(r engine.VirtualRouter) bool { return r.Key.String() == s.Text })
	if i < 0 {
		return
	}
	r := &m.life.watch.cfg.Routers[i]
	const pause = 500 * time.Microsecond
	for n := range 1 + time.Duration(s.For)/pause {
		b := w.rogueFrame(m, r, lie(s.Name), uint8(s.N))
		w.in(n*pause, func() { w.hosts[lanOf(r.Interface)].Send(b) })
	}
}

// rogueFrame makes an advert.
func (w *world) rogueFrame(m *machine, r *engine.VirtualRouter, l lie, priority uint8) []byte {
	lan, cfg := lanOf(r.Interface), r.Protocol
	from, to := w.rogueAddresses(m, r, l)
	cfg.Addresses = slices.Clone(cfg.Addresses)
	form := vrrp.FormPseudoHeader
	if cfg.Version == vrrp.V2 || cfg.Family == vrrp.IPv4 && w.chance(0.5) {
		form = vrrp.FormMessage
	}
	switch l {
	case lieVersion:
		cfg.Version = 5 - cfg.Version
	case lieAuthType:
		if cfg.AuthType != vrrp.AuthNone {
			cfg.AuthType = vrrp.AuthNone
		} else {
			cfg.AuthType, cfg.Secret = vrrp.AuthSimple, "tone"
		}
	case lieSecret:
		cfg.Secret += "x"
	case lieInterval:
		cfg.Interval *= 2
	case lieZero:
		cfg.Interval = 0
	case lieAddresses:
		cfg.Addresses[0] = cfg.Addresses[0].Next()
	case lieNobody:
		cfg.Addresses = nil
	default:
	}
	b := vrrp.AppendMessage(nil, &cfg, priority, form, from, to)
	switch l {
	case lieType:
		b[0]++
	case lieMoved:
		b[11] ^= 1
	case lieReserved:
		if cfg.Version == vrrp.V3 {
			b[4] |= 0xf0
		}
	default:
	}
	resum(b, cfg.Version == vrrp.V3 && form == vrrp.FormPseudoHeader, from, to)
	mac := frame.GroupMACIPv4
	switch {
	case to == addressOf(lan, m.index):
		mac = m.macs[r.Interface]
	case to.Is6():
		mac = frame.GroupMACIPv6
	}
	f, err := frame.AppendAdvertTo(nil, &platform.Frame{MAC: rogueMAC, Source: from, Payload: b}, to, mac)
	if err != nil {
		wrong("%v", err)
	}
	if l == lieTTL {
		hop(f, to.Is6())
	}
	return f
}

// rogueAddresses are the source and the destination of an advert.
func (w *world) rogueAddresses(m *machine, r *engine.VirtualRouter, l lie) (from, to netip.Addr) {
	lan := lanOf(r.Interface)
	if r.Family == vrrp.IPv6 {
		from, to = netip.MustParseAddr(fmt.Sprintf("fe80::%x:99", lan+1)), frame.GroupIPv6
		if l == lieOwn {
			from = linkLocalOf(lan, m.index)
		}
		return from, to
	}
	from, to = netip.AddrFrom4([4]byte{10, byte(lan), 0, byte(220 + w.rand.IntN(8))}), frame.GroupIPv4
	if u := &r.Protocol.Unicast; u.Enabled() {
		if to = addressOf(lan, m.index); l != lieStranger {
			from = u.Peers[w.rand.IntN(len(u.Peers))]
		}
	}
	if l == lieOwn {
		from = addressOf(lan, m.index)
	}
	return from, to
}

// resum makes the checksum of a message right again.
func resum(b []byte, pseudo bool, from, to netip.Addr) {
	b[6], b[7] = 0, 0
	n := sum(0, b)
	if pseudo {
		n = sum(sum(n+112+uint32(len(b)), from.AsSlice()), to.AsSlice())
	}
	binary.BigEndian.PutUint16(b[6:], ^fold(n))
}

// hop has a frame come through another router.
func hop(f []byte, v6 bool) {
	if v6 {
		f[14+7]--
		return
	}
	f[14+8]--
	f[14+10], f[14+11] = 0, 0
	binary.BigEndian.PutUint16(f[14+10:], ^fold(sum(0, f[14:34])))
}

// sum adds words to an Internet checksum (RFC 1071), and fold completes it.
func sum(n uint32, b []byte) uint32 {
	for i := range b {
		n += uint32(b[i]) << (8 * (1 - i%2))
	}
	return n
}

func fold(n uint32) uint16 {
	for n > 0xffff {
		n = n>>16 + n&0xffff
	}
	return uint16(n)
}
