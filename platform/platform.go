package platform

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Family is an address family by the number of its IP version.
type Family uint8

// The address families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Errors that callers tell apart.
var (
	// ErrNoLink means that the interface does not exist (any more).
	ErrNoLink = errors.New("no such interface")
	// ErrConflict means that something that is not ours is in the way, such as an
	// interface with the macvlan's name.
	ErrConflict = errors.New("in use by something else")
	// ErrUnsupported means that this operating system cannot do it.
	ErrUnsupported = errors.New("not supported on this platform")
)

// Link is an interface of the host.
type Link struct {
	Index    int
	Name     string
	MAC      [6]byte
	MTU      int
	Up       bool // administratively up, with a carrier
	Ethernet bool // has Ethernet framing and is not the loopback
	// ForwardsIPv6 says that it routes IPv6: the Router flag of Neighbor Advertisements.
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

// Update is a change of the host's interfaces, told by Watch.
type Update struct {
	// Links are the new or changed interfaces, in full.
	Links []Link
	// Gone are the indexes of interfaces that no longer exist.
	Gone []int
	// Lost are the virtual routers of which an installed address or link was removed from outside.
	Lost []ID
	// RoutesLost tells that an installed route was removed from outside.
	RoutesLost bool
	// Broken are sockets that do not hear or send any more although their interface exists: the kernel has forgotten the
	// membership in the multicast group, or what the interface was before. They must be opened again.
	Broken []Socket
}

// Socket names the sockets of an interface and family.
type Socket struct {
	Link   int
	Family Family
}

// ID names a virtual router in records of what was done to the kernel.
type ID struct {
	Link   string // name of the configured interface
	Family Family
	VRID   uint8
}

// Attachment is the kernel state that a virtual router shall have.
type Attachment struct {
	ID   ID
	Link int // index of the configured interface
	// Macvlan puts the addresses on a macvlan child called Name with the address MAC,
	// which is down unless Active. Otherwise they are on the interface itself.
	Macvlan bool
	Name    string
	MAC     [6]byte // the virtual MAC
	// SetMAC gives the interface itself the virtual MAC while Active (not with Macvlan).
	SetMAC bool
	// IOCTL sets addresses and MAC by ioctl where the system has another way too (IPv4, not with Macvlan).
	IOCTL bool
	Addrs []netip.Prefix
	// Owned are virtual addresses that the interface has by itself. With Macvlan and while Active all that is said of
	// them by ARP and Neighbor Discovery says that they are at the virtual MAC, where that is possible.
	Owned []netip.Addr
	// Present false: nothing of the virtual router shall remain.
	Present bool
	// Active true: the addresses are installed.
	Active bool
	// Closed keeps everything from being delivered to the addresses but ARP and Neighbor Discovery, and with
	// Ping echo requests. What is routed by way of them is not concerned. While Watch runs it stays so, whatever
	// others do to the packet filter.
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

// Packet is a received VRRP packet. Payload, behind the IP header, is valid until the next
// Recv on the same Conn.
type Packet struct {
	Src, Dst netip.Addr
	TTL      uint8 // or hop limit
	Payload  []byte
	// AH says that Payload was in an IPsec Authentication Header. Nobody can read that here: such packets are
	// received to tell of them. They may be fewer than there were.
	AH bool
}

// Frame is one VRRP message to send, with TTL 255 and DSCP CS6: to the multicast group of the family, or
// to a single peer, to which the system's routes and neighbors lead.
type Frame struct {
	MAC     [6]byte    // Ethernet source, with the group
	Peer    netip.Addr // invalid: the group
	Source  netip.Addr
	Payload []byte
}

// Announcement is one gratuitous ARP or unsolicited Neighbor Advertisement.
type Announcement struct {
	MAC    [6]byte // the address's owner and the Ethernet source
	Addr   netip.Addr
	Router bool // Router flag of a Neighbor Advertisement
}

// Conn sends and receives VRRP on one interface for one family. Its methods are
// called by one goroutine, except Close.
type Conn interface {
	// Recv reads packets into p without blocking and returns how many there were; 0 means that none of those
	// is left that had come when the last Wait of the System ended.
	Recv(p []Packet) (int, error)
	// Send sends frames in as few system calls as possible. It returns how many were sent; an
	// error concerns the first that was not.
	Send(frames []Frame) (int, error)
	// Announce sends announcements in the same way.
	Announce(a []Announcement) (int, error)
	// SetFilter limits what is received to these VRIDs, in the kernel where it can;
	// nil: no limit, as it is before the first call. Packets that waited already and do not
	// pass are not received any more.
	SetFilter(vrids []uint8) error
	Close() error
}

// RouteWatcher is a System that can follow the host's routes.
type RouteWatcher interface {
	// WatchRoutes calls fn, from one goroutine, with which of the destinations the main routing table
	// has, at first and whenever that has changed, until ctx ends or the System is closed; then it
	// returns nil. Routes that SetRoutes made, and those that cannot be used, do not count.
	WatchRoutes(ctx context.Context, destinations []netip.Prefix, fn func(present []bool)) error
}

// System is an operating system as the router sees it. Wait is called by the one goroutine that
// owns the Conns; Wake by any; the methods that change the kernel by one other
// goroutine. Nothing that a System did not create is ever removed by it.
type System interface {
	// Recover removes what an earlier run that ended without Close left behind.
	Recover() error
	// Links returns all interfaces.
	Links() ([]Link, error)
	// Watch calls fn, from one goroutine, first with all interfaces, then for changes, until ctx
	// ends or the System is closed; then it returns nil. After lost notifications it tells the
	// whole state again.
	Watch(ctx context.Context, fn func(Update)) error
	// Open opens the sockets of an interface.
	Open(link int, family Family, source netip.Addr) (Conn, error)
	// Wait blocks until a Conn of this System has a packet, Wake was called since the
	// last Wait, or the time has come; a zero time means no limit. It may return early.
	Wait(until time.Time) error
	// Wake makes the current or else the next Wait return.
	Wake()
	// Apply makes the kernel state of each attachment the desired one, idempotently. The
	// errors are per attachment; nil means that the state was reached. An attachment whose
	// interface is gone and that is to be Active is ErrNoLink; without Active it has no error,
	// since nothing of it remains. An address that the interface has by itself stays, and is
	// not an error.
	Apply(batch []Attachment) []error
	// SetRoutes makes the active ones of these the routes of this System, idempotently. The errors are per route: a
	// next hop that cannot be reached, or ErrConflict for another route with the same destination and
	// metric. When there is the very same route by somebody else, it stays, and is not an error.
	// ErrUnsupported comes for routes that are not active, too.
	SetRoutes(routes []Route) []error
	// Close removes everything that Apply and SetRoutes made and restores what it changed.
	Close() error
	// Leave ends the System in place of Close, but leaves the kernel as it is for another System, in the
	// same or in another process, that Adopts what Leave returns: JSON that nobody else understands.
	Leave() ([]byte, error)
	// Adopt makes what another System left this one's work, as if its Apply and SetRoutes had done it,
	// and removes what else an earlier run left behind. It comes first, in place of Recover.
	Adopt(left []byte) error
}
