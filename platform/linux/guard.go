// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"bytes"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// guardPause is the minimum time between two repairs of the table. It limits the repairs while another program
	// keeps removing the table or a firewall loads its rules in several steps.
	guardPause = time.Second
	// guardSilence is the minimum time between two log messages about repairs.
	guardSilence = time.Minute
)

// guard repairs the gate when another program removes its table or parts of it, such as a firewall that starts
// with "nft flush ruleset". It ends when the System is closed.
func (s *System) guard() {
	g := guard{system: s}
	for s.closing.Err() == nil {
		err := g.watchUntilError()
		if s.closing.Err() != nil {
			return
		}
		if !errors.Is(err, unix.ENOBUFS) {
			s.log.Warn("lost the notifications of nftables", "error", err)
			s.sleep(guardPause)
		}
	}
}

// sleep waits for d, or until Close begins.
func (s *System) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.closing.Done():
	case <-t.C:
	}
}

// guard is the state of System.guard.
type guard struct {
	system  *System
	repairs int // since the last log message
	told    time.Time
}

// watchUntilError listens for notifications until an error. The first look finds changes from before that.
func (g *guard) watchUntilError() error {
	s := g.system
	var n *notifications
	err := s.space.do(func() (err error) {
		n, err = openNotifications(unix.NETLINK_NETFILTER, s.notifyBuffer, unix.NFNLGRP_NFTABLES)
		return err
	})
	if err != nil {
		return err
	}
	defer n.closeWith(s.closing)()
	for {
		for again := true; again && s.closing.Err() == nil; {
			if again = g.look(); again {
				s.sleep(guardPause)
			}
		}
		for suspect := false; !suspect; {
			messages, err := n.read(true)
			if err != nil {
				return err
			}
			for i := range messages {
				suspect = suspect || s.gate.concerns(&messages[i])
			}
		}
	}
}

// look repairs the tables if they are not intact, and reports whether it tried to.
func (g *guard) look() bool {
	s := g.system
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.closing.Err() != nil {
		return false
	}
	repaired, gateErr, ownerErr := s.repairFilters()
	switch {
	case !repaired:
		return false
	case gateErr != nil:
		s.log.Error("cannot restore the nftables rules that another program removed: virtual addresses may accept packets", "error", gateErr)
		return true
	case ownerErr != nil: // keepOwned has logged it; Reconcile retries
		return true
	}
	g.repairs++
	if now := time.Now(); now.Sub(g.told) >= guardSilence {
		s.log.Warn("another program removed or changed the router's nftables table: restored",
			"table", s.gate.name, "times", g.repairs)
		g.told, g.repairs = now, 0
	}
	return true
}

// repairFilters repairs the tables of gate and owner rules that are not intact, and reports whether there were any.
func (s *System) repairFilters() (repaired bool, gateErr, ownerErr error) {
	repaired, gateErr = s.keepGate()
	if !s.owner.intact() {
		s.owner.forget()
		repaired = true
	}
	return repaired, gateErr, s.keepOwned()
}

// keepGate repairs the gate's table if it is not intact, and reports whether it tried to.
func (s *System) keepGate() (repaired bool, err error) {
	want := closing(s.registry.all())
	if len(want) == 0 || s.gate.intact() {
		return false, nil
	}
	s.gate.close() // and start over
	s.gate.now = nil
	return true, s.gate.set(want)
}

// concerns reports whether a notification is about a change that another program made to the table.
func (g *gate) concerns(m *syscall.NetlinkMessage) bool {
	const (
		headers = 4 + unix.SizeofRtAttr // nfgenmsg and the header of the first attribute
		maxKind = unix.NFT_MSG_DELOBJ
	)
	kind := m.Header.Type & 0xff
	if m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES || kind > maxKind || kind == unix.NFT_MSG_NEWGEN || len(m.Data) < headers {
		return false
	}
	if _, ours := g.ids.Load(m.Header.Pid); ours {
		return false
	}
	// The first attribute of every message type is the name of the table.
	name, _, ended := bytes.Cut(m.Data[headers:], []byte{0})
	return ended && string(name) == g.name
}

// intact reports whether the kernel still has the rules and elements of the gate. It compares only their numbers.
func (g *gate) intact() bool {
	if g.table == nil || g.open() != nil {
		return false
	}
	rules, err := g.conn.GetRules(g.table, g.chain)
	if err != nil || len(rules) != len(g.rules()) {
		return false
	}
	want := elementsOf(g.now, nil)
	for name, set := range g.sets {
		elements, err := g.conn.GetSetElements(set)
		if err != nil || len(elements) != len(want[name]) {
			return false
		}
	}
	return true
}
