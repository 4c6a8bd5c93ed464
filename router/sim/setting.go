// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"strings"
)

// setting is what a machine is configured as, to be written as TOML.
type setting struct {
	machine  int
	machines int // that there are
	members  []member
	tracks   []tracked
	routes   []static
	host     string
}

// segment is one virtual router with what all of its routers have in common.
type segment struct {
	lan      int
	vrid     int
	v6       bool
	version  int
	vips     []string
	interval string
	auth     string
	secret   string
	strict   bool
	checksum string
	unicast  bool
	sync     string
}

// member is what one machine makes of a segment.
type member struct {
	segment
	priority int
	preempt  bool
	delay    string
	macvlan  bool
	vmac     bool
	ioctl    bool
	closed   bool
	ping     bool
	shutdown bool
	noFilter bool
	repeat   int
	refresh  string
	text     string // description
	tracks   []tracking
}

type tracking struct {
	object    string
	decrement int // 0: none
}

type tracked struct{ name, kind, target string }

type static struct {
	to, via string
	bound   *segment
}

// toml writes the setting as a file.
func (s *setting) toml() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if s.host != "" {
		line("hostname = %q", s.host)
	}
	for _, t := range s.tracks {
		line("[[track]]\nname = %q", t.name)
		if t.kind == "script" {
			line("script = [%q]", t.target)
		} else {
			line("%s = %q", t.kind, t.target)
		}
	}
	for i := range s.members {
		s.members[i].toml(s.machine, s.machines, line)
	}
	for _, r := range s.routes {
		line("[[protocols.static]]\nroute = %q\nnh = %q", r.to, r.via)
		if r.bound != nil {
			line("group = %d\ninterface = %q", r.bound.vrid, lanName(r.bound.lan))
		}
	}
	return b.String()
}

func (m *member) toml(machine, machines int, line func(string, ...any)) {
	line("[[vrouter]]\ngroup = %d\ninterface = %q\nvips = [%s]", m.vrid, lanName(m.lan), quoted(m.vips))
	text := func(key, value string) {
		if value != "" {
			line("%s = %q", key, value)
		}
	}
	flag := func(key string, value bool) {
		if value {
			line("%s = true", key)
		}
	}
	line("version = %d\npriority = %d", m.version, m.priority)
	flag("preemption", m.preempt)
	text("preempt_delay", m.delay)
	text("advertise_interval", m.interval)
	text("auth_type", m.auth)
	text("auth_secret", m.secret)
	text("checksum", m.checksum)
	if m.strict {
		line("rfc3768 = false")
	}
	if m.macvlan {
		line(`iftype = "macvlan"`)
	}
	flag("vmac", m.vmac)
	if m.ioctl {
		line(`netdrv = "ioctl"`)
	}
	if m.closed {
		line("accept_mode = false")
	}
	flag("accept_ping", m.ping && m.closed)
	flag("shutdown", m.shutdown)
	if m.noFilter {
		line("socket_filter = false")
	}
	if m.repeat > 0 {
		line("garp_repeat = %d", m.repeat)
	}
	text("garp_refresh", m.refresh)
	text("description", m.text)
	text("sync_group", m.sync)
	if m.unicast {
		var peers []string
		for i := range machines {
			if i != machine {
				peers = append(peers, addressOf(m.lan, i).String())
			}
		}
		line("unicast_peers = [%s]", quoted(peers))
	}
	if len(m.tracks) > 0 {
		var list []string
		for _, t := range m.tracks {
			item := fmt.Sprintf("{ object = %q", t.object)
			if t.decrement > 0 {
				item += fmt.Sprintf(", decrement = %d", t.decrement)
			}
			list = append(list, item+" }")
		}
		line("track = [%s]", strings.Join(list, ", "))
	}
}

func quoted(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(quoted, ", ")
}
