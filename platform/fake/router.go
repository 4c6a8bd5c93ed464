// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"vrrpsh/platform"
)

// Router is a machine with a kernel. Its methods are actions of an administrator, and
// accidents.
type Router struct {
	net       *network
	name      string
	links     map[int]*link
	lastIndex int
	// held are the changes of Systems to this kernel. They outlive the System.
	held     map[platform.ID]*holding
	holdings []*holding // the same, in order
	// wanted and routed are what Systems were last asked for.
	wanted map[platform.ID]platform.Attachment
	routed []platform.Route
	laid   []platform.Route // the routed ones that were installed
	// recorded are the names of macvlans that may exist, marked or not.
	recorded map[platform.ID]string
	routes   []route
	system   *System // the program that runs, if any
	faults   Faults
}

// link is an interface of a Router.
type link struct {
	router *Router
	index  int
	name   string
	mac    mac
	mtu    int
	up     bool // administratively
	port   *port
	parent int // of a macvlan
	upper  int // the bridge that it is a port of; 0: none
	addrs  []netip.Prefix
	// linkLocal are addresses that come back with IPv6.
	linkLocal []netip.Prefix
	// owner is set for a macvlan that a System made.
	owner *platform.ID
}

// AddRouter adds a machine to the LAN, with the interface "eth0".
func (l *LAN) AddRouter(name string, addrs ...netip.Prefix) *Router {
	r := &Router{net: l.net, name: name, lastIndex: 1, links: make(map[int]*link)}
	r.reset()
	r.AddLink(l, "eth0", addrs...)
	return r
}

// reset forgets everything that Systems did.
func (r *Router) reset() {
	r.held, r.holdings, r.routes, r.routed, r.laid = make(map[platform.ID]*holding), nil, nil, nil, nil
	r.wanted, r.recorded = make(map[platform.ID]platform.Attachment), make(map[platform.ID]string)
}

// Name returns the router's name.
func (r *Router) Name() string { return r.name }

// lock locks the network and returns the function to unlock it.
func (r *Router) lock() (unlock func()) {
	r.net.mu.Lock()
	return r.net.mu.Unlock
}

// AddLink adds an Ethernet interface that is up and plugged into a LAN; with a nil LAN it has
// no carrier. It returns the interface's index.
func (r *Router) AddLink(l *LAN, name string, addrs ...netip.Prefix) int {
	defer r.lock()()
	if l != nil && l.net != r.net {
		panic("fake: the LAN is of another network")
	}
	k := r.newLink(name, r.net.newMAC())
	k.up, k.addrs = true, slices.Clone(addrs)
	k.port = &port{lan: l, station: k, unplugged: true}
	if l != nil {
		k.port = l.plug(k)
	}
	return k.index
}

// AddMacvlan adds a foreign macvlan, which is up.
func (r *Router) AddMacvlan(name, parent string) error {
	defer r.lock()()
	p, err := r.find(parent)
	if err != nil {
		return err
	}
	if r.named(name) != nil {
		return fmt.Errorf("%s: file exists", name)
	}
	k := r.newLink(name, r.net.newMAC())
	k.parent, k.up = p.index, true
	return nil
}

// ForgetMembership makes the kernel forget that sockets are members of the multicast group of a family on an interface, as Linux
// does with IPv6 when the MTU is too small for it. They hear nothing any more.
func (r *Router) ForgetMembership(name string, family platform.Family) error {
	defer r.lock()()
	k, err := r.find(name)
	if err == nil && r.system != nil {
		r.system.breakConns(k, func(c *conn) { c.deaf = c.deaf || c.family == family })
	}
	return err
}

// Move takes an interface to another network namespace and back. It is as it was, but of the sockets that were open none hears or
// sends any more.
func (r *Router) Move(name string) error {
	defer r.lock()()
	k, err := r.find(name)
	if err == nil && r.system != nil {
		r.system.breakConns(k, (*conn).end)
	}
	return err
}

// SetPort makes an interface a port of a bridge, which is made if it does not exist, or, with "", no port of any. A bridge takes
// all that its ports receive.
func (r *Router) SetPort(name, bridge string) error {
	upper := 0
	if bridge != "" {
		unlock := r.lock()
		k := r.named(bridge)
		if k == nil {
			k = r.newLink(bridge, r.net.newMAC())
			k.port = &port{station: k, unplugged: true}
		}
		upper = k.index
		unlock()
	}
	return r.change(name, func(k *link) error {
		k.upper = upper
		return nil
	})
}

