// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vrrpsh/engine/vrrp"
)

// Packet is the VRRP content of a captured frame. Missing fields are zero.
type Packet struct {
	Time           time.Time // zero if unknown
	SourceMAC      MAC       // zero without Ethernet
	DestinationMAC MAC       // likewise
	VLAN           uint16
	Source         netip.Addr
	Destination    netip.Addr
	TTL            uint8 // or hop limit
	AH             bool  // the message is in an IPsec Authentication Header

	// CARP says that it is a message of that protocol: nothing but VRID, its virtual host ID, is decoded.
	CARP bool
	// Decoded is how much of the message could be read: nothing, its fixed part, or all.
	Decoded   Depth
	Version   vrrp.Version
	Type      uint8
	VRID      uint8
	Priority  uint8
	Interval  time.Duration
	Addresses []netip.Addr
	AuthType  vrrp.AuthType // VRRPv2
	Checksum  Sum

	// Faults are all faults of the packet.
	Faults []string

	cut bool // bytes are missing at its end
}

// MAC is an Ethernet address.
type MAC [6]byte

// String returns the address as "00:00:5e:00:01:07".
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Depth is the decoded part of a message.
type Depth uint8

// The depths.
const (
	Nothing Depth = iota
	Header        // the first 8 bytes, which all messages have
	Whole
)

// Sum is the data that a checksum covers.
type Sum uint8

// The kinds of checksums.
const (
	SumUnknown Sum = iota // the message is not complete
	SumWrong
	SumMessage      // over the message: VRRPv2, RFC 9568
	SumPseudoHeader // over a pseudo-header, too: RFC 5798, IPv6
)

// String returns "unknown", "wrong", "message" or "pseudo-header".
func (s Sum) String() string {
	switch s {
	case SumUnknown:
		return "unknown"
	case SumWrong:
		return "wrong"
	case SumMessage:
		return vrrp.FormMessage.String()
	case SumPseudoHeader:
		return vrrp.FormPseudoHeader.String()
	default:
		return fmt.Sprintf("Sum(%d)", uint8(s))
	}
}

// typeName returns the name of the only type of message, or the number of another one.
func typeName(t uint8) string {
	if t == 1 {
		return "advertisement"
	}
	return fmt.Sprintf("type %d", t)
}

// String returns the packet as one line.
func (p *Packet) String() string {
	var b strings.Builder
	if p.Time.IsZero() {
		b.WriteByte('-')
	} else {
		b.WriteString(p.Time.Format("2006-01-02T15:04:05.000000Z07:00"))
	}
	if p.SourceMAC != (MAC{}) {
		fmt.Fprintf(&b, " %s", p.SourceMAC)
	}
	if p.VLAN != 0 {
		fmt.Fprintf(&b, " vlan %d", p.VLAN)
	}
	fmt.Fprintf(&b, " %s > %s", p.Source, p.Destination)
	if p.AH {
		b.WriteString(" AH")
	}
	if p.CARP {
		fmt.Fprintf(&b, " CARP ID %d", p.VRID)
	}
	if p.Decoded >= Header {
		fmt.Fprintf(&b, " %s group %d priority %d %s interval %s", p.Version, p.VRID, p.Priority, typeName(p.Type), p.Interval)
		if p.Version == vrrp.V2 {
			fmt.Fprintf(&b, " auth %s", authName(p.AuthType))
		}
	}
	if p.Decoded == Whole {
		b.WriteString(" addresses")
		for _, a := range p.Addresses {
			fmt.Fprintf(&b, " %s", a)
		}
	}
	fmt.Fprintf(&b, " checksum %s", p.Checksum)
	if len(p.Faults) > 0 {
		fmt.Fprintf(&b, " FAULTS: %s", strings.Join(p.Faults, "; "))
	}
	return b.String()
}

// authName returns the name of an authentication type, or its number if it has none.
func authName(t vrrp.AuthType) string {
	if t.Supported() || t == vrrp.AuthAH || t == vrrp.AuthCiscoMD5 {
		return t.String()
	}
	return fmt.Sprint(uint8(t))
}

// MarshalJSON returns the packet as an object with the key names of the API.
func (p *Packet) MarshalJSON() ([]byte, error) {
	type object struct {
		Time           time.Time    `json:"time,omitzero"`
		SourceMAC      string       `json:"source_mac,omitempty"`
		DestinationMAC string       `json:"destination_mac,omitempty"`
		VLAN           uint16       `json:"vlan,omitempty"`
		Source         netip.Addr   `json:"source"`
		Destination    netip.Addr   `json:"destination"`
		TTL            uint8        `json:"ttl"`
		AH             bool         `json:"ah,omitempty"`
		CARP           bool         `json:"carp,omitempty"`
		Version        uint8        `json:"version,omitempty"`
		Type           uint8        `json:"type,omitempty"`
		Group          *uint8       `json:"group,omitempty"`
		Priority       *uint8       `json:"priority,omitempty"`
		Interval       *float64     `json:"interval,omitempty"` // seconds
		Addresses      []netip.Addr `json:"addresses,omitempty"`
		AuthType       string       `json:"auth_type,omitempty"`
		Checksum       string       `json:"checksum"`
		Faults         []string     `json:"faults"`
	}
	o := object{
		Time: p.Time, VLAN: p.VLAN, Source: p.Source, Destination: p.Destination, TTL: p.TTL,
		AH: p.AH, CARP: p.CARP, Checksum: p.Checksum.String(), Faults: append([]string{}, p.Faults...),
	}
	if p.SourceMAC != (MAC{}) {
		o.SourceMAC = p.SourceMAC.String()
	}
	if p.DestinationMAC != (MAC{}) {
		o.DestinationMAC = p.DestinationMAC.String()
	}
	if p.Decoded >= Header {
		seconds := p.Interval.Seconds()
		o.Version, o.Type, o.Group, o.Priority, o.Interval = uint8(p.Version), p.Type, &p.VRID, &p.Priority, &seconds
		if p.Version == vrrp.V2 {
			o.AuthType = authName(p.AuthType)
		}
	}
	if p.CARP {
		o.Group = &p.VRID
	}
	if p.Decoded == Whole {
		o.Addresses = p.Addresses
	}
	return json.Marshal(o)
}
