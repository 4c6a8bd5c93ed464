// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// setting is one of the kernel's IPv4 settings of an interface (net.ipv4.conf.NAME.*), by
// its number in netlink (IPV4_DEVCONF_*). They are read and set there, and not in /proc/sys, which
// is read only in many containers and under a hardened service manager.
type setting int

// The settings that matter here.
const (
	forwarding         setting = 1
	proxyARP           setting = 3
	rpFilter           setting = 8
	arpFilter          setting = 13
	arpAnnounce        setting = 18
	arpIgnore          setting = 19
	promoteSecondaries setting = 20
	acceptLocal        setting = 23
)

var settingNames = map[setting]string{
	forwarding: "forwarding", proxyARP: "proxy_arp", rpFilter: "rp_filter", arpFilter: "arp_filter",
	arpAnnounce: "arp_announce", arpIgnore: "arp_ignore", promoteSecondaries: "promote_secondaries",
	acceptLocal: "accept_local",
}

// String returns the name in /proc/sys/net/ipv4/conf.
func (s setting) String() string {
	if n, ok := settingNames[s]; ok {
		return n
	}
	return fmt.Sprintf("setting(%d)", int(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s setting) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *setting) UnmarshalText(b []byte) error {
	for k, n := range settingNames {
		if n == string(b) {
			*s = k
			return nil
		}
	}
	return fmt.Errorf("unknown setting %q", b)
}

// Values of settings.
const (
	// ignoreOthers answers ARP only for addresses of the interface that was asked on.
	ignoreOthers = 1
	// announceBest sends ARP requests only from an address of the interface they leave on.
	announceBest = 2
	// looseRPFilter accepts sources that are reachable through any interface.
	looseRPFilter = 2
)

// parentSettings are the least values that a configured interface needs with a macvlan on it.
//
// arp_ignore: the virtual address is local, so the interface would answer for it too, with its
// own MAC. arp_announce: a request for a host's MAC on behalf of a packet from the
// virtual address would carry that address with the interface's MAC, and the host would believe it.
// accept_local: see ownSettings.
var parentSettings = map[setting]uint32{arpIgnore: ignoreOthers, arpAnnounce: announceBest, acceptLocal: 1}

// ownSettings are those that an interface needs whose own list the virtual addresses join.
//
// promote_secondaries: an address of the same subnet that is added later is subordinate to ours, or
// ours to an earlier one, and would vanish with it. accept_local: the adverts of the address owner come from
// the virtual address, which is local to a Master that has to make way for it.
var ownSettings = map[setting]uint32{promoteSecondaries: 1, acceptLocal: 1}

// macvlanSettings are set on a macvlan.
//
// arp_ignore: it answers for virtual addresses only, never with the virtual MAC for others of
// the host. rp_filter and arp_filter: the way back to a host leads through the parent, which
// is no reason to discard what comes in here. proxy_arp: all that the parent can reach is
// elsewhere from here, so it would answer for the whole subnet. forwarding: as on the parent.
func macvlanSettings(parent *kernelLink, allRPFilter uint32) map[setting]uint32 {
	s := map[setting]uint32{arpIgnore: ignoreOthers, arpAnnounce: announceBest, arpFilter: 0, proxyARP: 0, rpFilter: 0}
	if v, _ := parent.setting(int(rpFilter)); max(v, allRPFilter) != 0 {
		// The stricter of this and the setting for all interfaces counts, and loose is the stricter.
		s[rpFilter] = looseRPFilter
	}
	if v, ok := parent.setting(int(forwarding)); ok {
		s[forwarding] = v
	}
	return s
}

// readAllRPFilter returns net.ipv4.conf.all.rp_filter of the calling thread's namespace.
func readAllRPFilter() uint32 {
	b, err := os.ReadFile("/proc/sys/net/ipv4/conf/all/rp_filter")
	if err != nil {
		return 0
	}
	v, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	return uint32(v)
}

// settleIPv6 keeps a macvlan from sending anything of IPv6 by itself that the address
// generation mode does not. One that carries IPv6 has it switched on, whatever the default of this host for new
// interfaces is, and answers for its addresses with the same Router flag as the interface does. It is not indispensable and fails where /proc/sys is read only.
func settleIPv6(name string, family platform.Family, parent *kernelLink) {
	set := func(file, value string) {
		_ = os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", name, file), []byte(value), 0)
	}
	if family != platform.IPv6 {
		set("disable_ipv6", "1")
		return
	}
	forwarding := "0"
	if parent.ForwardsIPv6 {
		forwarding = "1"
	}
	set("disable_ipv6", "0")
	// Forwarding first: it would set accept_ra.
	set("forwarding", forwarding)
	set("accept_ra", "0")
}

// settingKey names a setting of an interface.
type settingKey struct {
	link    int
	setting setting
}

// planSettings restores settings of configured interfaces that no virtual router needs any more,
// notes those that the jobs need, and returns the steps that set them once they are recorded.
func (s *System) planSettings(build []*job) []step {
	needs := make(map[settingKey]uint32)
	for _, e := range s.registry.all() {
		wanted := ownSettings
		if e.want.Macvlan {
			wanted = parentSettings
		}
		for k, v := range wanted {
			needs[settingKey{e.want.Link, k}] = v
		}
	}
	s.restoreSettings(func(c *settingRecord) bool { return needs[settingKey{c.Link, c.Setting}] == 0 })

	parents := make(map[int]*kernelLink)
	for _, j := range build {
		parents[j.want.Link] = j.parent
	}
	set := make(map[int]map[setting]uint32)
	for k, v := range needs {
		parent := parents[k.link]
		if parent == nil {
			continue
		}
		now, ok := parent.setting(int(k.setting))
		if !ok || now >= v {
			continue
		}
		if _, ok := s.changes[k]; !ok {
			s.changes[k] = settingRecord{Link: k.link, Setting: k.setting, Original: now, Value: v}
		}
		if set[k.link] == nil {
			set[k.link] = make(map[setting]uint32)
		}
		set[k.link][k.setting] = v
	}
	var steps []step
	for link, settings := range set {
		name := parents[link].Name
		steps = append(steps, step{request: settingsRequest(link, settings, false), after: func(err error) {
			if err != nil {
				s.log.Warn("cannot set what the interface needs", "interface", name, "settings", settings, "error", err)
			}
		}})
	}
	return steps
}

// restoreSettings gives the settings that match their original value back, unless somebody has changed
// them since, and forgets them.
func (s *System) restoreSettings(match func(*settingRecord) bool) {
	var steps []step
	links := make(map[int]*kernelLink)
	for k, c := range s.changes {
		if !match(&c) {
			continue
		}
		delete(s.changes, k)
		l := links[k.link]
		if l == nil {
			found, err := s.change.link(k.link)
			if err != nil { // it is gone, and its settings with it
				continue
			}
			l = &found
			links[k.link] = l
		}
		if now, ok := l.setting(int(k.setting)); !ok || now != c.Value {
			continue
		}
		steps = append(steps, step{request: settingsRequest(k.link, map[setting]uint32{k.setting: c.Original}, false),
			after: func(err error) {
				if err != nil {
					s.log.Warn("cannot restore a setting", "interface", l.Name, "setting", k.setting, "error", err)
				}
			}})
	}
	s.run(steps)
}

// settingsRequest sets settings of an interface; with them, if silent, that it makes no IPv6
// address by itself.
func settingsRequest(index int, settings map[setting]uint32, silent bool) *request {
	const (
		inetConf    = 1 // IFLA_INET_CONF
		addrGenMode = 8 // IFLA_INET6_ADDR_GEN_MODE
		genNone     = 1 // IN6_ADDR_GEN_MODE_NONE
	)
	r, _ := linkRequest(unix.RTM_SETLINK, 0, index)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(inetConf, nil)
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		conf.AddRtAttr(int(k), nl.Uint32Attr(settings[k]))
	}
	if silent {
		spec.AddRtAttr(unix.AF_INET6, nil).AddRtAttr(addrGenMode, []byte{genNone})
	}
	r.AddData(spec)
	return r
}
