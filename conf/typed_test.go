// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTypedFaults checks the faults of a candidate that was typed: they use the words of commands, not the keys of the
// file.
func TestTypedFaults(t *testing.T) {
	const (
		uplink = "[[track]]\nname = \"uplink\"\ninterface = \"eth1\"\n"
		route  = "[[protocols.static]]\nroute = \"10.0.0.0/8\"\n"
		user   = "{{SHA256}}a:9:1e:0000000000000000000000000000000000000000000000000000000000000000"
	)
	for _, tt := range []struct {
		name, toml string
		host       Host
		want       string
	}{
		{"top level", "debug = -7\n", "", `logging level -7 is out of range 0-5`},
		{"string of the top level", "control_socket = \"x\"\n", "", `control-socket "x" is not an absolute path`},
		{"scalar of a virtual router", base + "priority = 300\n", "", `eth0 group 51: priority 300 is out of range 1-254`},
		{"of IPv6", base6 + "priority = 300\n", "", `eth0 IPv6 group 51: priority 300 is out of range 1-254`},
		{"command of two words", base + "garp_repeat = 101\n", "", `eth0 group 51: garp repeat 101 is out of range 1-100`},
		{"two keys with one command", base + "timers = { advert = 256 }\n", "", `eth0 group 51: timers advertise 256 is out of range 1-255`},
		{"advertise_interval", base + "advertise_interval = \"1.5s\"\n", "", `eth0 group 51: timers advertise "1.5s" is not in whole seconds, which version 2 requires (RFC 3768 section 5.3.7)`},
		{"vip", vip("router"), "", `eth0 group 51: vip "router" is not an address such as "10.0.0.1", "10.0.0.1/24" or "2001:db8::1/64"`},
		{"no vip", "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\n", "", `eth0 group 51: vip is required`},
		{"one of vips", base + "vips = [\"10.0.0.2\", \"2001:db8::1\"]\n", "", `eth0 group 51: vip "2001:db8::1" is an IPv6 address, but the first one is IPv4: a virtual router has one family`},
		{"too many vips", vip("fe80::1") + "vips = [" + manyIPv6(90) + "]\n", "", `eth0 IPv6 group 51: 91 addresses do not fit an advertisement: at most 90 IPv6 addresses fit`},
		{"address of another", base + strings.Replace(base, "51", "52", 1), "", `eth0 group 52: vip 10.0.0.1 is already an address of eth0 group 51`},
		{"unicast peer", base + "unicast_peers = [\"10.0.0.2\", \"r2\"]\n", "", `eth0 group 51: unicast peer "r2" is not an IP address`},
		{"source is a peer", base + "unicast_peers = [\"10.0.0.2\"]\nunicast_source = \"10.0.0.2\"\n", "", `eth0 group 51: unicast source "10.0.0.2" is one of the unicast peers`},
		{"group clash", base + strings.Replace(base, "10.0.0.1", "10.0.0.2", 1), "", `eth0 group 51 is configured twice`},
		{"both intervals", base + "advertise_interval = \"1s\"\ntimers = { advert = 1 }\n", "", `eth0 group 51: timers advertise is configured twice`},
		{"too many peers", base6 + "unicast_peers = [" + manyIPv6(33) + "]\n", "", `eth0 IPv6 group 51: unicast peer: 33 addresses are more than 32`},
		{"sync group", base + "sync_group = \"a b\"\n", "", `eth0 group 51: sync-group "a b" is not a name of 1-64 letters, digits, hyphens, underscores and dots`},
		{"vmac twice", base + "vmac = true\n" + second + "vmac = true\n", "", `eth0 group 52: vmac is not possible: eth0 group 51 already sets the MAC of eth0`},
		{"macvlan's name", base + macvlan("vrrp0") + second + macvlan("vrrp0"), "", `eth0 group 52: vifname "vrrp0" is already the name of the macvlan of eth0 group 51`},
		{"secret", base + "auth_type = \"p0-t8-sha256\"\n", "", `eth0 group 51: auth secret is required with auth`},
		{"value of another key", base + "iftype = \"macvlan\"\nvmac = true\n", "", `eth0 group 51: vmac is not possible with iftype macvlan: the macvlan has the virtual MAC`},
		{"host", base + "iftype = \"macvlan\"\n", FreeBSD, `eth0 group 51: iftype "macvlan" is not supported on FreeBSD, which has no macvlan interfaces: use iftype ether, with vmac for the virtual MAC on the interface itself`},
		{"not enough for a name", "[[vrouter]]\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\n", "", `vrouter[0].group: is required`},

		{"unknown object", base + "track = [{ object = \"uplink\" }]\n", "", `eth0 group 51: track uplink: no such object`},
		{"unreadable object", base + "track = [{ object = \"a\\tb\" }]\n", "", `eth0 group 51: track "a\tb" contains a control character`},
		{"object twice", uplink + base + "track = [{ object = \"uplink\" }, { object = \"uplink\" }]\n", "", `eth0 group 51: track "uplink" is listed twice`},
		{"decrement", uplink + base + "track = [{ object = \"uplink\", decrement = 254 }]\n", "", `eth0 group 51: track uplink decrement 254 is out of range 1-253`},
		{"decrement of a file", strings.Replace(uplink, "interface = \"eth1\"", "file = \"/a\"", 1) + base + "track = [{ object = \"uplink\", decrement = 1 }]\n", "",
			`eth0 group 51: track uplink decrement 1 is not possible: the file says what the priority gains or loses`},

		{"script", "[[track]]\nname = \"a\"\nscript = [\"true\"]\n", "", `track a: script "true" is not an absolute path`},
		{"two objects with one name", uplink + uplink, "", `track uplink is configured twice`},
		{"nothing to track", "[[track]]\nname = \"a\"\n", "", `track a must have one of interface, route, script and file`},
		{"interval", "[[track]]\nname = \"a\"\nfile = \"/a\"\ninterval = \"1ms\"\n", "", `track a: interval "1ms" is out of range 100ms-3600s`},
		{"no meaning", uplink + "rise = 2\n", "", `track uplink: rise has no meaning for a tracked interface`},

		{"hook", "[[notify]]\nname = \"log\"\n", "", `notify log: command is required`},
		{"hook without a name", "[[notify]]\ncommand = [\"/bin/true\"]\ntimeout = \"2h\"\n", "", `notify hook1: timeout "2h" is out of range 100ms-3600s`},
		{"two hooks with one name", strings.Repeat("[[notify]]\nname = \"log\"\ncommand = [\"/bin/true\"]\n", 2), "", `notify log is configured twice`},
		{"event", "[[notify]]\ncommand = [\"/bin/true\"]\nevents = [\"master\", \"never\"]\n", "",
			`notify hook1: events "never" is not "transition", "init", "backup", "master", "fault", "link", "track" or "config"`},

		{"static route", route + "nh = \"gw\"\n", "", `ip route 10.0.0.0/8: next-hop "gw" is not the IPv4 address of a router`},
		{"static route without nh", route, "", `ip route 10.0.0.0/8: next-hop is required`},
		{"static route with a mask", "[[protocols.static]]\nroute = \"10.0.0.0\"\nmask = \"255.0.0.0\"\nnh = \"10.0.0.1\"\nmtu = 1\n", "", `ip route 10.0.0.0/8: mtu 1 is out of range 68-65535`},
		{"static route without a destination", "[[protocols.static]]\nnh = \"10.0.0.1\"\n", "", `protocols.static[0].route: is required`},
		{"static route twice", route + "nh = \"10.0.0.1\"\n" + route + "nh = \"10.0.0.2\"\n", "",
			`ip route 10.0.0.0/8 with metric 0 is configured twice: the kernel has one route for a destination and a metric, whoever is Master; another metric makes it another route`},
		{"static routes on FreeBSD", route + "nh = \"10.0.0.1\"\n", FreeBSD, `ip route 10.0.0.0/8 is not supported on FreeBSD: set static routes with route(8), or with a routing daemon`},

		{"api host", "[api]\nhost = \"0.0.0.0\"\n", "", `api host "0.0.0.0" is not an address and port such as "0.0.0.0:7080" or "[::1]:7080"`},
		{"api user", "[api]\nusers = [\"" + user + "\", \"x\"]\n", "", `api user is not of the form {{SHA256}}name:level:salt:hash or {{SCRYPT}}name:level::hash`},
		{"two users with one name", "[api]\nusers = [\"" + user + "\", \"" + user + "\"]\n", "", `api user a is configured twice`},
		{"false", base + "accept_mode = false\n", FreeBSD, `eth0 group 51: no accept-mode is not supported on FreeBSD: leave it out, and discard packets to the virtual addresses with pf or ipfw`},
		{"ssh", "[ssh]\nauthorized_keys = \"k\"\n", "", `ssh authorized-keys "k" is not an absolute path`},
		{"realtime", "[realtime]\npriority = 100\n", "", `realtime priority 100 is out of range 0-99`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := parsed(t, tt.toml)
			_, err := validate(f, nil, nil, tt.host)
			if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			// In a file the same fault has its place as well as the words of commands.
			_, err = validate(f, &Origin{Name: "f.toml", Data: []byte(tt.toml), Format: TOML}, nil, tt.host)
			var faults Faults
			if !errors.As(err, &faults) || len(faults) != 1 {
				t.Fatalf("in a file: %v", err)
			}
			if typed := faults[0].Typed; typed != "" && (typed != tt.want || !strings.HasPrefix(faults[0].String(), "f.toml:")) {
				t.Errorf("in a file: %s (%s)", faults[0], typed)
			}
		})
	}
}
