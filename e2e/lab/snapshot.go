// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"sort"
	"strings"
)

// Snapshot is the state of a namespace that a router may change, as comparable lines per subject.
type Snapshot map[string][]string

// Snapshot takes a snapshot of the namespace: links, addresses, routes and rules of both families, multicast
// memberships, firewall and the interfaces' settings. It does not contain counters, lifetimes and neighbors.
func (n *Namespace) Snapshot() Snapshot {
	n.lab.tb.Helper()
	s := Snapshot{}
	for name, argv := range map[string][]string{
		"links":       {"ip", "-d", "-o", "link"},
		"addresses":   {"ip", "-o", "addr"},
		"routes":      {"ip", "-d", "route", "show", "table", "all"},
		"routes6":     {"ip", "-6", "-d", "route", "show", "table", "all"},
		"rules":       {"ip", "rule"},
		"memberships": {"ip", "-o", "maddr"},
		"settings": {"sh", "-c",
			"grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/neigh 2>/dev/null || true"},
	} {
		s[name] = lines(n.Run(argv...))
	}
	if out, err := n.Try("nft", "list", "ruleset"); err == nil {
		s["firewall"] = lines(out)
	}
	return s
}

// volatile are settings that change by themselves.
var volatile = []string{"stable_secret", "/temp_"}

func lines(s string) []string {
	var out []string
	for _, line := range strings.Split(s, "\n") {
		if strings.TrimSpace(line) == "" || containsAny(line, volatile) {
			continue
		}
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	sort.Strings(out)
	return out
}

func containsAny(s string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// Addrs returns the IPv4 addresses in the namespace by interface, without those of the loopback.
func (n *Namespace) Addrs() map[string][]netip.Prefix {
	n.lab.tb.Helper()
	addrs, err := n.addrs("-4")
	if err != nil {
		n.lab.tb.Fatalf("%s: %v", n.Role, err)
	}
	return addrs
}

// addrs is Addrs of the family "-4" or "-6".
func (n *Namespace) addrs(family string) (map[string][]netip.Prefix, error) {
	var links []struct {
		Name  string `json:"ifname"`
		Addrs []struct {
			Local string `json:"local"`
			Len   int    `json:"prefixlen"`
		} `json:"addr_info"`
	}
	out, err := n.Try("ip", family, "-j", "addr")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		return nil, fmt.Errorf("ip -j addr: %w", err)
	}
	addrs := map[string][]netip.Prefix{}
	for _, l := range links {
		for _, a := range l.Addrs {
			ip, err := netip.ParseAddr(a.Local)
			if err != nil {
				return nil, err
			}
			if !ip.IsLoopback() {
				addrs[l.Name] = append(addrs[l.Name], netip.PrefixFrom(ip, a.Len))
			}
		}
	}
	return addrs, nil
}

// Holds returns the interface that has an address and is up, or "".
func (n *Namespace) Holds(addr string) string {
	n.lab.tb.Helper()
	want := netip.MustParseAddr(addr)
	family := "-4"
	if want.Is6() {
		family = "-6"
	}
	all, err := n.addrs(family)
	if err != nil {
		n.lab.tb.Fatalf("%s: %v", n.Role, err)
	}
	for ifname, prefixes := range all {
		for _, p := range prefixes {
			if p.Addr() == want {
				return ifname
			}
		}
	}
	return ""
}

// Neighbor returns the link-layer address that the namespace has cached for an address, or "".
func (n *Namespace) Neighbor(addr string) string {
	n.lab.tb.Helper()
	var entries []struct {
		MAC string `json:"lladdr"`
	}
	if err := json.Unmarshal([]byte(n.Run("ip", "-j", "neigh", "show", addr)), &entries); err != nil {
		n.lab.tb.Fatalf("ip -j neigh: %v", err)
	}
	if len(entries) == 0 {
		return ""
	}
	return entries[0].MAC
}

// MAC returns the link-layer address of one of the namespace's interfaces.
func (n *Namespace) MAC(ifname string) string {
	n.lab.tb.Helper()
	var links []struct {
		MAC string `json:"address"`
	}
	if err := json.Unmarshal([]byte(n.Run("ip", "-j", "link", "show", ifname)), &links); err != nil || len(links) != 1 {
		n.lab.tb.Fatalf("ip -j link show %s: %v", ifname, err)
	}
	return links[0].MAC
}

// Links returns the names of the namespace's interfaces, sorted.
func (n *Namespace) Links() []string {
	n.lab.tb.Helper()
	var links []struct {
		Name string `json:"ifname"`
	}
	if err := json.Unmarshal([]byte(n.Run("ip", "-j", "link")), &links); err != nil {
		n.lab.tb.Fatalf("ip -j link: %v", err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Name)
	}
	sort.Strings(names)
	return names
}
