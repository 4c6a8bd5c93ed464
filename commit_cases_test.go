// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vrrpsh/platform/fake"
)

// A keyCase is one change of a key.
type keyCase struct {
	key  string // as in conf/reference.toml: its table, if it has one, and its name
	more string // distinguishes the cases of a key
	// a and b are the lines of the table before and after the change. with is what the file has in both, by
	// table: lines replace those that set the same key, and "-key" removes one.
	a, b string
	with map[string][]string
	// bases are the bases with which the case is tried; nil: all.
	bases []string
	// moves reports that the change may change the roles.
	moves bool
	// elsewhere reports that the change has no effect on virtual routers.
	elsewhere bool
	// before prepares the machine at the start.
	before func(*fake.Router) error
}

// The bases: the [[vrouter]] tables with which keys are tried.
var (
	base2 = []string{`group = 51`, `interface = "eth0"`, `vip = "10.0.0.100"`}
	base3 = append(slices.Clone(base2), `version = 3`, `iftype = "macvlan"`)
	base6 = []string{`group = 51`, `interface = "eth0"`, `vip = "2001:db8::100"`}

	bases = map[string][]string{"version 2": base2, "macvlan": base3, "IPv6": base6}
)

var (
	only2       = []string{"version 2"}
	only4       = []string{"version 2", "macvlan"}
	onlyV3      = []string{"macvlan", "IPv6"}
	onlyMacvlan = []string{"macvlan"}
)

// in is a table with lines.
func in(table string, lines ...string) map[string][]string { return map[string][]string{table: lines} }

// and joins tables.
func and(all ...map[string][]string) map[string][]string {
	joined := make(map[string][]string)
	for _, m := range all {
		for table, lines := range m {
			joined[table] = append(joined[table], lines...)
		}
	}
	return joined
}

var (
	tracked   = and(in("vrouter", `track = [{ object = "o", decrement = 150 }]`), in("track", `name = "o"`))
	succeeds  = in("track", `name = "o"`, `script = ["/bin/true"]`, `user = "root"`)
	fails     = in("track", `name = "o"`, `script = ["/bin/false"]`, `user = "root"`)
	staticA   = in("protocols.static", `route = "10.50.0.0"`, `mask = "255.255.0.0"`, `nh = "10.0.0.9"`)
	hook      = in("notify", `name = "h"`, `command = ["/bin/hook"]`, `user = "root"`)
	listening = in("api", `host = "127.0.0.1:7080"`)
	secret    = in("vrouter", `auth_type = "p0-t8-sha256"`, `auth_secret = "one"`)
)

func unplug(name string) func(*fake.Router) error {
	return func(r *fake.Router) error { return r.Unplug(name) }
}

var weight = filepath.Join(os.TempDir(), fmt.Sprintf("vrrpsh-weight-%d", os.Getpid()))

