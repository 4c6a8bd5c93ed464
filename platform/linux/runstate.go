// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"vrrpsh/platform/runstate"
)

// runState is the content of the run-state file: what this run may have changed in the kernel.
// It is written before each change. Interfaces are recorded by index, which survives a rename.
type runState struct {
	Origin   origin          `json:"origin"`
	Macvlans []macvlanRecord `json:"macvlans,omitempty"`
	Addrs    []addrRecord    `json:"addresses,omitempty"`
	MACs     []macRecord     `json:"macs,omitempty"`
	Settings []settingRecord `json:"settings,omitempty"`
	Routes   []routeRecord   `json:"routes,omitempty"`
	// Connected are routes to the subnets of virtual addresses.
	Connected []connectedRoute `json:"connected,omitempty"`
	Table     string           `json:"table,omitempty"` // of nftables
	// OwnerTable is the name of the tables of ownerRules.
	OwnerTable string `json:"owner_table,omitempty"`
}

// empty reports whether nothing is recorded.
func (r *runState) empty() bool {
	return len(r.Macvlans)+len(r.Addrs)+len(r.MACs)+len(r.Settings)+len(r.Routes)+len(r.Connected) == 0 && r.Table == "" && r.OwnerTable == ""
}

// sort orders the records, so that the same state makes the same file.
func (r *runState) sort() {
	slices.SortFunc(r.Macvlans, func(a, b macvlanRecord) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.Addrs, func(a, b addrRecord) int { return cmp.Or(cmp.Compare(a.Link, b.Link), a.Prefix.Compare(b.Prefix)) })
	slices.SortFunc(r.MACs, func(a, b macRecord) int { return cmp.Compare(a.Link, b.Link) })
	slices.SortFunc(r.Settings, func(a, b settingRecord) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Setting, b.Setting))
	})
	slices.SortFunc(r.Connected, func(a, b connectedRoute) int { return a.Subnet.Compare(b.Subnet) })
}

// add adds what another run left, except settings: this run has taken those over.
func (r *runState) add(left *runState) {
	r.Macvlans = append(r.Macvlans, left.Macvlans...)
	r.Addrs = append(r.Addrs, left.Addrs...)
	r.MACs = append(r.MACs, left.MACs...)
	r.Routes = append(r.Routes, left.Routes...)
	r.Connected = append(r.Connected, left.Connected...)
	if r.Table == "" {
		r.Table = left.Table
	}
	if r.OwnerTable == "" {
		r.OwnerTable = left.OwnerTable
	}
}

type routeRecord struct {
	Destination netip.Prefix `json:"destination"`
	NextHop     netip.Addr   `json:"next_hop"`
	Metric      uint32       `json:"metric,omitempty"`
	MTU         uint32       `json:"mtu,omitempty"`
}

type macvlanRecord struct {
	Name   string       `json:"name"`
	Parent int          `json:"parent"`
	MAC    runstate.MAC `json:"mac"`
}

type addrRecord struct {
	Link   int          `json:"link"`
	Prefix netip.Prefix `json:"address"`
	// Label is the label of an address set by ioctl, without the interface's name.
	Label string `json:"label,omitempty"`
}

type macRecord struct {
	Link     int          `json:"link"`
	Original runstate.MAC `json:"original"`
	Virtual  runstate.MAC `json:"virtual"`
}

// settingRecord is a setting of an interface that we changed from Original to Value.
type settingRecord struct {
	Link     int     `json:"link"`
	Setting  setting `json:"setting"`
	Original uint32  `json:"original"`
	Value    uint32  `json:"value"`
}

// stateFile is the run-state file of one network namespace and boot.
type stateFile struct {
	file   *runstate.File
	origin origin
}

// openStateFile locks the file of a network namespace in dir. Each namespace other than the initial
// one has its own file, since routers in several namespaces may share the directory.
func openStateFile(dir string, o origin, log *slog.Logger) (*stateFile, error) {
	name := "run-state"
	if !o.initial {
		name = fmt.Sprintf("run-state-%d", o.Inode)
	}
	file, err := runstate.Open(dir, name, log)
	if err != nil {
		return nil, err
	}
	return &stateFile{file, o}, nil
}

func (f *stateFile) close() { f.file.Close() }

// load returns what an earlier run recorded for this boot and namespace. The state is empty if
// the file belongs to another boot or namespace, or cannot be read.
func (f *stateFile) load() (runState, error) {
	var s runState
	if err := f.file.Load(&s); err != nil || !s.Origin.same(f.origin) {
		return runState{}, err
	}
	return s, nil
}

// save writes the file unless it is unchanged.
func (f *stateFile) save(s *runState) error {
	s.Origin = f.origin
	return f.file.Save(s)
}

// remove deletes the file: nothing of ours is left in the kernel.
func (f *stateFile) remove() error { return f.file.Remove() }
