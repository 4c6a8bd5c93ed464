// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"

	"vrrpsh/engine"
)

// maxInterfaceName is the maximum length of an interface name (IFNAMSIZ less the terminating NUL).
const maxInterfaceName = 15

// badInterfaceName returns why a string is not a valid interface name, or "".
func badInterfaceName(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case len(s) > maxInterfaceName:
		return fmt.Sprintf("is longer than %d characters", maxInterfaceName)
	case s == "." || s == "..":
		return "is not the name of an interface"
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/:%", r) }):
		return "is not the name of an interface: it contains a character that is not allowed there"
	}
	return ""
}

// identities refuses virtual routers with the same interface, family and VRID.
func (v *validator) identities(list []*router) {
	first := make(map[engine.Key]*router, len(list))
	for _, r := range list {
		if !r.identified {
			continue
		}
		if other, twice := first[r.out.Key]; twice {
			r.faultTyped(r.path(Group.Name), strconv.Itoa(int(r.out.VRID)), fmt.Sprintf("is already used on %s by %s", r.out.Interface, other.table),
				r.name()+" is configured twice")
			continue
		}
		first[r.out.Key] = r
	}
}

// sharedAddresses refuses duplicate addresses on an interface.
func (v *validator) sharedAddresses(list []*router) {
	type place struct {
		iface string
		addr  netip.Addr
	}
	first := make(map[place]*router, len(list))
	for _, r := range list {
		if !Interface.IsSet(r.raw) {
			continue
		}
		for i, a := range r.out.Addresses {
			at := place{r.out.Interface, a.Addr}
			other, twice := first[at]
			if !twice {
				first[at] = r
				continue
			}
			key := VIP.Name
			if !VIP.IsSet(r.raw) || i > 0 {
				key = VIPs.Name
			}
			if other == r {
				r.fault(key, a.Addr.String(), "is listed twice")
			} else {
				r.conflict(key, a.Addr.String(), "is already an address of %s", other, other.table+" on "+r.out.Interface)
			}
		}
	}
}

// virtualMACs refuses two virtual routers that would both set the MAC of an interface.
func (v *validator) virtualMACs(list []*router) {
	owner := map[string]*router{}
	for _, r := range list {
		if !r.out.VMAC || r.out.Type != engine.Ether || !Interface.IsSet(r.raw) {
			continue
		}
		if other, taken := owner[r.out.Interface]; taken {
			r.conflict(VMAC.Name, "true", "is not possible: %s already sets the MAC of "+r.out.Interface, other, other.table)
			continue
		}
		owner[r.out.Interface] = r
	}
	if len(owner) == 0 {
		return
	}
	for _, r := range list {
		other, set := owner[r.out.Interface]
		if set && other != r && r.out.Type == engine.Ether && !r.out.VMAC {
			r.warn("its addresses move to another MAC whenever %s, with vmac, becomes Master on %s", other.name(), r.out.Interface)
		}
	}
}

// names gives every macvlan its name: the configured one, or else its current one, or else the
// first free default. The names of interfaces that virtual routers run on are not free.
func (v *validator) names(list []*router) {
	type holder struct {
		*router
		what string
	}
	taken := make(map[string]holder, len(list)) // by name
	for _, r := range list {
		if _, known := taken[r.out.Interface]; Interface.IsSet(r.raw) && !known {
			taken[r.out.Interface] = holder{r, "the interface"}
		}
	}
	for _, r := range list {
		name := in(r, VIFName)
		if r.out.Type != engine.Macvlan || name == "" {
			continue
		}
		if other, known := taken[name]; known {
			r.conflict(VIFName.Name, quote(name), "is already "+other.what+" of %s", other.router, other.table)
			continue
		}
		taken[name] = holder{r, "the name of the macvlan"}
		r.out.VIFName = name
	}
	take := func(r *router, name string) {
		taken[name] = holder{router: r}
		r.out.VIFName = name
	}
	free := func(name string) bool { _, known := taken[name]; return !known }
	now := v.runningNames()
	for _, r := range list {
		if r.needsName() {
			if name := now[r.out.Key]; name != "" && free(name) && isDefaultName(r.out.Key, name) {
				take(r, name)
			}
		}
	}
	for _, r := range list {
		for n := 0; r.needsName(); n++ {
			if name := defaultName(r.out.Key, n); free(name) {
				take(r, name)
			}
		}
	}
}

func (r *router) needsName() bool {
	return r.identified && r.out.Type == engine.Macvlan && !VIFName.IsSet(r.raw) && r.out.VIFName == ""
}

// runningNames returns the names of the macvlans of the running configuration.
func (v *validator) runningNames() map[engine.Key]string {
	if v.running == nil {
		return nil
	}
	names := map[engine.Key]string{}
	for i := range v.running.Engine.Routers {
		if r := &v.running.Engine.Routers[i]; r.Type == engine.Macvlan {
			names[r.Key] = r.VIFName
		}
	}
	return names
}

// defaultName returns the n-th choice for the name of a macvlan. All but the first depend on the
// interface, so that the name does not depend on the order of the file.
func defaultName(k engine.Key, n int) string {
	name := "standby" + strconv.Itoa(int(k.VRID))
	switch n {
	case 0:
		return name
	case 1:
		if long := name + "-" + k.Interface; len(long) <= maxInterfaceName {
			return long
		}
		fallthrough
	default:
		h := fnv.New32a()
		fmt.Fprintf(h, "%s/%s/%d", k.Interface, k.Family, n)
		return fmt.Sprintf("%s-%04x", name, h.Sum32()&0xffff)
	}
}

// isDefaultName reports whether a name is one of the macvlan's possible default names.
func isDefaultName(k engine.Key, name string) bool {
	const tries = 8
	for n := range tries {
		if defaultName(k, n) == name {
			return true
		}
	}
	return false
}
