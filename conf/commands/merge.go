// SPDX-License-Identifier: GPL-3.0-only

package commands

import "vrrpsh/conf"

// Merge copies the settings of a file into the draft and leaves all others unchanged.
func (d *Draft) Merge(file *conf.File) {
	result := d.file.Fork()
	for _, s := range settings().top {
		mergeKeys(result, file, s.keys)
	}
	if conf.API.IsSet(file) {
		haveAPI(result)
	}
	for _, o := range settings().objects {
		names, named := o.tables(file)
		for _, name := range names {
			t := o.edited(result, name)
			for _, set := range o.all() {
				mergeKeys(t.table, named[name].table, set.keys)
			}
			o.put(result, t.table)
		}
	}
	d.file = result
	from := Of(file)
	for i, k := range from.keys {
		t := d.edited(k)
		for _, s := range settings().router {
			mergeKeys(t.table, from.target(i).table, s.keys)
		}
		d.put(k, t.table)
	}
	d.touch()
}

// mergeKeys copies all keys if one of them is set.
func mergeKeys(to, from *conf.Table, keys []*conf.Key) {
	for _, k := range keys {
		if k.IsSet(from) {
			copyKeys(to, from, keys...)
			return
		}
	}
}