// keyCases has a case for every key.
func keyCases() []keyCase {
	list := []keyCase{
		{key: "vrouter.group", a: `group = 51`, b: `group = 52`, moves: true},
		{key: "vrouter.interface", a: `interface = "eth0"`, b: `interface = "eth1"`, bases: only4, moves: true},
		{key: "vrouter.vip", a: `vip = "10.0.0.100"`, b: `vip = "10.0.0.101"`, bases: only4},
		{key: "vrouter.vip", more: "length", a: `vip = "10.0.0.100"`, b: `vip = "10.0.0.100/28"`, bases: only4},
		{key: "vrouter.vip", more: "IPv6", a: `vip = "2001:db8::100"`, b: `vip = "2001:db8::101"`, bases: []string{"IPv6"}},
		{key: "vrouter.vip", more: "owner", a: `vip = "10.0.0.100"`, b: `vip = "10.0.0.31"`, bases: only4, moves: true},
		{key: "vrouter.vips", b: `vips = ["10.0.0.102", "10.0.0.103/32"]`, bases: only4},
		{key: "vrouter.vips", more: "IPv6", b: `vips = ["fe80::100", "2001:db8::102"]`, bases: []string{"IPv6"}},
		{key: "vrouter.version", b: `version = 3`, bases: only2, moves: true},
		{key: "vrouter.priority", b: `priority = 150`, with: in("vrouter", `-priority`), moves: true},
		{key: "vrouter.priority", more: "among the better", a: `priority = 220`, b: `priority = 250`},
		{key: "vrouter.priority", more: "among the worse", a: `priority = 20`, b: `priority = 30`},
		{key: "vrouter.priority", more: "from worse to better", a: `priority = 20`, b: `priority = 250`, moves: true},
		{key: "vrouter.preemption", b: `preemption = true`, with: in("vrouter", `-preemption`)},
		{key: "vrouter.preemption", more: "of the better", b: `preemption = true`, with: in("vrouter", `-preemption`, `priority = 250`), moves: true},
		{key: "vrouter.auth_type", b: `auth_type = "p0-t8-sha256"`, with: in("vrouter", `auth_secret = "one"`), bases: only2, moves: true},
		{key: "vrouter.auth_type", more: "another", a: `auth_type = "p0-t8-sha256"`, b: `auth_type = "rfc2338-simple"`, with: secret, bases: only2},
		{key: "vrouter.auth_secret", a: `auth_secret = "one"`, b: `auth_secret = "two"`, with: secret, bases: only2},
		{key: "vrouter.timers", b: `timers = { advert = 2 }`},
		{key: "vrouter.timers", more: "strict", b: `timers = { advert = 2 }`, with: in("vrouter", `rfc3768 = false`), moves: true},
		{key: "vrouter.advertise_interval", b: `advertise_interval = "2s"`},
		{key: "vrouter.advertise_interval", more: "short", b: `advertise_interval = "200ms"`, bases: onlyV3},
		{key: "vrouter.preempt_delay", b: `preempt_delay = "7s"`},
		{key: "vrouter.preempt_delay", more: "of the better", b: `preempt_delay = "7s"`, with: in("vrouter", `priority = 250`)},
		{key: "vrouter.rfc3768", b: `rfc3768 = false`},
		{key: "vrouter.rfc3768", more: "with another interval", b: `rfc3768 = false`, with: in("vrouter", `advertise_interval = "2s"`), moves: true},
		{key: "vrouter.rfc3768", more: "with other addresses", b: `rfc3768 = false`, with: in("vrouter", `vip = "10.0.0.104"`), bases: only4, moves: true},
		{key: "vrouter.netdrv", b: `netdrv = "ioctl"`, bases: only2, moves: true},
		{key: "vrouter.netdrv", more: "without effect", b: `netdrv = "ioctl"`, bases: onlyV3, elsewhere: true},
		{key: "vrouter.iftype", b: `iftype = "macvlan"`, with: in("vrouter", `-iftype`), moves: true},
		{key: "vrouter.vifname", b: `vifname = "vrrp0"`, bases: onlyMacvlan, moves: true},
		{key: "vrouter.vmac", b: `vmac = true`, bases: []string{"version 2", "IPv6"}, moves: true},
		{key: "vrouter.advert_mac", b: `advert_mac = "interface"`, bases: onlyMacvlan},
		{key: "vrouter.advert_mac", more: "without effect", b: `advert_mac = "interface"`, bases: []string{"version 2", "IPv6"}},
		{key: "vrouter.socket_filter", b: `socket_filter = false`},
		{key: "vrouter.checksum", b: `checksum = "rfc9568"`, bases: onlyMacvlan},
		{key: "vrouter.checksum", more: "the other", b: `checksum = "rfc5798"`, bases: onlyMacvlan},
		{key: "vrouter.description", b: `description = "uplink"`},
		{key: "vrouter.shutdown", b: `shutdown = true`, moves: true},
		{key: "vrouter.accept_mode", b: `accept_mode = false`},
		{key: "vrouter.accept_ping", b: `accept_ping = true`, with: in("vrouter", `accept_mode = false`)},
		{key: "vrouter.garp_repeat", b: `garp_repeat = 2`},
		{key: "vrouter.garp_delay", b: `garp_delay = "9s"`},
		{key: "vrouter.garp_delay", more: "none", b: `garp_delay = "0s"`},
		{key: "vrouter.garp_refresh", b: `garp_refresh = "3s"`},
		{key: "vrouter.track", more: "up", b: tracked["vrouter"][0], with: succeeds},
		{key: "vrouter.track", more: "down", b: tracked["vrouter"][0], with: fails, moves: true},
		{key: "vrouter.track", more: "decrement", a: `track = [{ object = "o", decrement = 5 }]`, b: `track = [{ object = "o", decrement = 150 }]`, with: fails, moves: true},
		{key: "vrouter.track", more: "decrement removed", a: `track = [{ object = "o", decrement = 5 }]`, b: `track = [{ object = "o" }]`, with: fails, moves: true},
		{key: "vrouter.unicast_peers", b: `unicast_peers = ["10.0.0.2"]`, bases: only4, moves: true},
		{key: "vrouter.unicast_peers", more: "another", a: `unicast_peers = ["10.0.0.2"]`, b: `unicast_peers = ["10.0.0.7"]`, bases: only4, moves: true},
		{key: "vrouter.unicast_source", b: `unicast_source = "10.0.0.31"`, with: in("vrouter", `unicast_peers = ["10.0.0.2"]`), bases: only4},
		{key: "vrouter.unicast_ttl_min", b: `unicast_ttl_min = 254`, with: in("vrouter", `unicast_peers = ["10.0.0.2"]`), bases: only4},
		{key: "vrouter.sync_group", b: `sync_group = "edge"`, with: in("vrouter2", `sync_group = "edge"`), bases: only4},
		{key: "vrouter.sync_group", more: "lower", b: `sync_group = "edge"`, with: in("vrouter2", `sync_group = "edge"`, `priority = 30`), bases: only4, moves: true},
		{key: "vrouter.sync_group", more: "held back", b: `sync_group = "edge"`, with: in("vrouter2", `sync_group = "edge"`), bases: only4,
			before: unplug("eth1"), moves: true},

		{key: "track.name", a: `name = "o"`, b: `name = "p"`, with: and(succeeds, in("track", `-name`))},
		{key: "track.interface", a: `interface = "eth1"`, b: `interface = "eth2"`, with: tracked, moves: true},
		{key: "track.interface", more: "that is down", a: `interface = "eth0"`, b: `interface = "eth1"`, with: tracked, before: unplug("eth1"), moves: true},
		{key: "track.route", a: `route = "10.60.0.0/16"`, b: `route = "10.61.0.0/16"`, with: tracked},
		{key: "track.script", a: `script = ["/bin/true"]`, b: `script = ["/bin/false"]`, with: and(tracked, in("track", `user = "root"`)), moves: true},
		{key: "track.file", a: `file = "` + weight + `"`, b: `file = "` + weight + `-none"`, moves: true,
			with: and(in("vrouter", `track = [{ object = "o" }]`), in("track", `name = "o"`))},
		{key: "notify.name", a: `name = "h"`, b: `name = "g"`, with: hook},
		{key: "notify.command", a: `command = ["/bin/hook"]`, b: `command = ["/bin/hook", "-v"]`, with: hook},
		{key: "notify.events", b: `events = ["master", "config"]`, with: hook},
		{key: "notify.timeout", b: `timeout = "1s"`, with: hook},
		{key: "notify.user", a: `user = "root"`, b: `user = "nobody"`, with: hook},

		{key: "protocols.static.route", a: `route = "10.50.0.0"`, b: `route = "10.51.0.0"`, with: staticA},
		{key: "protocols.static.mask", a: `mask = "255.255.0.0"`, b: `mask = "255.255.128.0"`, with: staticA},
		{key: "protocols.static.nh", a: `nh = "10.0.0.9"`, b: `nh = "10.1.0.9"`, with: staticA},
		{key: "protocols.static.nh", more: "out of reach", a: `nh = "10.0.0.9"`, b: `nh = "10.9.0.9"`, with: staticA},
		{key: "protocols.static.metric", b: `metric = 30`, with: staticA},
		{key: "protocols.static.mtu", b: `mtu = 1300`, with: staticA},
		{key: "protocols.static.group", b: "group = 51\ninterface = \"eth0\"", with: staticA, bases: only4},
		{key: "protocols.static.interface", a: `interface = "eth0"`, b: `interface = "eth1"`, bases: only4,
			with: and(staticA, in("protocols.static", `group = 51`), in("vrouter2", `group = 51`, `shutdown = true`))},
	}
	for _, key := range []string{`interval = "3s"`, `timeout = "500ms"`, `rise = 2`, `fall = 3`, `initial = "down"`, `user = "nobody"`} {
		for more, table := range map[string]map[string][]string{"up": succeeds, "down": fails} {
			name, _, _ := strings.Cut(key, " ")
			k := keyCase{key: "track." + name, more: more, b: key, with: and(tracked, table)}
			if name == "user" {
				k.a = `user = "root"`
			}
			list = append(list, k)
		}
	}
	for key, b := range map[string]string{
		"debug": `5`, "time_zone": `"utc"`, "time_format": `"short"`, "pid": `"/run/x.pid"`, "working_dir": `"/tmp"`, "main_log": `"/tmp/x.log"`,
		"error_log": `"/tmp/x.err"`, "log_hosts": `["udp://127.0.0.1:9"]`, "log_tls_ca": `"/tmp/ca.pem"`, "banner": `["hello"]`, "aliases": `["sb show vrrp brief"]`, "client_api": `"disabled"`, "hostname": `"r9"`, "control_socket": `"/run/x.sock"`, "state_dir": `"/tmp"`,
		"api.host": `"127.0.0.1:7081"`, "api.users": `["{{SHA256}}a:9:0011223344556677:` + strings.Repeat("ab", 32) + `"]`, "api.secret": `"0123456789abcdef"`, "api.tls": `true`,
		"api.tls_key": `"/tmp/key.pem"`, "api.tls_cert": `"/tmp/cert.pem"`, "api.plain_users": `["a"]`, "api.commit_on_end_users": `["a"]`,
		"ssh.listen": `"127.0.0.1:2222"`, "ssh.authorized_keys": `"/tmp/%u"`, "ssh.host_key": `"/tmp/key"`,
		"realtime.priority": `9`, "realtime.lock_memory": `true`, "metrics.enabled": `true`,
	} {
		name := key[strings.LastIndex(key, ".")+1:]
		k := keyCase{key: key, b: name + " = " + b, with: listening, elsewhere: true}
		if key == "api.host" {
			k.a = `host = "127.0.0.1:7080"`
		}
		list = append(list, k)
	}
	return list
}