func (r *Router) newLink(name string, m mac) *link {
	r.lastIndex++
	k := &link{router: r, index: r.lastIndex, name: name, mac: m, mtu: 1500}
	r.links[k.index] = k
	r.changed(k)
	return k
}

// DeleteLink deletes an interface, with the macvlans on it.
func (r *Router) DeleteLink(name string) error {
	defer r.lock()()
	k, err := r.find(name)
	if err != nil {
		return err
	}
	for _, child := range r.children(k) {
		r.deleteLink(child)
	}
	r.deleteLink(k)
	return nil
}

// deleteLink deletes an interface, and reports the losses to the System.
func (r *Router) deleteLink(k *link) {
	for _, h := range slices.Clone(r.holdings) {
		if h.carrier == k.index {
			r.lost(h.id)
			r.forget(h)
		}
	}
	r.dropLink(k)
}

func (r *Router) dropLink(k *link) {
	r.dropRoutes(func(x route) bool { return x.out == k.index })
	if k.port != nil && k.port.lan != nil {
		k.port.pull()
	}
	delete(r.links, k.index)
	for _, p := range r.links {
		if p.upper == k.index {
			p.upper = 0
			r.changed(p)
		}
	}
	if s := r.system; s != nil {
		s.dropConns(k.index)
		s.news.gone = append(s.news.gone, k.index)
		delete(s.news.links, k.index)
		s.tell()
	}
}

// Rename renames an interface.
func (r *Router) Rename(from, to string) error {
	return r.change(from, func(k *link) error {
		if r.named(to) != nil {
			return fmt.Errorf("%s: file exists", to)
		}
		k.name = to
		for _, p := range r.links {
			if p.upper == k.index {
				r.changed(p)
			}
		}
		return nil
	})
}

// SetUp sets an interface administratively up or down.
func (r *Router) SetUp(name string, up bool) error {
	return r.change(name, func(k *link) error {
		k.up = up
		if !up {
			r.dropRoutes(func(x route) bool { return x.out == k.index })
		}
		if h := r.owner(k); h != nil && h.active && !up {
			r.lost(h.id)
		}
		return nil
	})
}

// SetMAC changes an interface's address.
func (r *Router) SetMAC(name string, mac [6]byte) error {
	return r.change(name, func(k *link) error {
		k.mac = mac
		for _, h := range r.holdings {
			if h.carrier == k.index && h.setMAC {
				h.setMAC = false
				r.diverged()
			}
		}
		if r.owner(k) != nil {
			r.diverged()
		}
		return nil
	})
}

// minMTU6 is the smallest MTU with which an interface has IPv6 (RFC 8200 section 5).
const minMTU6 = 1280

// SetMTU changes an interface's MTU, and makes the MTUs of its macvlans smaller if necessary. An MTU too small for IPv6 removes
// all IPv6 addresses and memberships of groups; a larger MTU brings back only the link-local addresses.
func (r *Router) SetMTU(name string, mtu int) error {
	return r.change(name, func(k *link) error {
		for _, c := range r.children(k) {
			r.resize(c, min(c.mtu, mtu))
		}
		r.resize(k, mtu)
		r.diverged()
		return nil
	})
}

func (r *Router) resize(k *link, mtu int) {
	had, has := k.mtu >= minMTU6, mtu >= minMTU6
	k.mtu = mtu
	switch {
	case had && !has:
		k.dropIPv6()
	case has && !had:
		k.addrs = append(k.addrs, k.linkLocal...)
		k.linkLocal = nil
	}
}

// dropIPv6 removes IPv6 from an interface.
func (k *link) dropIPv6() {
	r := k.router
	k.linkLocal = nil
	for _, p := range k.addrs {
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			k.linkLocal = append(k.linkLocal, p)
		}
	}
	is6 := func(p netip.Prefix) bool { return p.Addr().Is6() }
	k.addrs = slices.DeleteFunc(k.addrs, is6)
	for _, h := range r.holdings {
		if h.carrier == k.index && slices.ContainsFunc(h.addrs, is6) {
			h.addrs = slices.DeleteFunc(h.addrs, is6)
			r.lost(h.id)
		}
	}
	if s := r.system; s != nil {
		s.breakConns(k, func(c *conn) {
			c.deaf = c.deaf || c.family == platform.IPv6
		})
	}
}

