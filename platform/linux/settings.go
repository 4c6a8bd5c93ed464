// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"io/fs"
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
// elsewhere from here, so it would answer for the whole subnet. promote_secondaries: an earlier release has
// installed addresses with the prefix length of their subnet, of which the first is not to take the others along. forwarding: as
// on the parent.
func macvlanSettings(parent *kernelLink, allRPFilter uint32) map[setting]uint32 {
	s := map[setting]uint32{arpIgnore: ignoreOthers, arpAnnounce: announceBest, arpFilter: 0, proxyARP: 0, rpFilter: 0, promoteSecondaries: 1}
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

// setting6 is one of the kernel's IPv6 settings of an interface (net.ipv6.conf.NAME.*), by its number in netlink
// (DEVCONF_*), where they are only read.
type setting6 int

// The settings that matter here.
const (
	forwarding6 setting6 = 0
	acceptRA    setting6 = 3
	autoconf    setting6 = 5
	disableIPv6 setting6 = 26
)

// String returns the name in /proc/sys/net/ipv6/conf.
func (s setting6) String() string {
	switch s {
	case forwarding6:
		return "forwarding"
	case acceptRA:
		return "accept_ra"
	case autoconf:
		return "autoconf"
	case disableIPv6:
		return "disable_ipv6"
	default:
		return fmt.Sprintf("setting6(%d)", int(s))
	}
}

// value6 is an IPv6 setting with its value.
type value6 struct {
	setting setting6
	value   uint32
}

// macvlanSettings6 keeps a macvlan from sending anything of IPv6 by itself that the address
// generation mode does not. One that carries IPv6 answers for its addresses with the same Router flag as
// the interface does, and routes as it does. Forwarding comes before accept_ra, which it sets.
func macvlanSettings6(family platform.Family, parent *kernelLink) []value6 {
	if family != platform.IPv6 {
		return []value6{{disableIPv6, 1}}
	}
	forwards := uint32(0)
	if parent.ForwardsIPv6 {
		forwards = 1
	}
	return []value6{{disableIPv6, 0}, {forwarding6, forwards}, {acceptRA, 0}}
}

// setIPv6 gives a macvlan those of its IPv6 settings that it does not have; unknown: all of them. It is called in the
// System's namespace. It fails where /proc/sys is read-only, which most macvlans can do without: see unmet6.
func setIPv6(name string, all []value6, now *kernelLink) error {
	var errs []error
	for _, v := range all {
		if now != nil && (now.settings6 == nil || now.setting6(v.setting) == v.value) {
			continue
		}
		file := filepath.Join("/proc/sys/net/ipv6/conf", name, v.setting.String())
		if err := os.WriteFile(file, []byte(strconv.Itoa(int(v.value))), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// unmet6 says what harm it does that a macvlan has not the settings that it should; empty: none.
func unmet6(m *kernelLink, family platform.Family, parent *kernelLink) string {
	const acceptWhileForwarding = 2
	switch {
	case m.settings6 == nil || m.setting6(disableIPv6) != 0 && family != platform.IPv6:
		return ""
	case m.setting6(disableIPv6) != 0:
		return "IPv6 is disabled there"
	case family == platform.IPv6 && (m.setting6(forwarding6) != 0) != parent.ForwardsIPv6:
		return "it does not route IPv6 as " + parent.Name + " does"
	}
	if ra := m.setting6(acceptRA); ra == 0 || m.setting6(forwarding6) != 0 && ra != acceptWhileForwarding {
		return ""
	}
	return "it takes what router advertisements say; addresses of them are removed"
}

// settingKey names a setting of an interface.
type settingKey struct {
	link    int
	setting setting
}

// planSettings restores settings of configured interfaces that no virtual router needs any more,
// notes those that these interfaces need, and returns the steps that set them once they are recorded. What cannot be done is
// told to fail.
func (s *System) planSettings(parents map[int]*kernelLink, fail func(error)) []step {
	needs := make(map[settingKey]uint32)
	for _, e := range s.registry.all() {
		if !e.want.Present {
			continue
		}
		wanted := ownSettings
		if e.want.Macvlan {
			wanted = parentSettings
		}
		for k, v := range wanted {
			needs[settingKey{e.want.Link, k}] = v
		}
	}
	if err := s.restoreSettings(func(c *settingRecord) bool { return needs[settingKey{c.Link, c.Setting}] == 0 }); err != nil {
		fail(err)
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
			if err != nil && !errors.Is(noLink(err), platform.ErrNoLink) {
				fail(fmt.Errorf("set %v of %s: %w", settings, name, err))
			}
		}})
	}
	return steps
}

// restoreSettings gives the settings that match their original value back, unless somebody has changed
// them since, and forgets them. Those that it cannot restore it keeps.
func (s *System) restoreSettings(match func(*settingRecord) bool) error {
	var errs []error
	var steps []step
	links := make(map[int]*kernelLink)
	for k, c := range s.changes {
		if !match(&c) {
			continue
		}
		l, known := links[k.link]
		if !known {
			found, err := s.change.link(k.link)
			switch {
			case err == nil:
				l = &found
			case !errors.Is(err, platform.ErrNoLink):
				errs = append(errs, fmt.Errorf("restore %s of interface %d: %w", k.setting, k.link, err))
				continue
			}
			links[k.link] = l
		}
		if l == nil { // it is gone, and its settings with it
			delete(s.changes, k)
			continue
		}
		if now, ok := l.setting(int(k.setting)); !ok || now != c.Value {
			delete(s.changes, k)
			continue
		}
		steps = append(steps, step{request: settingsRequest(k.link, map[setting]uint32{k.setting: c.Original}, false),
			after: func(err error) {
				if err != nil && !errors.Is(noLink(err), platform.ErrNoLink) {
					errs = append(errs, fmt.Errorf("restore %s of %s: %w", k.setting, l.Name, err))
					return
				}
				delete(s.changes, k)
			}})
	}
	s.run(steps)
	return errors.Join(errs...)
}

// settingsRequest sets settings of an interface; with them, if silent, that it makes no IPv6
// address by itself.
func settingsRequest(index int, settings map[setting]uint32, silent bool) *request {
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