// tables are the tables of a configuration, in the order of the file; "vrouter2" is another [[vrouter]].
var tables = []string{"", "vrouter", "vrouter2", "track", "notify", "protocols.static", "api", "ssh", "realtime", "metrics"}

// document is a configuration by table.
type document map[string][]string

// set puts lines into a table; they replace lines of the same key.
func (d document) set(table string, lines ...string) {
	for _, line := range lines {
		key, _, _ := strings.Cut(strings.TrimPrefix(line, "-"), " ")
		d[table] = slices.DeleteFunc(d[table], func(l string) bool { return strings.HasPrefix(l, key+" ") })
		if line != "" && line[0] != '-' {
			d[table] = append(d[table], line)
		}
	}
}

func (d document) String() string {
	var b strings.Builder
	for _, table := range tables {
		lines := d[table]
		switch {
		case len(lines) == 0:
			continue
		case table == "":
		case slices.Contains([]string{"api", "ssh", "realtime", "metrics"}, table):
			fmt.Fprintf(&b, "[%s]\n", table)
		default:
			fmt.Fprintf(&b, "[[%s]]\n", strings.TrimSuffix(table, "2"))
		}
		fmt.Fprintln(&b, strings.Join(lines, "\n"))
	}
	return b.String()
}

// tried reports whether a case is tried with a base. A change without effect on virtual routers needs only one
// base.
func (k *keyCase) tried(base string) bool {
	if k.bases == nil {
		return !k.elsewhere || base == "version 2"
	}
	return slices.Contains(k.bases, base)
}