// Detach moves an interface to another network namespace, without its addresses, sockets and macvlans. attach moves it back,
// with the same index, unless there is another interface with its name by then.
func (r *Router) Detach(name string) (attach func() error, err error) {
	defer r.lock()()
	k, err := r.find(name)
	if err != nil {
		return nil, err
	}
	for _, child := range r.children(k) {
		r.deleteLink(child)
	}
	lan := k.port.lan
	r.deleteLink(k)
	return func() error {
		defer r.lock()()
		if r.named(name) != nil || r.links[k.index] != nil {
			return fmt.Errorf("%s: file exists", name)
		}
		back := &link{router: r, index: k.index, name: name, mac: k.mac, mtu: k.mtu, up: true}
		back.port = &port{station: back, unplugged: true}
		if lan != nil {
			back.port = lan.plug(back)
		}
		r.links[back.index] = back
		r.changed(back)
		return nil
	}, nil
}

// AddAddr adds an address to an interface.
func (r *Router) AddAddr(name string, addr netip.Prefix) error {
	return r.change(name, func(k *link) error {
		if r.holder(k, addr) != nil || slices.Contains(k.addrs, addr) {
			return fmt.Errorf("%s: file exists", addr)
		}
		if addr.Addr().Is6() && k.mtu < minMTU6 {
			return fmt.Errorf("%s: invalid argument", addr)
		}
		k.addrs = append(k.addrs, addr)
		return nil
	})
}

// DelAddr removes an address from an interface, even one that a System installed.
func (r *Router) DelAddr(name string, addr netip.Prefix) error {
	return r.change(name, func(k *link) error {
		if h := r.holder(k, addr); h != nil {
			h.addrs = slices.DeleteFunc(h.addrs, func(a netip.Prefix) bool { return a == addr })
			r.lost(h.id)
			return nil
		}
		i := slices.Index(k.addrs, addr)
		if i < 0 {
			return fmt.Errorf("%s: cannot assign requested address", addr)
		}
		k.addrs = slices.Delete(k.addrs, i, i+1)
		return nil
	})
}

// Unplug pulls the cable out of an interface: it loses its carrier.
func (r *Router) Unplug(name string) error { return r.cable(name, true, false) }

// Cut makes all frames of an interface disappear, without either end noticing.
func (r *Router) Cut(name string) error { return r.cable(name, false, true) }

// Plug undoes Unplug and Cut.
func (r *Router) Plug(name string) error { return r.cable(name, false, false) }

func (r *Router) cable(name string, unplugged, silent bool) error {
	return r.change(name, func(k *link) error {
		if k.port == nil || k.port.lan == nil {
			return fmt.Errorf("%s has no cable", name)
		}
		if unplugged {
			k.port.forget()
		}
		k.port.unplugged, k.port.silent = unplugged, silent
		return nil
	})
}

// LoseNews loses the notifications that the program has not read yet. The program learns the whole state instead.
func (r *Router) LoseNews() {
	defer r.lock()()
	if r.system != nil {
		r.system.news = news{links: make(map[int]bool), whole: true, diverged: true}
		r.system.tell()
	}
}

// Pause stops the router program, not the kernel, like SIGSTOP; Resume continues
// it. Packets for it are queued.
func (r *Router) Pause() { r.pause(true) }

// Resume undoes Pause.
func (r *Router) Resume() { r.pause(false) }

func (r *Router) pause(paused bool) {
	defer r.lock()()
	if r.system != nil {
		r.system.paused = paused
		r.system.signal()
	}
}

// Link is the visible state of an interface.
type Link struct {
	Index   int
	Name    string
	MAC     [6]byte
	Up      bool   // administratively
	Parent  string // of a macvlan
	MTU     int
	Running bool // up, with a carrier
	Addrs   []netip.Prefix
	// Ours is true for macvlans made by a System.
	Ours bool
}

// Links returns all interfaces with all addresses, by index.
func (r *Router) Links() []Link {
	defer r.lock()()
	var list []Link
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		k := r.links[index]
		v := Link{Index: k.index, Name: k.name, MAC: r.currentMAC(k), Up: k.up, MTU: k.mtu, Running: r.running(k), Ours: k.owner != nil}
		if p := r.links[k.parent]; p != nil {
			v.Parent = p.name
		}
		v.Addrs = append(slices.Clone(k.addrs), r.installed(k)...)
		list = append(list, v)
	}
	return list
}

