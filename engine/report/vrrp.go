// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Group is one virtual router in a list. The first six fields come from the API of the earlier
// daemon and keep their names, types and meanings.
type Group struct {
	VirtualIP string `json:"virtual_ip"`
	VRID      uint8  `json:"group"`
	// Interface is the interface that carries the address now: the macvlan while Master in a
	// macvlan group.
	Interface string `json:"interface"`
	Priority  uint8  `json:"priority"` // configured
	Preempt   bool   `json:"preempt"`
	State     string `json:"state"` // "Init", "Backup" or "Master"

	Parent            string   `json:"parent"` // the configured interface
	Family            string   `json:"family"` // "ipv4" or "ipv6"
	Version           uint8    `json:"version"`
	VirtualIPs        []string `json:"virtual_ips"` // with prefix length
	EffectivePriority uint8    `json:"effective_priority"`
	Master            string   `json:"master,omitempty"` // address of the current Master
}

// Detail is the full report of one virtual router. Intervals are in seconds.
type Detail struct {
	Group
	VIF                string  `json:"vif"` // name of the macvlan, "" without one
	AuthType           string  `json:"auth_type"`
	InterfaceHWAddress string  `json:"interface_hwaddress"`
	AdvertInterval     float64 `json:"advert_interval"`
	MasterDownInterval float64 `json:"masterdown_interval"`
	SkewTime           float64 `json:"skew_time"`

	Description         string     `json:"description,omitempty"`
	Shutdown            bool       `json:"shutdown"`
	InterfaceType       string     `json:"interface_type"`
	VirtualMAC          string     `json:"virtual_mac"`
	AdvertMAC           string     `json:"advert_mac"` // source of the adverts: "virtual" or "interface"
	PrimaryAddress      string     `json:"primary_address,omitempty"`
	Owner               bool       `json:"owner"`
	AcceptMode          bool       `json:"accept_mode"`
	AcceptPing          bool       `json:"accept_ping"` // also in accept mode
	Rivals              []Rival    `json:"rivals,omitempty"`
	DerivedAddress      string     `json:"derived_address,omitempty"` // link-local, derived because none was configured
	PreemptDelay        float64    `json:"preempt_delay"`
	Checksum            string     `json:"checksum,omitempty"`      // configured mode, VRRPv3 over IPv4
	PeerChecksum        string     `json:"peer_checksum,omitempty"` // the form used by the peer
	MasterPriority      uint8      `json:"master_priority,omitempty"`
	MasterAdverInterval float64    `json:"master_adver_interval"`
	Since               time.Time  `json:"since"`
	Cause               string     `json:"cause"`
	LastHeard           *time.Time `json:"last_heard,omitempty"`
	MasterDownIn        *float64   `json:"masterdown_in,omitempty"`  // seconds until Master_Down_Timer fires
	NextAdvertIn        *float64   `json:"next_advert_in,omitempty"` // seconds until the next advert
	PreemptIn           *float64   `json:"preempt_in,omitempty"`     // seconds until a preempt delay ends
	Installed           bool       `json:"installed"`
	Fault               string     `json:"fault,omitempty"`
	Refused             bool       `json:"refused,omitempty"`    // preempts no router because of the fault
	SendFault           string     `json:"send_fault,omitempty"` // why adverts cannot be sent
	Tracked             []Tracked  `json:"tracked,omitempty"`
	SyncGroup           *SyncGroup `json:"sync_group,omitempty"`
	Statistics          Statistics `json:"statistics"`
	Unicast             *Unicast   `json:"unicast,omitempty"` // replaces the multicast group
	// Transitions are the last changes of state, oldest first.
	Transitions []Transition `json:"transitions"`
}

// Rival is another router that claims a role or address that only one router can have.
type Rival struct {
	Address   string    `json:"address"`       // "arp": the virtual address
	Kind      string    `json:"kind"`          // "master", "owner", "address" or "arp"
	MAC       string    `json:"mac,omitempty"` // "arp": the host's Ethernet address
	Priority  uint8     `json:"priority"`
	Since     time.Time `json:"since"`
	LastHeard time.Time `json:"last_heard"`
	Adverts   uint64    `json:"adverts"`
}

