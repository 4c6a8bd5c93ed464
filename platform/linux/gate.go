// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"vrrpsh/platform/frame"
)

// gateRound limits the messages in one transaction, so that a transaction fits the socket buffer.
const gateRound = 20

// closed is an address whose packets are discarded: on one interface if the address is link-local.
type closed struct {
	addr netip.Addr
	link int // 0 for addresses that are not link-local
}

// gate discards packets to the addresses of a Master with Accept_Mode False (RFC 9568 section 6.1). The
// addresses are in nftables sets, so that the cost of a packet does not depend on their number. The table, of the family
// inet, exists while there are such addresses.
type gate struct {
	filterSocket

	// table is nil while there is no table that matches now.
	table *nftables.Table
	chain *nftables.Chain
	sets  map[string]*nftables.Set
	now   map[closed]bool // true: accept echo requests
	// made is set while a table of ours may exist, even if its content is unknown.
	made bool
	// recovered is set once no table of an earlier run is left.
	recovered bool
}

func (g *gate) close() {
	g.filterSocket.close()
	g.table = nil
}

// set closes exactly the addresses in want.
func (g *gate) set(want map[closed]bool) error {
	// Without a table, which an error may have removed, now says nothing of the kernel.
	if maps.Equal(want, g.now) && (g.table != nil && len(want) > 0 || !g.made) {
		return nil
	}
	err := g.change(want)
	if err != nil && len(want) > 0 {
		// Another program may have removed the table, for example with "nft flush ruleset".
		err = g.change(want)
	}
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	g.now = maps.Clone(want)
	return nil
}

func (g *gate) change(want map[closed]bool) (err error) {
	if err := g.open(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	if len(want) == 0 {
		return g.remove(g.name)
	}
	if g.table == nil {
		if err := g.create(); err != nil {
			return err
		}
	}
	var steps []func() error
	plan := func(elements map[string][]nftables.SetElement, do func(*nftables.Set, []nftables.SetElement) error) {
		for _, name := range slices.Sorted(maps.Keys(elements)) {
			for part := range slices.Chunk(elements[name], filterBatch) {
				steps = append(steps, func() error { return do(g.sets[name], part) })
			}
		}
	}
	plan(elementsOf(g.now, want), g.conn.SetDeleteElements)
	plan(elementsOf(want, g.now), g.conn.SetAddElements)
	for round := range slices.Chunk(steps, gateRound) {
		for _, step := range round {
			if err := step(); err != nil {
				return err
			}
		}
		if err := g.flush(); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the table of that name if it exists.
func (g *gate) remove(name string) error {
	err := g.removeTables(name, nftables.TableFamilyINet)
	if err != nil || name == g.name {
		g.close()
	}
	if err == nil && name == g.name {
		g.now, g.made = nil, false
	}
	return err
}

// elementsOf returns the set elements for what is in a but not in b, by set name.
func elementsOf(a, b map[closed]bool) map[string][]nftables.SetElement {
	elements := make(map[string][]nftables.SetElement)
	for c, ping := range a {
		kind, key := "4", c.addr.AsSlice()
		switch {
		case c.link != 0:
			kind, key = "6-link", append(binaryutil.NativeEndian.PutUint32(uint32(c.link)), key...)
		case c.addr.Is6():
			kind = "6"
		}
		other, in := b[c]
		if !in {
			elements["closed"+kind] = append(elements["closed"+kind], nftables.SetElement{Key: key})
		}
		if ping && (!in || !other) {
			elements["ping"+kind] = append(elements["ping"+kind], nftables.SetElement{Key: key})
		}
	}
	return elements
}

// create replaces the table by a new one with empty sets.
func (g *gate) create() error {
	g.made = true
	g.table = &nftables.Table{Name: g.name, Family: nftables.TableFamilyINet}
	g.conn.AddTable(g.table)
	g.conn.DelTable(g.table)
	g.conn.AddTable(g.table)
	g.sets, g.now = make(map[string]*nftables.Set), nil
	for kind, keys := range map[string]nftables.SetDatatype{
		"4": nftables.TypeIPAddr, "6": nftables.TypeIP6Addr,
		"6-link": nftables.MustConcatSetType(nftables.TypeIFIndex, nftables.TypeIP6Addr),
	} {
		for _, name := range []string{"closed" + kind, "ping" + kind} {
			s := &nftables.Set{Table: g.table, Name: name, KeyType: keys}
			if err := g.conn.AddSet(s, nil); err != nil {
				return err
			}
			g.sets[name] = s
		}
	}
	accept := nftables.ChainPolicyAccept
	g.chain = g.conn.AddChain(&nftables.Chain{
		Table: g.table, Name: "input", Type: nftables.ChainTypeFilter, Policy: &accept,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
	})
	for _, rule := range g.rules() {
		g.conn.AddRule(&nftables.Rule{Table: g.table, Chain: g.chain, Exprs: rule})
	}
	return g.flush()
}

// rules returns the rules of the chain. An accept is final only in this table: other tables may still drop the packet.
func (g *gate) rules() [][]expr.Any {
	const (
		reg     = 1 // the first 16 bytes
		reg32at = 9 // NFT_REG32_01, 4 bytes after the start of reg
	)
	ifname := make([]byte, unix.IFNAMSIZ)
	copy(ifname, "lo")
	equal := func(data ...byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: data} }
	meta := func(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: reg} }
	icmp := func(protocol, kind byte) []expr.Any {
		return []expr.Any{
			meta(expr.MetaKeyL4PROTO), equal(protocol),
			&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1}, equal(kind),
		}
	}
	in := func(name string) []expr.Any {
		lookup := &expr.Lookup{SourceRegister: reg, SetName: g.sets[name].Name, SetID: g.sets[name].ID}
		address := func(register, offset, length uint32) expr.Any {
			return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
		}
		switch {
		case strings.HasSuffix(name, "4"):
			return []expr.Any{meta(expr.MetaKeyNFPROTO), equal(unix.NFPROTO_IPV4), address(reg, 16, 4), lookup}
		case strings.HasSuffix(name, "6"):
			return []expr.Any{meta(expr.MetaKeyNFPROTO), equal(unix.NFPROTO_IPV6), address(reg, 24, 16), lookup}
		default:
			return []expr.Any{meta(expr.MetaKeyNFPROTO), equal(unix.NFPROTO_IPV6),
				meta(expr.MetaKeyIIF), address(reg32at, 24, 16), lookup}
		}
	}
	end := func(k expr.VerdictKind, parts ...[]expr.Any) []expr.Any {
		return append(slices.Concat(parts...), &expr.Verdict{Kind: k})
	}
	const (
		echo4, echo6              = 8, 128
		solicitation, advertising = frame.NeighborSolicitationType, frame.NeighborAdvertisementType
	)
	return [][]expr.Any{
		// The host itself may reach the addresses.
		end(expr.VerdictAccept, []expr.Any{meta(expr.MetaKeyIIFNAME), equal(ifname...)}),
		end(expr.VerdictAccept, icmp(unix.IPPROTO_ICMPV6, solicitation)),
		end(expr.VerdictAccept, icmp(unix.IPPROTO_ICMPV6, advertising)),
		end(expr.VerdictAccept, icmp(unix.IPPROTO_ICMP, echo4), in("ping4")),
		end(expr.VerdictAccept, icmp(unix.IPPROTO_ICMPV6, echo6), in("ping6")),
		end(expr.VerdictAccept, icmp(unix.IPPROTO_ICMPV6, echo6), in("ping6-link")),
		end(expr.VerdictDrop, in("closed4")),
		end(expr.VerdictDrop, in("closed6")),
		end(expr.VerdictDrop, in("closed6-link")),
	}
}

