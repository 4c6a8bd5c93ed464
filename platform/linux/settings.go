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
// its number in netlink (IPV4_DEVCONF_*). Settings are read and set by netlink because /proc/sys is
// read-only in many containers and under a hardened service manager.
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
	// ignoreOthers answers ARP only for addresses of the interface that received the request.
	ignoreOthers = 1
	// announceBest sends ARP requests only from an address of the interface they leave on.
	announceBest = 2
	// looseRPFilter accepts sources that are reachable through any interface.
	looseRPFilter = 2
)

// parentSettings are the minimum values for a configured interface with a macvlan on it.
//
// arp_ignore: the virtual address is local, so the interface would answer for it too, with its
// own MAC. arp_announce: an ARP request sent for a packet from the virtual address would carry
// that address with the interface's MAC, and hosts would cache it.
// accept_local: see ownSettings.
var parentSettings = map[setting]uint32{arpIgnore: ignoreOthers, arpAnnounce: announceBest, acceptLocal: 1}

// ownSettings are the minimum values for an interface that carries virtual addresses itself.
//
// promote_secondaries: in a subnet, later addresses are secondary to the first, ours or another, and would
// be removed with it. accept_local: the adverts of the address owner come from the virtual address, which
// is local to a Master that must yield to the owner.
var ownSettings = map[setting]uint32{promoteSecondaries: 1, acceptLocal: 1}

// macvlanSettings are set on a macvlan.
//
// arp_ignore: the macvlan answers for virtual addresses only, never with the virtual MAC for the host's
// other addresses. rp_filter and arp_filter: the route back to a host leads through the parent, but packets
// that arrive on the macvlan must not be dropped for that. proxy_arp: the macvlan's hosts are reached through
// the parent, so the macvlan would answer for the whole subnet. promote_secondaries: an earlier release
// installed addresses with the prefix length of their subnet; removing the first must not remove the others.
// forwarding: as on the parent.
func macvlanSettings(parent *kernelLink, allRPFilter uint32) map[setting]uint32 {
	s := map[setting]uint32{arpIgnore: ignoreOthers, arpAnnounce: announceBest, arpFilter: 0, proxyARP: 0, rpFilter: 0, promoteSecondaries: 1}
	if v, _ := parent.setting(int(rpFilter)); max(v, allRPFilter) != 0 {
		// The kernel uses the maximum of this and the setting for all interfaces, and loose (2) is the maximum.
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
// (DEVCONF_*), which can only read them.
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

type value6 struct {
	setting setting6
	value   uint32
}

// macvlanSettings6 returns settings that keep a macvlan from sending IPv6 packets of its own that the address
// generation mode does not prevent. A macvlan that carries IPv6 forwards as its parent does, and sends the same
// Router flag. Forwarding comes before accept_ra, because setting forwarding changes accept_ra.
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

// setIPv6 sets those IPv6 settings of a macvlan that differ from now; if now is nil, all of them. The caller must be in
// the System's namespace. It fails if /proc/sys is read-only; most macvlans work without the settings: see unmet6.
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

// unmet6 describes the consequence of wrong IPv6 settings of a macvlan; empty if there is none.
func unmet6(m *kernelLink, family platform.Family, parent *kernelLink) string {
	const acceptWhileForwarding = 2
	switch {
	case m.settings6 == nil || m.setting6(disableIPv6) != 0 && family != platform.IPv6:
		return ""
	case m.setting6(disableIPv6) != 0:
		return "IPv6 is disabled on it"
	case family == platform.IPv6 && (m.setting6(forwarding6) != 0) != parent.ForwardsIPv6:
		return "it does not forward IPv6 as " + parent.Name + " does"
	}
	if ra := m.setting6(acceptRA); ra == 0 || m.setting6(forwarding6) != 0 && ra != acceptWhileForwarding {
		return ""
	}
	return "it accepts router advertisements; the addresses from them are removed"
}

type settingKey struct {
	link    int
	setting setting
}

// planSettings restores settings of configured interfaces that no virtual router needs any more, notes the
// settings that interfaces do need, and returns the steps that set them, to be run once they are recorded. It
// passes errors to fail.
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

// restoreSettings restores and forgets the settings for which match returns true, unless somebody else has
// changed them since. It keeps the records of settings that it cannot restore.
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
		if l == nil { // the interface is gone, and its settings with it
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

// settingsRequest sets settings of an interface. If silent, it also turns off the generation of
// IPv6 addresses.
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