// Statistics are the counters of one virtual router.
type Statistics struct {
	Since                time.Time         `json:"since"` // when all counters were 0
	AdvertsSent          uint64            `json:"adverts_sent"`
	AdvertsReceived      uint64            `json:"adverts_received"`
	PriorityZeroSent     uint64            `json:"priority_zero_sent"`
	PriorityZeroReceived uint64            `json:"priority_zero_received"`
	BecameMaster         uint64            `json:"became_master"`
	SendErrors           uint64            `json:"send_errors"`
	TransitionsUntold    uint64            `json:"transitions_untold"` // too many to log and notify
	AddressClaims        uint64            `json:"address_claims"`     // of virtual addresses of this Master, by other hosts
	Transitions          map[string]uint64 `json:"transitions"`        // by cause, without zeros
	Dropped              map[string]uint64 `json:"dropped"`            // by reason, without zeros
	Tolerated            map[string]uint64 `json:"tolerated"`          // accepted mismatches
}

// Unicast holds the peers that replace the multicast group.
type Unicast struct {
	Source string        `json:"source,omitempty"` // configured
	TTLMin uint8         `json:"ttl_min"`
	Peers  []UnicastPeer `json:"peers"`
}

// UnicastPeer is one unicast peer. LastHeard is missing until the peer is heard.
type UnicastPeer struct {
	Address   string     `json:"address"`
	LastHeard *time.Time `json:"last_heard,omitempty"`
	Priority  uint8      `json:"priority"` // of its last advert
	Adverts   uint64     `json:"adverts"`  // accepted
}

