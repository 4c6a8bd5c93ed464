// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Group is the configuration of one virtual router for all kinds of routers.
type Group struct {
	VRID    uint8
	Version uint8
	// Interval is the Advertisement_Interval: whole seconds in VRRPv2, multiples of 10 ms in VRRPv3.
	Interval time.Duration
	// IPv6 makes it an IPv6 virtual router.
	IPv6 bool
	// Macvlan uses the virtual MAC address, on a macvlan; otherwise the interface's own MAC is used.
	Macvlan bool
	// XmitBase has a keepalived with Macvlan send and receive on the interface below (vmac_xmit_base).
	XmitBase bool
	// Secret is that of VRRPv2's simple authentication; "" is none.
	Secret string
	// Second puts it on eth1 of a lab with two segments.
	Second bool
	// Unicast are two routers that send to each other instead of to the multicast group.
	Unicast []*Namespace
	// Extra are additional lines for vrrpsh's [[vrouter]] table.
	Extra string
}

// VIP is the first virtual address.
func (g Group) VIP() string {
	switch {
	case g.IPv6:
		return VIP6
	case g.Second:
		return VIP2
	default:
		return VIP
	}
}

// iface is the interface of the virtual router.
func (g Group) iface() string {
	if g.Second {
		return "eth1"
	}
	return "eth0"
}

// VirtualMAC is the virtual router MAC address (RFC 9568 section 7.3).
func (g Group) VirtualMAC() net.HardwareAddr {
	mac := VirtualMAC(g.VRID)
	if g.IPv6 {
		mac[4] = 0x02
	}
	return mac
}

// unicast returns source and peer of a router that does not use the multicast group. In IPv6 both
// are global addresses.
func (g Group) unicast(n *Namespace) (source, peer string, ok bool) {
	i := slices.Index(g.Unicast, n)
	if i < 0 {
		return "", "", false
	}
	address := func(n *Namespace) string {
		if g.IPv6 {
			return n.Addr6()
		}
		return n.Addr
	}
	return address(n), address(g.Unicast[1-i]), true
}

// prefixes are the virtual addresses with their prefix lengths, in the order of the advert.
func (g Group) prefixes() []string {
	if g.IPv6 {
		return []string{VIP6 + "/64", VIP6Global + "/64"}
	}
	return []string{g.VIP() + "/24"}
}

// SkewTime is Skew_Time at a priority (RFC 3768 section 6.1, RFC 9568 section 6.1).
func (g Group) SkewTime(priority uint8) time.Duration {
	unit := g.Interval
	if g.Version == 2 {
		unit = time.Second
	}
	return time.Duration(256-int(priority)) * unit / 256
}

// MasterDown is Master_Down_Interval at a priority.
func (g Group) MasterDown(priority uint8) time.Duration {
	return 3*g.Interval + g.SkewTime(priority)
}

// Router runs one Group on eth0 of a namespace, with preemption.
type Router interface {
	// Node is its namespace.
	Node() *Namespace
	// Start starts it with the priority that SetPriority set last.
	Start()
	// SetPriority sets the priority, also of a running router.
	SetPriority(p uint8)
	// Stop ends it cleanly.
	Stop()
	// Kill ends it without a chance to clean up.
	Kill()
}

// startLimit and stopLimit bound the start and the clean end of a router's processes on a busy machine.
const (
	startLimit = 15 * time.Second
	stopLimit  = 10 * time.Second
)

// keepalived runs keepalived.
type keepalived struct {
	lab      *Lab
	node     *Namespace
	groups   []Group
	priority uint8
	proc     *Process
}

var _ Router = (*keepalived)(nil)

// Keepalived returns a keepalived for a namespace.
func (l *Lab) Keepalived(n *Namespace, g Group) Router { return l.KeepalivedSync(n, g) }

// KeepalivedSync returns a keepalived with several groups, in one sync group.
func (l *Lab) KeepalivedSync(n *Namespace, groups ...Group) Router {
	return &keepalived{lab: l, node: n, groups: groups, priority: 100}
}

func (k *keepalived) Node() *Namespace { return k.node }

// config writes the configuration file and returns its path.
func (k *keepalived) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  vrrp_version %d\n  router_id %s\n}\n", k.groups[0].Version, k.node.Role)
	if len(k.groups) > 1 {
		b.WriteString("vrrp_sync_group all {\n  group {\n")
		for _, g := range k.groups {
			fmt.Fprintf(&b, "    v%d\n", g.VRID)
		}
		b.WriteString("  }\n}\n")
	}
	for _, g := range k.groups {
		k.instance(&b, g)
	}
	return k.lab.File(k.node.Role+"-keepalived.conf", b.String())
}

// instance writes one virtual router.
func (k *keepalived) instance(b *strings.Builder, g Group) {
	fmt.Fprintf(b, "vrrp_instance v%d {\n  state BACKUP\n  interface %s\n  virtual_router_id %d\n  priority %d\n",
		g.VRID, g.iface(), g.VRID, k.priority)
	fmt.Fprintf(b, "  advert_int %g\n", g.Interval.Seconds())
	if g.Macvlan {
		// With vmac_xmit_base it hears only adverts from other MACs than the virtual one.
		fmt.Fprintf(b, "  use_vmac vrrp%d\n", g.VRID)
		if g.XmitBase {
			b.WriteString("  vmac_xmit_base\n")
		}
	}
	if source, peer, ok := g.unicast(k.node); ok {
		fmt.Fprintf(b, "  unicast_src_ip %s\n  unicast_peer {\n    %s\n  }\n", source, peer)
	}
	if g.Secret != "" {
		fmt.Fprintf(b, "  authentication {\n    auth_type PASS\n    auth_pass %s\n  }\n", g.Secret)
	}
	fmt.Fprintf(b, "  virtual_ipaddress {\n    %s\n  }\n}\n", strings.Join(g.prefixes(), "\n    "))
}

func (k *keepalived) Start() {
	k.lab.tb.Helper()
	pid := func(kind string) string { return k.lab.Dir + "/" + k.node.Role + "-" + kind + ".pid" }
	k.proc = k.lab.Start(k.node, "keepalived", "keepalived", "--dont-fork", "--log-console", "--log-detail",
		"--vrrp", "--use-file", k.config(), "--pid", pid("keepalived"), "--vrrp_pid", pid("vrrp"))
}

func (k *keepalived) SetPriority(p uint8) {
	k.lab.tb.Helper()
	k.priority = p
	if k.proc != nil && k.proc.Running() {
		k.config()
		k.proc.Signal(sigReload)
	}
}

func (k *keepalived) Stop() {
	k.lab.tb.Helper()
	k.proc.Signal(sigStop)
	k.proc.Wait(stopLimit)
}

func (k *keepalived) Kill() { k.proc.Kill() }
