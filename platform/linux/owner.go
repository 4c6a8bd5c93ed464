// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"vrrpsh/platform/frame"
)

// The address of an address owner on a macvlan is on the parent interface, which would answer for it with the interface's MAC.
// Hosts must see the virtual MAC only (RFC 9568 sections 8.1.2, 8.2.1 and 8.2.2), and the macvlan has it. So
//
//   - ARP and Neighbor Discovery messages of the interface about the address carry the virtual MAC, and
//   - frames to the virtual MAC for the address are received on the interface, not on the macvlan: the kernel accepts replies
//     to the interface's requests, and packets to a link-local address, on the interface only.
//
// ownerRules does this with nftables rules, in tables of the families arp, ip6 and netdev, while there are such addresses.
type ownerRules struct {
	filterSocket

	now map[ownedAddr][6]byte // nil while the content of the tables is unknown
	// made is set while tables of ours may exist.
	made bool
	said string // the error that was logged last
}

// ownedAddr is an address that is configured on an interface and announced with a virtual MAC.
type ownedAddr struct {
	link int
	addr netip.Addr
}

// ownerFamilies are the families of the tables.
var ownerFamilies = []nftables.TableFamily{nftables.TableFamilyARP, nftables.TableFamilyIPv6, nftables.TableFamilyNetdev}

// owned returns the addresses of entries that must be announced with a virtual MAC.
func owned(entries []*entry) map[ownedAddr][6]byte {
	all := make(map[ownedAddr][6]byte)
	for _, e := range entries {
		if w := &e.want; w.Macvlan && w.Active {
			for _, a := range w.Owned {
				all[ownedAddr{w.Link, a}] = w.MAC
			}
		}
	}
	return all
}

// keepOwned installs the rules for the addresses that must have them, and has them guarded from the first call on. Without the
// rules hosts see an owner with two MACs, but it can still be Master: only Reconcile retries.
func (s *System) keepOwned() error {
	want := owned(s.registry.all())
	if len(want) > 0 {
		s.guardFilter()
	}
	err := s.owner.set(want, s.linkName)
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != s.owner.said {
		s.log.Warn("cannot hide the interface MAC of owned addresses: hosts may learn it beside the virtual MAC", "error", err)
	}
	s.owner.said = text
	return err
}

func (s *System) linkName(index int) (string, error) {
	l, err := s.change.link(index)
	return l.Name, err
}

// set replaces the addresses that are announced with virtual MACs.
func (o *ownerRules) set(want map[ownedAddr][6]byte, name func(link int) (string, error)) error {
	if maps.Equal(want, o.now) && (len(want) > 0 || !o.made) {
		return nil
	}
	err := o.change(want, name)
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	o.now = maps.Clone(want)
	return nil
}

// forget makes the next set start over.
func (o *ownerRules) forget() {
	o.close()
	o.now = nil
}

// intact reports whether the kernel still has the tables that set installed, judged by whether they have rules.
func (o *ownerRules) intact() bool {
	if len(o.now) == 0 {
		return true
	}
	if o.open() != nil {
		return false
	}
	for _, family := range ownerFamilies {
		t := &nftables.Table{Name: o.name, Family: family}
		rules, err := o.conn.GetRules(t, &nftables.Chain{Name: firstChain(family, o.now), Table: t})
		if err != nil || len(rules) == 0 {
			return false
		}
	}
	return true
}

// firstChain returns the name of one chain of a table.
func firstChain(family nftables.TableFamily, now map[ownedAddr][6]byte) string {
	if family != nftables.TableFamilyNetdev {
		return "output"
	}
	return chainOf(linksOf(now)[0])
}

func chainOf(link int) string { return fmt.Sprint("interface-", link) }

