// SPDX-License-Identifier: GPL-3.0-only

package platform

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Family is an address family by the number of its IP version.
type Family uint8

// The address families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Errors that callers distinguish.
var (
	// ErrNoLink means that the interface does not exist (any more). It is syscall.ENODEV, too.
	ErrNoLink error = noLink{}
	// ErrConflict means that another program's object is in the way, such as an
	// interface with the macvlan's name.
	ErrConflict = errors.New("in use by something else")
	// ErrUnsupported means that this operating system does not support the operation.
	ErrUnsupported = errors.New("not supported on this platform")
)

// noLink is ErrNoLink.
type noLink struct{}

// Error implements error.
func (noLink) Error() string { return "no such interface" }

// Is implements the interface of errors.Is.
func (noLink) Is(target error) bool { return target == syscall.ENODEV }

// Link is an interface of the host.
type Link struct {
	Index    int
	Name     string
	MAC      [6]byte
	MTU      int
	Up       bool // administratively up, with a carrier
	Ethernet bool // has Ethernet framing and is not the loopback
	// ForwardsIPv6 is true if the interface routes IPv6; it sets the Router flag of Neighbor Advertisements.
	ForwardsIPv6 bool
	Parent       int // lower interface of a macvlan or VLAN; 0 if none
	// Macvlan says that it is a macvlan, ours or not.
	Macvlan bool
	// PortOf is the bridge, bond or the like that takes what the interface receives; empty if there is none.
	PortOf string
	// Ours is true for interfaces that this System created.
	Ours bool
	// Addrs are the addresses, without those that this System installed.
	Addrs []netip.Prefix
}

// Update is a change of the host's interfaces, reported by Watch.
type Update struct {
	// Links are the new or changed interfaces, in full.
	Links []Link
	// Gone are the indexes of interfaces that no longer exist.
	Gone []int
	// Lost are the virtual routers that lost an installed address or link to another program.
	Lost []ID
	// RoutesLost is true if another program removed an installed route.
	RoutesLost bool
	// Broken are sockets that no longer receive or send although their interface exists: the kernel has forgotten the
	// membership in the multicast group, or the earlier state of the interface. They must be opened again.
	Broken []Socket
	// Diverged is true if the kernel state may differ from the desired state in other ways, as after lost notifications: a
	// Reconciler finds out.
	Diverged bool
}

// Empty reports whether an Update says nothing.
func (u *Update) Empty() bool {
	return len(u.Links)+len(u.Gone)+len(u.Lost)+len(u.Broken) == 0 && !u.RoutesLost && !u.Diverged
}

// Socket names the sockets of an interface and family.
type Socket struct {
	Link   int
	Family Family
}

// ID names a virtual router in records of changes to the kernel.
type ID struct {
	Link   string // name of the configured interface
	Family Family
	VRID   uint8
}

// Compare orders IDs by interface, family and VRID.
func (id ID) Compare(o ID) int {
	return cmp.Or(strings.Compare(id.Link, o.Link), cmp.Compare(id.Family, o.Family), cmp.Compare(id.VRID, o.VRID))
}

// Attachment is the desired kernel state of a virtual router.
type Attachment struct {
	ID   ID
	Link int // index of the configured interface
	// Macvlan puts the addresses on a macvlan called Name with the address MAC,
	// which is down unless Active. Otherwise they are on the interface itself.
	Macvlan bool
	Name    string
	MAC     [6]byte // the virtual MAC
	// SetMAC gives the interface itself the virtual MAC while Active (not with Macvlan).
	SetMAC bool
	// IOCTL sets addresses and MAC by ioctl on systems that also have another API (IPv4, not with Macvlan).
	IOCTL bool
	Addrs []netip.Prefix
	// Owned are virtual addresses that the interface has by itself. With Macvlan and while Active all that is said of
	// them by ARP and Neighbor Discovery says that they are at the virtual MAC, where that is possible.
	Owned []netip.Addr
	// Present false: nothing of the virtual router shall remain.
	Present bool
	// Active true: the addresses are installed.
	Active bool
	// Closed discards all packets to the addresses except ARP and Neighbor Discovery, and with
	// Ping echo requests. Routed packets are not affected. While Watch runs, this is restored when
	// other programs change the packet filter.
	Closed, Ping bool
}

// Route is a static route of IPv4 in the main table.
type Route struct {
	Destination netip.Prefix
	NextHop     netip.Addr
	Metric      uint32
	MTU         uint32 // 0: that of the interface
	// Active true: the route is installed.
	Active bool
}

// Packet is a received VRRP packet. Payload, after the IP header, is valid until the next Recv.
type Packet struct {
	Link     int // index of the interface
	Src, Dst netip.Addr
	TTL      uint8 // or hop limit
	Payload  []byte
	// AH says that Payload was in an IPsec Authentication Header. Nobody can read that here: such packets are
	// received to tell of them. They may be fewer than there were.
	AH bool
}

// Family returns the address family.
func (p *Packet) Family() Family { return familyOf(p.Src) }

func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Frame is one VRRP message to send, with TTL 255 and DSCP CS6: to the multicast group of the family, or
// to a single peer, by the system's routes and neighbors.
type Frame struct {
	Link    int        // index of the interface
	MAC     [6]byte    // Ethernet source, with the group
	Peer    netip.Addr // invalid: the group
	Source  netip.Addr
	Payload []byte
}

// Family returns the address family.
func (f *Frame) Family() Family { return familyOf(f.Source) }

// Announcement is one gratuitous ARP or unsolicited Neighbor Advertisement.
type Announcement struct {
	Link   int     // index of the interface
	MAC    [6]byte // the address's owner and the Ethernet source
	Addr   netip.Addr
	Router bool // Router flag of a Neighbor Advertisement
}

