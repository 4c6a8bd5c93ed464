package conf

import (
	"reflect"
	"strconv"

	"vrrpsh/engine/vrrp"
)

// Difference is one setting that differs between two files.
type Difference struct {
	// Router names the virtual router, as in "eth0 group 51"; empty outside [[vrouter]] tables.
	Router string
	// Key is the setting, such as "priority" or "api.host"; empty if the whole virtual router was
	// added or removed.
	Key string
	// From and To are the values as typed, secrets masked; empty if unset.
	From, To string
}

// String returns for example "eth0 group 51: priority 100 -> 200".
func (d Difference) String() string {
	s := d.Key
	switch {
	case d.Key == "":
		s = "removed"
		if d.To != "" {
			s = "added"
		}
	case d.From == d.To: // masked
		s += " changed"
	case d.From == "":
		s += " set to " + d.To
	case d.To == "":
		s += " " + d.From + " removed"
	default:
		s += " " + d.From + " -> " + d.To
	}
	if d.Router != "" {
		return d.Router + ": " + s
	}
	return s
}

// Diff returns what differs between two files, in the order of to, with the virtual routers
// that only from has last. Virtual routers are matched by interface, family and group, not by
// their position.
func Diff(from, to *File) []Difference {
	c := comparison{}
	c.table("", reflect.ValueOf(from).Elem(), reflect.ValueOf(to).Elem())
	c.routers(from.VRouters, to.VRouters)
	return c.found
}

type comparison struct {
	router string
	found  []Difference
}

// table compares the keys of two tables; the virtual routers are left out.
func (c *comparison) table(path string, from, to reflect.Value) {
	for _, f := range fieldsOf(from.Type()) {
		a, b := from.Field(f.index), to.Field(f.index)
		if a.Type() == reflect.TypeFor[[]VRouter]() || equal(a, b) {
			continue
		}
		if isTable(a.Type()) {
			c.subtable(join(path, f.name), a, b)
			continue
		}
		c.add(join(path, f.name), typed(a, f), typed(b, f))
	}
}

// subtable compares two tables of which one may be absent. That it is absent says something too.
func (c *comparison) subtable(path string, from, to reflect.Value) {
	const present = "present"
	empty := reflect.New(from.Type().Elem())
	switch {
	case from.IsNil():
		c.add(path, "", present)
		from = empty
	case to.IsNil():
		c.add(path, present, "")
		to = empty
	}
	c.table(path, from.Elem(), to.Elem())
}

func (c *comparison) add(key, from, to string) {
	c.found = append(c.found, Difference{Router: c.router, Key: key, From: from, To: to})
}

// typed returns a value as it is written in a file.
func typed(v reflect.Value, f field) string {
	switch {
	case isUnset(v):
		return ""
	case f.hidden():
		return Mask
	default:
		var w tomlWriter
		w.value(v)
		return w.buf.String()
	}
}

// identity matches virtual routers. A candidate may have several with the same: n counts them.
type identity struct {
	iface  string
	family vrrp.Family
	group  int
	n      int
}

func identities(list []VRouter) []identity {
	ids := make([]identity, len(list))
	seen := make(map[identity]int, len(list))
	for i := range list {
		v := &list[i]
		id := identity{family: vrrp.IPv4}
		if v.Interface != nil {
			id.iface = *v.Interface
		}
		if v.Group != nil {
			id.group = *v.Group
		}
		if v.isIPv6() {
			id.family = vrrp.IPv6
		}
		n := seen[id]
		seen[id] = n + 1
		id.n = n
		ids[i] = id
	}
	return ids
}

func (c *comparison) routers(from, to []VRouter) {
	old := make(map[identity]*VRouter, len(from))
	fromIDs := identities(from)
	for i, id := range fromIDs {
		old[id] = &from[i]
	}
	for i, id := range identities(to) {
		c.router = routerName(&to[i], i)
		before, existed := old[id]
		if !existed {
			c.add("", "", "added")
			continue
		}
		delete(old, id)
		c.table("", reflect.ValueOf(before).Elem(), reflect.ValueOf(&to[i]).Elem())
	}
	for i, id := range fromIDs {
		if _, gone := old[id]; gone {
			c.router = routerName(&from[i], i)
			c.add("", "removed", "")
		}
	}
}

func routerName(v *VRouter, index int) string {
	if name := v.Name(); name != "" {
		return name
	}
	return "vrouter[" + strconv.Itoa(index) + "]"
}
