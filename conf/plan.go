// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"reflect"

	"vrrpsh/engine"
)

// plan returns what a commit does to get from one configuration to another, with the keys that differ.
func plan(from, to *Config) []engine.Change {
	changes := engine.Plan(from.Engine, to.Engine)
	old := make(map[engine.Key]*engine.VirtualRouter, len(from.Engine.Routers))
	for i := range from.Engine.Routers {
		old[from.Engine.Routers[i].Key] = &from.Engine.Routers[i]
	}
	named := make(map[engine.Key]*engine.Change, len(changes))
	for i := range changes {
		named[changes[i].Key] = &changes[i]
	}
	for i := range to.Engine.Routers {
		now := &to.Engine.Routers[i]
		if c := named[now.Key]; c != nil && old[now.Key] != nil {
			for _, k := range changedKeys(old[now.Key], now) {
				c.Fields = append(c.Fields, k.Name)
			}
		}
	}
	return changes
}

// changedKeys returns the keys whose meaning differs between two configurations of a virtual router.
func changedKeys(a, b *engine.VirtualRouter) []*Key {
	var changed []*Key
	for _, k := range RouterTable.keys {
		if k.Router.get != nil && !reflect.DeepEqual(k.Router.get(a), k.Router.get(b)) {
			changed = append(changed, k)
		}
	}
	return changed
}
