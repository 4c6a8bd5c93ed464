// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

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
	held   map[platform.ID]*holding
	routes []route
	system *System // the program that runs, if any
	faults Faults
}

// Faults are errors and delays of a Router's kernel. Functions are called with the
// network locked and must not call into this package.
type Faults struct {
	// ApplyTime is how long each call of Apply takes.
	ApplyTime time.Duration
	// Apply, Open and Send refuse attachments, sockets and frames with the returned error.
	Apply func(platform.Attachment) error
	Open  func(link string, family platform.Family) error
	Send  func(link string, f platform.Frame) error
	// Queue is how many packets wait for a Conn before more are lost; 0: DefaultQueue.
	Queue int
	// NoClaims makes WatchClaims hear nothing.
	NoClaims bool
}

// DefaultQueue is how many packets wait for a Conn before more are lost.
const DefaultQueue = 4096

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
	// owner is set for a macvlan that a System made.
	owner *platform.ID
}

// AddRouter adds a machine to the LAN, with the interface "eth0".
func (l *LAN) AddRouter(name string, addrs ...netip.Prefix) *Router {
	r := &Router{net: l.net, name: name, lastIndex: 1,
		links: make(map[int]*link), held: make(map[platform.ID]*holding)}
	r.AddLink(l, "eth0", addrs...)
	return r
}

// Name returns the router's name.
func (r *Router) Name() string { return r.name }

// SetFaults replaces the faults of the kernel.
func (r *Router) SetFaults(f Faults) {
	defer r.lock()()
	r.faults = f
}

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
		r.system.breakConns(k, func(c *conn) bool {
			c.deaf = c.deaf || c.family == family
			return c.family == family
		})
	}
	return err
}

// Move takes an interface to another network namespace and back. It is as it was, but of the sockets that were open none hears or
// sends any more.
func (r *Router) Move(name string) error {
	defer r.lock()()
	k, err := r.find(name)
	if err == nil && r.system != nil {
		r.system.breakConns(k, func(c *conn) bool {
			c.gone = true
			c.discard()
			return true
		})
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
	for _, h := range r.held {
		if h.carrier == k.index {
			r.lost(h.id)
			delete(r.held, h.id)
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
		return nil
	})
}

// AddAddr adds an address to an interface.
func (r *Router) AddAddr(name string, addr netip.Prefix) error {
	return r.change(name, func(k *link) error {
		if r.holder(k, addr) != nil || slices.Contains(k.addrs, addr) {
			return fmt.Errorf("%s: file exists", addr)
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
	Index  int
	Name   string
	MAC    [6]byte
	Up     bool   // administratively
	Parent string // of a macvlan
	Addrs  []netip.Prefix
	// Ours is true for macvlans made by a System.
	Ours bool
}

// Links returns all interfaces with all addresses, by index.
func (r *Router) Links() []Link {
	defer r.lock()()
	var list []Link
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		k := r.links[index]
		v := Link{Index: k.index, Name: k.name, MAC: r.currentMAC(k), Up: k.up, Ours: k.owner != nil}
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

// FlushFilter removes the packet filter that closes addresses.
func (r *Router) FlushFilter() {
	defer r.lock()()
	for _, h := range r.held {
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
	for _, c := range r.links {
		if c.parent == k.index {
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
	for _, h := range r.held {
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
	for _, h := range r.held {
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