// Has reports whether an interface of the router has the address.
func (r *Router) Has(addr netip.Addr) bool {
	return slices.ContainsFunc(r.Links(), func(k Link) bool {
		return slices.ContainsFunc(k.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
	})
}

// OwnAddrs returns the addresses of an interface that were not installed by a System.
func (r *Router) OwnAddrs(name string) []netip.Prefix {
	defer r.lock()()
	if k := r.named(name); k != nil {
		return slices.Clone(k.addrs)
	}
	return nil
}

// Reboot ends the program and removes all routes, macvlans and other changes of Systems.
func (r *Router) Reboot() {
	defer r.lock()()
	if r.system != nil {
		r.system.end(ErrKilled)
	}
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		if k := r.links[index]; k.port == nil {
			r.dropLink(k)
		}
	}
	r.reset()
}

// FlushFilter removes the packet filter that closes addresses.
func (r *Router) FlushFilter() {
	defer r.lock()()
	for _, h := range r.holdings {
		h.refused = false
	}
	if r.system != nil {
		r.system.tell()
	}
}

// change changes an interface and reports it.
func (r *Router) change(name string, f func(*link) error) error {
	defer r.lock()()
	k, err := r.find(name)
	if err != nil {
		return err
	}
	if err := f(k); err != nil {
		return err
	}
	r.changed(k)
	for _, child := range r.children(k) {
		r.changed(child)
	}
	return nil
}

func (r *Router) find(name string) (*link, error) {
	if k := r.named(name); k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("%s: %w", name, platform.ErrNoLink)
}

func (r *Router) named(name string) *link {
	for _, k := range r.links {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (r *Router) children(k *link) []*link {
	var list []*link
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		if c := r.links[index]; c.parent == k.index {
			list = append(list, c)
		}
	}
	return list
}

// running reports whether an interface is up and has a carrier.
func (r *Router) running(k *link) bool {
	if k.parent != 0 {
		p := r.links[k.parent]
		return k.up && p != nil && r.running(p)
	}
	return k.up && !k.port.unplugged
}

// changed and lost notify the program that watches.
func (r *Router) changed(k *link) {
	if s := r.system; s != nil {
		s.news.links[k.index] = true
		// An interface that is back with its index before the report has not been away.
		s.news.gone = slices.DeleteFunc(s.news.gone, func(index int) bool { return index == k.index })
		s.tell()
	}
}

// diverged notifies the program that Reconcile may find something.
func (r *Router) diverged() {
	if s := r.system; s != nil {
		s.news.diverged = true
		s.tell()
	}
}

func (r *Router) lost(id platform.ID) {
	if s := r.system; s != nil {
		s.news.lost = append(s.news.lost, id)
		s.tell()
	}
}

// A link is the station of its port: it receives frames for itself and for its macvlans.

func (k *link) stationName() string { return k.router.name }

func (k *link) receive(f *Frame) {
	if s := k.router.system; s != nil && k.router.running(k) && k.upper == 0 {
		s.receive(k, &f.Packet)
	}
}

func (k *link) resolve(addr netip.Addr) (mac, bool) {
	r := k.router
	for _, h := range r.holdings {
		if h.link == k.index && r.running(k) && slices.Contains(h.owned, addr) {
			return h.mac, true
		}
	}
	for _, c := range append(r.children(k), k) {
		if r.running(c) && r.hasAddr(c, addr) {
			return r.currentMAC(c), true
		}
	}
	return mac{}, false
}

func (k *link) answers(dst mac, addr netip.Addr) bool {
	r := k.router
	// The frame must be for one of the interfaces; the address may be on any.
	accepted := false
	for _, c := range append(r.children(k), k) {
		accepted = accepted || r.running(c) && r.currentMAC(c) == dst
	}
	if !accepted {
		return false
	}
	for _, h := range r.holdings {
		if h.refused && slices.ContainsFunc(h.addrs, func(p netip.Prefix) bool { return p.Addr() == addr }) {
			return false
		}
	}
	for _, c := range r.links {
		if r.hasAddr(c, addr) {
			return true
		}
	}
	return false
}

func (r *Router) hasAddr(k *link, addr netip.Addr) bool {
	is := func(p netip.Prefix) bool { return p.Addr() == addr }
	return slices.ContainsFunc(k.addrs, is) || slices.ContainsFunc(r.installed(k), is)
}