// documents returns the configurations of a case, with the base and the priority of a role.
func (k *keyCase) documents(base string, master bool) (a, b document) {
	with := func(line string) document {
		d := document{}
		role := `priority = 120`
		if master {
			role = `priority = 220`
		}
		d.set("vrouter", bases[base]...)
		d.set("vrouter", role, `preemption = true`)
		if len(k.with["vrouter2"]) > 0 {
			d.set("vrouter2", `group = 61`, `interface = "eth1"`, `vip = "10.1.0.100"`, role, `preemption = true`)
		}
		for table, lines := range k.with {
			d.set(table, lines...)
		}
		table := k.key[:max(0, strings.LastIndex(k.key, "."))]
		if line != "" {
			d.set(table, strings.Split(line, "\n")...)
		}
		return d
	}
	return with(k.a), with(k.b)
}

// TestEveryKeyHasACase reads the keys from the reference.
func TestEveryKeyHasACase(t *testing.T) {
	data, err := os.ReadFile("conf/reference.toml")
	must(t, err)
	cases := make(map[string]bool)
	for _, k := range keyCases() {
		cases[k.key] = true
	}
	table, keys := "", 0
	header, key := regexp.MustCompile(`^\[+([a-z.]+)\]+$`), regexp.MustCompile(`^#?([a-z_0-9]+) = `)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if m := header.FindStringSubmatch(line); m != nil {
			table = m[1] + "."
		}
		if m := key.FindStringSubmatch(line); m != nil {
			keys++
			if !cases[table+m[1]] {
				t.Errorf("%s is not committed by a test", table+m[1])
			}
			delete(cases, table+m[1])
		}
	}
	for k := range cases {
		t.Errorf("the reference does not have %s", k)
	}
	if keys < 70 {
		t.Errorf("the reference has %d keys", keys)
	}
}