// Transition is one change of state.
type Transition struct {
	Time     time.Time `json:"time"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Cause    string    `json:"cause"`
	Peer     string    `json:"peer,omitempty"`
	Priority uint8     `json:"peer_priority,omitempty"`
}

// Groups lists the virtual routers accepted by match, in configuration order; nil accepts all. The
// list is never nil.
func Groups(s *engine.Snapshot, match func(*engine.RouterStatus) bool) []Group {
	list := make([]Group, 0, len(s.Routers))
	for _, r := range s.Routers {
		if match == nil || match(r) {
			list = append(list, group(r))
		}
	}
	return list
}

// Details is like Groups, with the full report of each virtual router.
func Details(s *engine.Snapshot, match func(*engine.RouterStatus) bool) []Detail {
	list := make([]Detail, 0)
	for _, r := range s.Routers {
		if match == nil || match(r) {
			list = append(list, detail(r, s.Time))
		}
	}
	return list
}

// Match accepts the virtual routers of a VRID (0: any) and interface ("": any),
// which may be the configured one or the macvlan.
func Match(vrid uint8, iface string) func(*engine.RouterStatus) bool {
	return func(r *engine.RouterStatus) bool {
		c := r.Config
		return (vrid == 0 || c.VRID == vrid) &&
			(iface == "" || c.Interface == iface || c.VIFName == iface)
	}
}

func group(r *engine.RouterStatus) Group {
	c := r.Config
	g := Group{
		VRID:              c.VRID,
		Interface:         r.Carrier,
		Priority:          c.Protocol.Priority,
		Preempt:           c.Protocol.Preempt,
		State:             r.State.String(),
		Parent:            c.Interface,
		Family:            Family(c.Family),
		Version:           uint8(c.Protocol.Version),
		VirtualIPs:        make([]string, 0, len(r.Addresses)),
		EffectivePriority: r.Priority,
		Master:            address(r.MasterAddr),
	}
	for i, p := range r.Addresses {
		if i == 0 {
			g.VirtualIP = p.Addr().String()
		}
		g.VirtualIPs = append(g.VirtualIPs, p.String())
	}
	return g
}

func detail(r *engine.RouterStatus, now time.Time) Detail {
	c := r.Config
	d := Detail{
		Group:               group(r),
		VIF:                 c.VIFName,
		AuthType:            c.Protocol.AuthType.String(),
		InterfaceHWAddress:  mac(r.LinkMAC),
		AdvertInterval:      c.Protocol.Interval.Seconds(),
		MasterDownInterval:  r.MasterDownInterval.Seconds(),
		SkewTime:            r.SkewTime.Seconds(),
		Description:         c.Description,
		Shutdown:            c.Shutdown,
		InterfaceType:       c.Type.String(),
		VirtualMAC:          mac(r.VirtualMAC),
		AdvertMAC:           c.AdvertMAC.String(),
		PrimaryAddress:      address(r.Local.Primary),
		Owner:               r.Local.Owner,
		PreemptDelay:        c.Protocol.PreemptDelay.Seconds(),
		MasterPriority:      r.MasterPriority,
		MasterAdverInterval: r.MasterAdverInterval.Seconds(),
		Since:               r.Since,
		Cause:               r.Cause.String(),
		MasterDownIn:        until(now, r.MasterDownAt),
		NextAdvertIn:        until(now, r.NextAdvertAt),
		PreemptIn:           until(now, r.PreemptAt),
		Installed:           r.Installed,
		AcceptMode:          !c.Closed,
		AcceptPing:          !c.Closed || c.AcceptPing,
		Rivals:              rivals(r),
		Fault:               r.Fault,
		Refused:             r.Refused,
		SendFault:           r.SendFault,
		Statistics:          statistics(&r.Counters),
		Tracked:             tracked(r),
		SyncGroup:           syncGroup(r),
		Unicast:             unicast(r),
		Transitions:         make([]Transition, 0, len(r.History)),
	}
	if i := slices.IndexFunc(c.Addresses, func(a engine.Address) bool { return a.Derived }); i >= 0 {
		d.DerivedAddress = c.Addresses[i].Addr.String()
	}
	d.LastHeard = known(r.LastHeard)
	if c.Family == vrrp.IPv4 && c.Protocol.Version == vrrp.V3 {
		d.Checksum = c.Protocol.Checksum.String()
		if r.PeerFormKnown {
			d.PeerChecksum = checksumForm(r.PeerForm)
		}
	}
	for _, t := range r.History {
		d.Transitions = append(d.Transitions, Transition{
			Time: t.Time, From: t.From.String(), To: t.To.String(), Cause: t.Cause.String(),
			Peer: address(t.Peer), Priority: t.Priority,
		})
	}
	return d
}

func rivals(r *engine.RouterStatus) []Rival {
	var list []Rival
	for _, o := range r.Rivals {
		rival := Rival{
			Address: address(o.Addr), Kind: o.Kind.String(), Priority: o.Priority, Since: o.Since, LastHeard: o.Heard, Adverts: o.Adverts,
		}
		if o.Kind == engine.RivalARP {
			rival.MAC = mac(o.MAC)
		}
		list = append(list, rival)
	}
	return list
}

func unicast(r *engine.RouterStatus) *Unicast {
	if len(r.Peers) == 0 {
		return nil
	}
	configured := &r.Config.Protocol.Unicast
	u := &Unicast{Source: address(configured.Source), TTLMin: configured.TTLMin, Peers: make([]UnicastPeer, 0, len(r.Peers))}
	for _, p := range r.Peers {
		u.Peers = append(u.Peers, UnicastPeer{
			Address: p.Addr.String(), LastHeard: known(p.LastHeard), Priority: p.Priority, Adverts: p.Adverts,
		})
	}
	return u
}

// known returns a pointer to a time, or nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func statistics(c *engine.Counters) Statistics {
	return Statistics{
		Since:                c.Since,
		AdvertsSent:          c.AdvertsSent,
		AdvertsReceived:      c.AdvertsReceived,
		PriorityZeroSent:     c.PriorityZeroSent,
		PriorityZeroReceived: c.PriorityZeroReceived,
		BecameMaster:         c.BecameMaster,
		SendErrors:           c.SendErrors,
		TransitionsUntold:    c.Untold,
		AddressClaims:        c.Claims,
		Transitions:          named[vrrp.Cause](c.Transitions[:]),
		Dropped:              named[vrrp.DropReason](c.Dropped[:]),
		Tolerated:            named[vrrp.DropReason](c.Tolerated[:]),
	}
}

// named returns the counters by name of their kind, without zeros.
func named[K interface {
	~uint8
	String() string
}](counts []uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for kind, n := range counts {
		if n > 0 {
			m[K(kind).String()] = n
		}
	}
	return m
}

func until(now, t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	s := max(t.Sub(now), 0).Seconds()
	return &s
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func mac(m [6]byte) string { return net.HardwareAddr(m[:]).String() }

// Family returns "ipv4" or "ipv6".
func Family(f vrrp.Family) string {
	if f == vrrp.IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

func checksumForm(f vrrp.ChecksumForm) string {
	if f == vrrp.FormPseudoHeader {
		return "rfc5798"
	}
	return "rfc9568"
}