// Family returns the address family.
func (a *Announcement) Family() Family { return familyOf(a.Addr) }

// Conn lets a System send and receive VRRP on one interface for one family. Listen belongs to the goroutine that receives;
// any goroutine may call Close.
type Conn interface {
	// Listen limits reception. Until the first call there is no limit. Waiting packets that are no longer wanted are discarded.
	Listen(l Listen) error
	Close() error
}

// Listen says what a Conn receives.
type Listen struct {
	VRIDs []uint8 // what is received, in the kernel if possible; nil: everything
	// AnyTTL says that packets with another TTL than 255 can be valid, however many there are.
	AnyTTL bool
	// Urgent are the VRIDs whose packets end Wait at once, as those with priority 0 do. The other packets may wait for as
	// long as Patience, so that many of them are read at a time.
	Urgent   []uint8
	Patience time.Duration
}

// SocketError is an error of the Conn of one interface.
type SocketError struct {
	Socket
	Err error
}

func (e *SocketError) Error() string { return e.Err.Error() }

func (e *SocketError) Unwrap() error { return e.Err }

// ThreadKeeper is a System that must know if the goroutine that calls Wait may not change its thread from now on.
type ThreadKeeper interface {
	KeepThread()
}

// LossCounter is a System that knows how many packets it has lost since its receive buffers were full.
type LossCounter interface {
	Lost() uint64
}

// RouteWatcher is a System that can watch the host's routes.
type RouteWatcher interface {
	// WatchRoutes reports which of the destinations are in the main routing table. It calls fn, from one
	// goroutine, first and after each change, until ctx ends or the System is closed; then it
	// returns nil. Routes made by SetRoutes, and unusable ones, do not count.
	WatchRoutes(ctx context.Context, destinations []netip.Prefix, fn func(present []bool)) error
}

// Claim is a message by ARP or Neighbor Discovery in which another host on an interface says that an address has a MAC address.
type Claim struct {
	Link  int
	Addr  netip.Addr
	MAC   [6]byte
	Times uint64 // since the last call
}

// ClaimWatcher is a System that can watch other hosts' claims.
type ClaimWatcher interface {
	// WatchClaims reports claims of these addresses on all interfaces, until ctx ends or the System is closed; then it
	// returns nil. It calls fn from one goroutine at a time; fn may keep the slice. The number of calls per second is limited,
	// and in a flood some claims are lost.
	WatchClaims(ctx context.Context, addrs []netip.Addr, fn func([]Claim)) error
}

// Reconciler is a System that can compare what it shall have in the kernel with what is there.
type Reconciler interface {
	// Reconcile compares the kernel with what Apply and SetRoutes were last asked for, in both directions. It removes what
	// the System has made and nobody wants any more, also what Recover could not remove; it puts right what follows
	// something else, such as the settings of a macvlan those of its interface. It returns the virtual routers that miss
	// something, which Apply puts back, and whether a static route is missing. The error says what it could not do.
	// It belongs to the goroutine that calls Apply.
	Reconcile() (lost []ID, routesLost bool, err error)
}

// System is an operating system as the router sees it. One goroutine calls Recv, Send, Announce and Wait;
// any goroutine may call Wake; one other goroutine calls the methods that change the kernel.
// A System never removes anything that it did not create.
type System interface {
	// Recover removes everything that an earlier run left behind when it ended without Close.
	Recover() error
	// Links returns all interfaces.
	Links() ([]Link, error)
	// Watch calls fn, from one goroutine, first with all interfaces, then for changes, until ctx
	// ends or the System is closed; then it returns nil. After lost notifications it reports the
	// whole state again.
	Watch(ctx context.Context, fn func(Update)) error
	// Open begins to receive and send on an interface.
	Open(link int, family Family, source netip.Addr) (Conn, error)
	// Recv reads packets of the Conns into p without blocking and returns their number; 0 and no error mean that all packets
	// that had arrived when the last Wait ended were read. The packets of one sender come in the order of their arrival. A
	// SocketError concerns one Conn only; the others can still be read.
	Recv(p []Packet) (int, error)
	// Send sends frames in as few system calls as possible. It returns how many it sent; an
	// error concerns the first frame that was not sent.
	Send(frames []Frame) (int, error)
	// Announce sends announcements in the same way.
	Announce(a []Announcement) (int, error)
	// Wait blocks until a Conn of this System has a packet that may not wait, Wake was called since the
	// last Wait, or the given time is reached; a zero time means no limit. It may return early.
	Wait(until time.Time) error
	// Wake makes the current Wait return, or if there is none the next.
	Wake()
	// Apply brings the kernel into the desired state of each attachment, idempotently. The
	// errors are per attachment; nil means that the state was reached. The error of an Active attachment
	// whose interface is gone is ErrNoLink; without Active there is no error,
	// since nothing of it remains. If the interface already has an address of its own, the address stays;
	// this is not an error.
	Apply(batch []Attachment) []error
	// SetRoutes makes the active routes of the list the only routes of this System, idempotently. The errors are per
	// route: an unreachable next hop, or ErrConflict for another route with the same destination and
	// metric. If another program has installed the same route, that route stays; this is not an error.
	// ErrUnsupported is returned for inactive routes, too.
	SetRoutes(routes []Route) []error
	// Close removes everything that Apply and SetRoutes made, and restores the settings that they changed.
	Close() error
	// Leave ends the System like Close, but leaves the kernel unchanged for another System, in the
	// same or in another process. That System passes the result of Leave, private JSON, to Adopt.
	Leave() ([]byte, error)
	// Adopt takes over the kernel state that another System left, as if this System's Apply and SetRoutes had made it,
	// and removes everything else that an earlier run left behind. It is called first, instead of Recover.
	Adopt(left []byte) error
}