// linksOf returns the interfaces of the addresses.
func linksOf(all map[ownedAddr][6]byte) []int {
	var links []int
	for a := range all {
		links = append(links, a.link)
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// change replaces all tables in one transaction.
func (o *ownerRules) change(want map[ownedAddr][6]byte, name func(int) (string, error)) (err error) {
	if err := o.open(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			o.forget()
		}
	}()
	if len(want) == 0 {
		return o.remove(o.name)
	}
	o.made = true
	for _, family := range ownerFamilies {
		t := &nftables.Table{Name: o.name, Family: family}
		o.conn.AddTable(t) // deleting a missing table is an error
		o.conn.DelTable(t)
		o.conn.AddTable(t)
		switch family {
		case nftables.TableFamilyNetdev:
			err = o.addIngress(t, want, name)
		default:
			err = o.addOutput(t, want)
		}
		if err != nil {
			return err
		}
	}
	return o.flush()
}

// remove removes the tables with a name, if there are any.
func (o *ownerRules) remove(name string) error {
	err := o.removeTables(name, ownerFamilies...)
	switch {
	case err != nil: // the state of the connection is unknown
		o.close()
	case name == o.name:
		o.now, o.made = nil, false
	}
	return err
}

// Registers: one of 16 bytes is four of 4 bytes. Keys start in the first 4-byte register, values in the ninth.
const (
	regKey   = unix.NFT_REG_1
	regKey1  = unix.NFT_REG32_00 + 1 // after an interface index
	regKey3  = unix.NFT_REG32_00 + 3 // after an interface index and a MAC
	regValue = unix.NFT_REG_3
)

func is(data ...byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: regKey, Data: data} }

func load(to uint32, base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: to, Base: base, Offset: offset, Len: length}
}

// arpOut is NF_ARP_OUT of linux/netfilter_arp.h.
const arpOut = 1

// addOutput writes the virtual MAC into messages about the addresses: the sender of ARP messages, the Target Link-Layer
// Address of Neighbor Advertisements and the Source Link-Layer Address of Neighbor Solicitations.
func (o *ownerRules) addOutput(t *nftables.Table, want map[ownedAddr][6]byte) error {
	arp := t.Family == nftables.TableFamilyARP
	hook, kind := nftables.ChainHookOutput, nftables.TypeIP6Addr
	if arp {
		hook, kind = nftables.ChainHookRef(arpOut), nftables.TypeIPAddr
	}
	at := &nftables.Set{
		Table: t, Name: "at", IsMap: true, KeyType: nftables.MustConcatSetType(nftables.TypeIFIndex, kind), DataType: nftables.TypeEtherAddr,
	}
	var elements []nftables.SetElement
	for a, mac := range want {
		if a.addr.Is4() == arp {
			key := append(binaryutil.NativeEndian.PutUint32(uint32(a.link)), a.addr.AsSlice()...)
			elements = append(elements, nftables.SetElement{Key: key, Val: mac[:]})
		}
	}
	if err := o.addSet(at, elements); err != nil {
		return err
	}
	chain := o.conn.AddChain(&nftables.Chain{
		Table: t, Name: "output", Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter,
	})
	// rewrite replaces the MAC at one offset if the address at another offset is in the set.
	rewrite := func(address expr.Any, mac expr.Payload, when ...expr.Any) {
		mac.OperationType, mac.SourceRegister, mac.Len = expr.PayloadWrite, regValue, 6
		o.conn.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: append(when,
			&expr.Meta{Key: expr.MetaKeyOIF, Register: regKey}, address,
			&expr.Lookup{SourceRegister: regKey, DestRegister: regValue, IsDestRegSet: true, SetName: at.Name, SetID: at.ID},
			&mac,
		)})
	}
	if arp {
		rewrite(load(regKey1, expr.PayloadBaseNetworkHeader, 14, 4), expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: 8})
		return nil
	}
	const (
		solicitation, advertisement = frame.NeighborSolicitationType, frame.NeighborAdvertisementType
		source, target              = 1, 2 // options, RFC 4861 section 4.6.1
		option                      = 24   // offset of the first option in both messages
	)
	message := func(kind, with byte) []expr.Any {
		return []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: regKey}, is(unix.IPPROTO_ICMPV6),
			load(regKey, expr.PayloadBaseTransportHeader, 0, 1), is(kind),
			load(regKey, expr.PayloadBaseTransportHeader, option, 2), is(with, 1),
		}
	}
	mac := expr.Payload{Base: expr.PayloadBaseTransportHeader, Offset: option + 2, CsumType: expr.CsumTypeInet, CsumOffset: 2}
	rewrite(load(regKey1, expr.PayloadBaseTransportHeader, 8, 16), mac, message(advertisement, target)...)
	rewrite(load(regKey1, expr.PayloadBaseNetworkHeader, 8, 16), mac, message(solicitation, source)...)
	return nil
}

