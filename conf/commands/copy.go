// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// CopyRouter adds a copy of a virtual router under another key of the same family. A name of its interface, which can exist only once, is not
// copied.
func (d *Draft) CopyRouter(from, to engine.Key) error {
	t, err := d.free(from, to)
	if err != nil {
		return err
	}
	t = t.Clone()
	conf.VIFName.Unset(t)
	d.put(to, named(t, to))
	return nil
}

// RenameRouter gives a virtual router another key of the same family. Static routes that are bound to it follow.
func (d *Draft) RenameRouter(from, to engine.Key) error {
	t, err := d.free(from, to)
	if err != nil {
		return err
	}
	i := d.find(from)
	conf.VRouters.Value(d.file)[i] = named(t.Clone(), to)
	d.keys[i] = to
	for j, r := range conf.Static.Value(d.file) {
		if from.Family == vrrp.IPv4 && conf.StaticInterface.Value(r) == from.Interface && conf.StaticGroup.Value(r) == int(from.VRID) {
			r = r.Clone()
			conf.StaticInterface.Set(r, to.Interface)
			conf.StaticGroup.Set(r, int(to.VRID))
			conf.Static.Value(d.file)[j] = r
		}
	}
	d.touch()
	return nil
}

// free returns the virtual router with one key, if there is none with the other.
func (d *Draft) free(from, to engine.Key) (*conf.Table, error) {
	t := d.Router(from)
	if t == nil {
		return nil, fmt.Errorf("%s is not configured", from)
	}
	if d.find(to) >= 0 {
		return nil, fmt.Errorf("%s is configured already", to)
	}
	return t, nil
}

// named gives a table the key of a virtual router.
func named(t *conf.Table, k engine.Key) *conf.Table {
	conf.Interface.Set(t, k.Interface)
	conf.Group.Set(t, int(k.VRID))
	return t
}