// closing returns the addresses that must be closed for entries.
func closing(entries []*entry) map[closed]bool {
	all := make(map[closed]bool)
	for _, e := range entries {
		w := &e.want
		if !w.Closed || !w.Active || e.device() == 0 { // without its device it has no addresses
			continue
		}
		for _, p := range w.Addrs {
			c := closed{addr: p.Addr()}
			if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				c.link = e.device()
			}
			all[c] = w.Ping
		}
	}
	return all
}

// keepClosed closes exactly the addresses in want. The first call with addresses starts the guard.
func (s *System) keepClosed(want map[closed]bool) error {
	if len(want) > 0 {
		s.guardFilter()
	}
	return s.gate.set(want)
}

// guardFilter starts the guard of the nftables tables, once.
func (s *System) guardFilter() {
	if !s.guarded {
		s.guarded = true
		s.watches.Go(s.guard)
	}
}

// shut closes the addresses that are about to be installed.
func (s *System) shut(jobs []*job) {
	var entries []*entry
	for _, j := range jobs {
		if j.err == nil && j.want.Closed && j.want.Active {
			entries = append(entries, j.e)
		}
	}
	if len(entries) == 0 {
		return
	}
	want := closing(entries)
	for c, ping := range s.gate.now {
		if _, given := want[c]; !given {
			want[c] = ping
		}
	}
	if err := s.keepClosed(want); err != nil {
		for _, j := range jobs {
			if j.want.Closed && j.want.Active {
				j.fail("close its addresses", err)
			}
		}
	}
}

// unshut opens the addresses that must no longer be closed.
func (s *System) unshut() error {
	if !s.gate.made {
		return nil
	}
	if err := s.gate.set(closing(s.registry.all())); err != nil {
		return fmt.Errorf("packets to former virtual addresses may still be discarded: %w", err)
	}
	return nil
}