// addIngress makes the interfaces receive frames to the virtual MACs for the addresses. It rewrites the destination to a MAC
// that no macvlan has, and the packet type to "for this host".
func (o *ownerRules) addIngress(t *nftables.Table, want map[ownedAddr][6]byte, name func(int) (string, error)) error {
	sets := make(map[bool]*nftables.Set) // true: IPv4
	for four, kind := range map[bool]nftables.SetDatatype{true: nftables.TypeIPAddr, false: nftables.TypeIP6Addr} {
		set := &nftables.Set{
			Table: t, Name: map[bool]string{true: "for4", false: "for6"}[four],
			KeyType: nftables.MustConcatSetType(nftables.TypeIFIndex, nftables.TypeEtherAddr, kind),
		}
		var elements []nftables.SetElement
		for a, mac := range want {
			if a.addr.Is4() == four {
				key := binaryutil.NativeEndian.PutUint32(uint32(a.link))
				key = append(append(key, mac[:]...), 0, 0)
				elements = append(elements, nftables.SetElement{Key: append(key, a.addr.AsSlice()...)})
			}
		}
		if err := o.addSet(set, elements); err != nil {
			return err
		}
		sets[four] = set
	}
	for _, link := range linksOf(want) {
		device, err := name(link)
		if err != nil {
			return fmt.Errorf("interface %d: %w", link, err)
		}
		chain := o.conn.AddChain(&nftables.Chain{
			Table: t, Name: chainOf(link), Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress,
			Priority: nftables.ChainPriorityFilter, Device: device,
		})
		for _, p := range []struct {
			etherType uint16
			offset    uint32 // of the destination address
			four      bool
		}{{unix.ETH_P_ARP, 24, true}, {unix.ETH_P_IP, 16, true}, {unix.ETH_P_IPV6, 24, false}} {
			length := uint32(16)
			if p.four {
				length = 4
			}
			set := sets[p.four]
			o.conn.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: []expr.Any{
				load(regKey, expr.PayloadBaseLLHeader, 12, 2), is(binary.BigEndian.AppendUint16(nil, p.etherType)...),
				&expr.Meta{Key: expr.MetaKeyIIF, Register: regKey},
				load(regKey1, expr.PayloadBaseLLHeader, 0, 6),
				load(regKey3, expr.PayloadBaseNetworkHeader, p.offset, length),
				&expr.Lookup{SourceRegister: regKey, SetName: set.Name, SetID: set.ID},
				&expr.Immediate{Register: regValue, Data: binaryutil.NativeEndian.PutUint32(unix.PACKET_HOST)},
				&expr.Meta{Key: expr.MetaKeyPKTTYPE, SourceRegister: true, Register: regValue},
				&expr.Immediate{Register: regValue, Data: make([]byte, 6)},
				&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: regValue, Base: expr.PayloadBaseLLHeader, Offset: 0, Len: 6},
			}})
		}
	}
	return nil
}

// addSet adds a set with any number of elements.
func (o *ownerRules) addSet(set *nftables.Set, elements []nftables.SetElement) error {
	if err := o.conn.AddSet(set, nil); err != nil {
		return err
	}
	for part := range slices.Chunk(elements, filterBatch) {
		if err := o.conn.SetAddElements(set, part); err != nil {
			return err
		}
	}
	return nil
}
