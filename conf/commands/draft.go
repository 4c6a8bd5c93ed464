// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Draft is a configuration that is being edited, or only read.
type Draft struct {
	base *conf.Revision
	file *conf.File
	// keys identify the virtual routers of the file. They are stored because a virtual router without
	// addresses does not show its family.
	keys []engine.Key
	// differs caches whether file differs from base.
	differs, known bool
}

// NewDraft returns a draft of a candidate.
func NewDraft(c *conf.Candidate) *Draft { return Based(c.Base, c.File) }

// Based returns a draft of a file; its changes count from the revision base.
func Based(base *conf.Revision, file *conf.File) *Draft {
	d := Of(file)
	d.base = base
	return d
}

// Of returns a draft of a file without a base.
func Of(file *conf.File) *Draft {
	d := &Draft{file: file}
	routers := conf.VRouters.Value(file)
	d.keys = make([]engine.Key, len(routers))
	for i, t := range routers {
		d.keys[i] = keyOf(t)
	}
	return d
}

// keyOf derives the key of a virtual router from its table.
func keyOf(t *conf.Table) engine.Key {
	k := engine.Key{Family: vrrp.IPv4, Interface: conf.Interface.Value(t)}
	for _, s := range Addresses(t) {
		if a, ok := parseVIP(s); ok {
			k.Family = vrrp.FamilyOf(a)
			break
		}
	}
	if group := conf.Group.Value(t); group >= 0 && group <= vrrp.VRIDMax {
		k.VRID = uint8(group)
	}
	return k
}

// Base is the revision that the draft started from.
func (d *Draft) Base() *conf.Revision { return d.base }

// File is the current configuration. The caller must not change it.
func (d *Draft) File() *conf.File { return d.file }

// Candidate returns the draft as a candidate for the manager, which only reads it. The candidate shares the file: the caller must
// not edit the draft until the manager is done.
func (d *Draft) Candidate() *conf.Candidate { return &conf.Candidate{Base: d.base, File: d.file} }

// Copy returns a draft that can be edited independently.
func (d *Draft) Copy() *Draft {
	return &Draft{base: d.base, file: d.file.Clone(), keys: slices.Clone(d.keys)}
}

// touch notes that the file was changed.
func (d *Draft) touch() { d.known = false }

// Changed reports whether the draft differs from its base.
func (d *Draft) Changed() bool {
	if !d.known {
		d.differs, d.known = !d.file.Equal(d.base.File), true
	}
	return d.differs
}

// Routers returns the virtual routers in file order.
func (d *Draft) Routers() []engine.Key { return d.keys }

// Router returns the table of a virtual router, or nil if there is none. The caller must not change it.
func (d *Draft) Router(k engine.Key) *conf.Table {
	if i := d.find(k); i >= 0 {
		return conf.VRouters.Value(d.file)[i]
	}
	return nil
}

// find returns the index of a virtual router, or -1 if there is none.
func (d *Draft) find(k engine.Key) int { return slices.Index(d.keys, k) }

// target returns a virtual router of the draft.
func (d *Draft) target(i int) *target {
	return &target{file: d.file, table: conf.VRouters.Value(d.file)[i], family: d.keys[i].Family}
}

// put replaces the virtual router with the same key in the draft, or appends the virtual router.
func (d *Draft) put(k engine.Key, t *conf.Table) {
	routers := conf.VRouters.Value(d.file)
	if i := d.find(k); i >= 0 {
		routers[i] = t
	} else {
		conf.VRouters.Set(d.file, append(routers, t))
		d.keys = append(d.keys, k)
	}
	d.touch()
}

// edited returns a copy of a virtual router, or a new one.
func (d *Draft) edited(k engine.Key) *target {
	t := d.Router(k)
	if t == nil {
		t = conf.RouterTable.New()
		conf.Group.Set(t, int(k.VRID))
		conf.Interface.Set(t, k.Interface)
	} else {
		t = t.Clone()
	}
	return &target{file: d.file, table: t, family: k.Family}
}

// remove deletes the virtual routers that match accepts and returns their number.
func (d *Draft) remove(match func(engine.Key) bool) int {
	var routers []*conf.Table
	var keys []engine.Key
	for i, t := range conf.VRouters.Value(d.file) {
		if !match(d.keys[i]) {
			routers, keys = append(routers, t), append(keys, d.keys[i])
		}
	}
	n := len(d.keys) - len(keys)
	if n > 0 {
		conf.VRouters.Set(d.file, routers)
		d.keys = keys
		d.touch()
	}
	return n
}

// Interfaces returns the configured interfaces.
func (d *Draft) Interfaces() []string {
	var names []string
	for _, k := range d.keys {
		if k.Interface != "" {
			names = append(names, k.Interface)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
