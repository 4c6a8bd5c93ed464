// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// base is a valid virtual router to which the tests below add lines.
const base = `[[vrouter]]
group = 51
interface = "eth0"
vip = "10.0.0.1"
`

// TestFaults checks the exact message for every rule.
func TestFaults(t *testing.T) {
	tests := []struct {
		name string
		toml string
		want string // lines; "" if valid
	}{
		{"nothing", ``, ``},
		{"minimal", base, ``},

		{"unknown key", "prioriti = 3\n", `f.toml:1: prioriti: unknown key`},
		{"unknown key with suggestion", base + "prioriti = 3\n", `f.toml:5: vrouter[0].prioriti: unknown key; did you mean priority?`},
		{"unknown table", "[nonsense]\na = 1\n", `f.toml:1: nonsense: unknown key`},
		{"unknown key to be quoted", `"a b" = 1`, `f.toml:1: "a b": unknown key`},
		{"type integer", base + "priority = \"high\"\n", `f.toml:5: vrouter[0].priority: "high" is not an integer`},
		{"type integer not float", base + "priority = 1.5\n", `f.toml:5: vrouter[0].priority: 1.5 is not an integer`},
		{"type integer written as a float", base + "priority = 51.0\n", `f.toml:5: vrouter[0].priority: 51.0 is not an integer: write 51`},
		{"unknown list of tables", base + "[[vrouters]]\ngroup = 1\n", `f.toml:5: vrouters: unknown key; did you mean vrouter?`},
		{"JSON in a file for TOML", "{\"debug\": 1}", `f.toml:1: syntax error: expected '.' or '=', but got '{' instead (a file in JSON needs the name NAME.json, or the format json: -g json)`},
		{"type string", "hostname = 3", `f.toml:1: hostname: 3 is not a string`},
		{"type boolean", base + "preemption = 1\n", `f.toml:5: vrouter[0].preemption: 1 is not true or false`},
		{"type boolean not a string", base + "preemption = \"true\"\n", `f.toml:5: vrouter[0].preemption: "true" is not true or false`},
		{"socket_filter may be a string", base + "socket_filter = \"false\"\n", ``},
		{"socket_filter not any string", base + "socket_filter = \"no\"\n", `f.toml:5: vrouter[0].socket_filter: "no" is not true or false`},
		{"type list", base + "vips = \"10.0.0.2\"\n", `f.toml:5: vrouter[0].vips: "10.0.0.2" is not a list of strings`},
		{"type list element", base + "vips = [\"10.0.0.2\",\n 7]\n", `f.toml:6: vrouter[0].vips[1]: 7 is not a string`},
		{"type table", "api = 3", `f.toml:1: api: 3 is not a table`},
		{"type list of tables", "vrouter = 3", `f.toml:1: vrouter: 3 is not a list of tables`},
		{"type of a required key", "[[vrouter]]\ngroup = \"x\"\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\n", `f.toml:2: vrouter[0].group: "x" is not an integer`},
		{"syntax", "debug = 1\nhostname = \n", `f.toml:2: syntax error: expected value but found '\n' instead`},
		{"key twice", "debug = 1\ndebug = 2\n", `f.toml:2: syntax error: Key 'debug' has already been defined`},

		{"debug above 5", "debug = 6", ``},
		{"debug negative", "debug = -1", `f.toml:1: debug: -1 is out of range 0-5`},
		{"debug 4", "debug = 4", ``},
		{"time_zone", `time_zone = "CET"`, `f.toml:1: time_zone: "CET" is not "local" or "utc"`},
		{"time_format", `time_format = "iso"`, `f.toml:1: time_format: "iso" is not "disabled", "short" or "rfc2822"`},
		{"pid empty", `pid = ""`, `f.toml:1: pid: "" must not be empty`},
		{"hostname", `hostname = "r 1"`, `f.toml:1: hostname: "r 1" is not a host name of letters, digits, hyphens, underscores and dots`},
		{"log host", `log_hosts = ["10.0.0.9"]`, `f.toml:1: log_hosts[0]: "10.0.0.9" does not begin with udp://, tcp:// or tls://`},
		{"log host transport", `log_hosts = ["http://10.0.0.9"]`, `f.toml:1: log_hosts[0]: "http://10.0.0.9" does not begin with udp://, tcp:// or tls://`},
		{"log host port", `log_hosts = ["udp://10.0.0.9:0"]`, `f.toml:1: log_hosts[0]: "udp://10.0.0.9:0" does not end in a port of 1-65535`},
		{"log host name", `log_hosts = ["udp://a b:5"]`, `f.toml:1: log_hosts[0]: "udp://a b:5" has no address or name of a host`},
		{"log host path", `log_hosts = ["tcp://a/b"]`, `f.toml:1: log_hosts[0]: "tcp://a/b" has no address or name of a host`},
		{"log host twice", `log_hosts = ["tls://[::1]", "tls://[::1]:6514"]`, `f.toml:1: log_hosts[1]: "tls://[::1]:6514" occurs twice`},
		{"log hosts", `log_hosts = ["udp://a", "udp://b", "udp://c", "udp://d", "udp://e", "udp://f", "udp://g", "udp://h", "udp://i"]`, `f.toml:1: log_hosts: 9 hosts are more than 8`},
		{"log ca", `log_tls_ca = "ca.pem"`, `f.toml:1: log_tls_ca: "ca.pem" is not an absolute path`},
		{"banner", `banner = ["\u001b[31m"]`, `f.toml:1: banner[0]: "\x1b[31m" contains a control character`},
		{"banner lines", `banner = [` + strings.Repeat(`"",`, 21) + `]`, `f.toml:1: banner: 21 lines are more than 20`},
		{"banner bytes", `banner = ["` + strings.Repeat("x", 2001) + `"]`, `f.toml:1: banner: 2001 bytes are more than 2000`},
		{"alias", `aliases = ["a b c", "a d"]`, `f.toml:1: aliases[1]: "a" is already an alias`},
		{"alias name", `aliases = ["-x show"]`, `f.toml:1: aliases[0]: "-x show" does not begin with a name of 1-32 letters and digits`},
		{"alias command", `aliases = ["x "]`, `f.toml:1: aliases[0]: "x " has no command`},
		{"hostname empty", `hostname = ""`, `f.toml:1: hostname: "" is not a host name of 1-253 characters`},
		{"hostname hyphen", `hostname = "-r1"`, `f.toml:1: hostname: "-r1" is not a host name: its parts have 1-63 characters and do not begin or end with a hyphen`},
		{"control_socket relative", `control_socket = "r1.sock"`, `f.toml:1: control_socket: "r1.sock" is not an absolute path`},
		{"control_socket long", `control_socket = "/` + strings.Repeat("a", 107) + `"`, `f.toml:1: control_socket: "/` + strings.Repeat("a", 60) + `..." is longer than the 107 bytes that the path of a socket may have`},
		{"state_dir relative", `state_dir = "state"`, `f.toml:1: state_dir: "state" is not an absolute path`},
		{"realtime", "[realtime]\npriority = 99\nlock_memory = true\n", ``},
		{"metrics", "[metrics]\nenabled = true\n", ``},
		{"metrics of another type", "[metrics]\nenabled = 1\n", `f.toml:2: metrics.enabled: 1 is not true or false`},
		{"realtime priority", "[realtime]\npriority = 100\n", `f.toml:2: realtime.priority: 100 is out of range 0-99`},
		{"client_api", `client_api = "grpc"`, `f.toml:1: client_api: "grpc" is not "http" or "disabled"`},
		{"control character", `main_log = "/a\u001b[2J"`, `f.toml:1: main_log: "/a\x1b[2J" contains a control character`},
		{"control character in a list", base + `vips = ["10.0.0.2\n"]`, `f.toml:5: vrouter[0].vips[0]: "10.0.0.2\n" contains a control character`},
		{"text too long", `main_log = "/` + strings.Repeat("a", 4096) + `"`, `f.toml:1: main_log: "/` + strings.Repeat("a", 60) + `..." is longer than 4096 bytes`},

		{"group missing", "[[vrouter]]\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\n", `f.toml:1: vrouter[0].group: is required`},
		{"group 0", strings.Replace(base, "51", "0", 1), `f.toml:2: vrouter[0].group: 0 is not a virtual router identifier: they are 1-255 (RFC 9568 section 5.2.3)`},
		{"group 256", strings.Replace(base, "51", "256", 1), `f.toml:2: vrouter[0].group: 256 is out of range 1-255`},
		{"interface missing", "[[vrouter]]\ngroup = 51\nvip = \"10.0.0.1\"\n", `f.toml:1: vrouter[0].interface: is required`},
		{"interface long", strings.Replace(base, "eth0", "enp0s31f6.123456", 1), `f.toml:3: vrouter[0].interface: "enp0s31f6.123456" is longer than 15 characters`},
		{"interface slash", strings.Replace(base, "eth0", "a/b", 1), `f.toml:3: vrouter[0].interface: "a/b" is not the name of an interface: it contains a character that is not allowed there`},
		{"interface empty", strings.Replace(base, "eth0", "", 1), `f.toml:3: vrouter[0].interface: "" must not be empty`},
		{"interface dots", strings.Replace(base, "eth0", "..", 1), `f.toml:3: vrouter[0].interface: ".." is not the name of an interface`},
		{"vip missing", "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\n", `f.toml:1: vrouter[0].vip: is required (or vips)`},
		{"vips instead of vip", "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvips = [\"10.0.0.1\"]\n", ``},
		{"vip not an address", vip("router"), `f.toml:4: vrouter[0].vip: "router" is not an address such as "10.0.0.1", "10.0.0.1/24" or "2001:db8::1/64"`},
		{"vip prefix", vip("10.0.0.1/33"), `f.toml:4: vrouter[0].vip: "10.0.0.1/33" has a prefix length that is out of range 1-32`},
		{"vip prefix 0", vip("10.0.0.1/0"), `f.toml:4: vrouter[0].vip: "10.0.0.1/0" has a prefix length that is out of range 1-32`},
		{"vip unspecified", vip("0.0.0.0"), `f.toml:4: vrouter[0].vip: "0.0.0.0" is not the address of a host`},
		{"vip multicast", vip("224.0.0.18"), `f.toml:4: vrouter[0].vip: "224.0.0.18" is a multicast address`},
		{"vip loopback", vip("127.0.0.1"), `f.toml:4: vrouter[0].vip: "127.0.0.1" is a loopback address`},
		{"vip broadcast", vip("255.255.255.255"), `f.toml:4: vrouter[0].vip: "255.255.255.255" is the broadcast address`},
		{"vip reserved", vip("240.0.0.1"), `f.toml:4: vrouter[0].vip: "240.0.0.1" is a reserved address (RFC 1112 section 4)`},
		{"vip broadcast of its subnet", vip("10.0.0.255/24"), `f.toml:4: vrouter[0].vip: "10.0.0.255/24" is the broadcast address of 10.0.0.0/24`},
		{"vip of its network", vip("10.0.0.0/24"), `f.toml:4: vrouter[0].vip: "10.0.0.0/24" is the address of the network 10.0.0.0/24`},
		{"vip in a larger subnet", vip("10.0.0.255/16"), ``},
		{"vip without a subnet", vip("10.0.0.255"), ``},
		{"vip of a link with two", vip("10.0.0.0/31"), ``},
		{"vip alone", vip("10.0.0.255/32"), ``},
		{"vips broadcast of its subnet", base + "vips = [\"10.0.3.255/22\"]\n", `f.toml:5: vrouter[0].vips[0]: "10.0.3.255/22" is the broadcast address of 10.0.0.0/22`},
		{"vip IPv6 without an interface identifier", vip("2001:db8::/64"), ``},
		{"vip mapped", vip("::ffff:10.0.0.1"), `f.toml:4: vrouter[0].vip: "::ffff:10.0.0.1" is an IPv4 address in IPv6 form: write the IPv4 address`},
		{"vip IPv6", vip("fe80::1"), ``},
		{"vip IPv6 prefix", vip("2001:db8::1/129"), `f.toml:4: vrouter[0].vip: "2001:db8::1/129" has a prefix length that is out of range 1-128`},
		{"vip IPv6 zone", vip("fe80::1%eth0"), `f.toml:4: vrouter[0].vip: "fe80::1%eth0" is not an address such as "10.0.0.1", "10.0.0.1/24" or "2001:db8::1/64"`},
		{"vip IPv6 multicast", vip("ff02::12"), `f.toml:4: vrouter[0].vip: "ff02::12" is a multicast address`},
		{"IPv6 with IPv4", vip("fe80::1") + "vips = [\"10.0.0.2\"]\n", `f.toml:5: vrouter[0].vips[0]: "10.0.0.2" is an IPv4 address, but the first one is IPv6: a virtual router has one family`},
		{"IPv6 with authentication", vip("fe80::1") + "auth_type = \"rfc2338-simple\"\nauth_secret = \"x\"\n", `f.toml:5: vrouter[0].auth_type: "rfc2338-simple" is not possible with version 3, which has no authentication (RFC 9568 section 9)`},
		{"IPv6 with checksum", vip("fe80::1") + "checksum = \"rfc9568\"\n", `f.toml:5: vrouter[0].checksum: "rfc9568" can be chosen for version 3 with IPv4 addresses only`},
		{"90 IPv6 addresses", vip("fe80::1") + "vips = [" + manyIPv6(89) + "]\n", ``},
		{"too many IPv6 addresses", vip("fe80::1") + "vips = [" + manyIPv6(90) + "]\n", `f.toml:5: vrouter[0].vips: 91 addresses do not fit an advertisement: at most 90 IPv6 addresses fit`},
		{"too many with the derived one", vip("2001:db8::1") + "vips = [" + manyIPv6(89) + "]\n", `f.toml:5: vrouter[0].vips: 91 addresses do not fit an advertisement: at most 90 IPv6 addresses fit, including the derived link-local address`},
		{"same group in both families", base + "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvip = \"fe80::1\"\n", ``},
		{"vip IPv6 with version 2", vip("fe80::1") + "version = 2\n", `f.toml:5: vrouter[0].version: 2 is not possible with IPv6 addresses: they need version 3 (RFC 9568)`},
		{"families mixed", base + "vips = [\"10.0.0.2\", \"2001:db8::1\"]\n", `f.toml:5: vrouter[0].vips[1]: "2001:db8::1" is an IPv6 address, but the first one is IPv4: a virtual router has one family`},
		{"too many addresses", base + "vips = [" + manyAddresses(255) + "]\n", `f.toml:5: vrouter[0].vips: 256 addresses do not fit an advertisement: at most 255 IPv4 addresses fit`},
		{"255 addresses", base + "vips = [" + manyAddresses(254) + "]\n", ``},
		{"priority 0", base + "priority = 0\n", `f.toml:5: vrouter[0].priority: 0 is out of range 1-254 (0 says that the Master resigns, 255 that it owns the addresses, RFC 9568 section 5.2.4)`},
		{"priority 255", base + "priority = 255\n", `f.toml:5: vrouter[0].priority: 255 is out of range 1-254 (0 says that the Master resigns, 255 that it owns the addresses, RFC 9568 section 5.2.4)`},
		{"priority 300", base + "priority = 300\n", `f.toml:5: vrouter[0].priority: 300 is out of range 1-254`},
		{"priority huge", base + "priority = 4294967396\n", `f.toml:5: vrouter[0].priority: 4294967396 is out of range 1-254`},
		{"accept_mode", base + "accept_mode = false\naccept_ping = true\n", ``},
		{"version 1", base + "version = 1\n", `f.toml:5: vrouter[0].version: 1 is not 2 or 3`},
		{"version 3", base + "version = 3\n", ``},

		{"timers", base + "timers = { advert = 255 }\n", ``},
		{"timers empty", base + "timers = {}\n", ``},
		{"timers 0", base + "timers = { advert = 0 }\n", `f.toml:5: vrouter[0].timers.advert: 0 is out of range 1-255`},
		{"timers as a table", base + "[vrouter.timers]\n\nadvert = 256\n", `f.toml:7: vrouter[0].timers.advert: 256 is out of range 1-255`},
		{"timers version 3", base + "version = 3\ntimers = { advert = 41 }\n", `f.toml:6: vrouter[0].timers.advert: 41 is out of range 1-40`},
		{"timers and advertise_interval", base + "timers = { advert = 1 }\nadvertise_interval = \"1s\"\n", `f.toml:5: vrouter[0].timers: excludes advertise_interval: give only one of them`},
		{"interval v2 fraction", interval(2, "1500ms"), `f.toml:6: vrouter[0].advertise_interval: "1500ms" is not in whole seconds, which version 2 requires (RFC 3768 section 5.3.7)`},
		{"interval v2 low", interval(2, "500ms"), `f.toml:6: vrouter[0].advertise_interval: "500ms" is out of range 1s-255s`},
		{"interval v2 low end", interval(2, "1s"), ``},
		{"interval v2 high end", interval(2, "255s"), ``},
		{"interval v2 high", interval(2, "256s"), `f.toml:6: vrouter[0].advertise_interval: "256s" is out of range 1s-255s`},
		{"interval v3 step", interval(3, "15ms"), `f.toml:6: vrouter[0].advertise_interval: "15ms" is not in steps of 10ms (RFC 9568 section 5.2.7)`},
		{"interval v3 low", interval(3, "9ms"), `f.toml:6: vrouter[0].advertise_interval: "9ms" is out of range 10ms-40.95s`},
		{"interval v3 low end", interval(3, "10ms"), ``},
		{"interval v3 high end", interval(3, "40.95s"), ``},
		{"interval v3 high", interval(3, "40.96s"), `f.toml:6: vrouter[0].advertise_interval: "40.96s" is out of range 10ms-40.95s`},
		{"interval negative", interval(3, "-1s"), `f.toml:6: vrouter[0].advertise_interval: "-1s" is out of range 10ms-40.95s`},
		{"interval no duration", interval(3, "1"), `f.toml:6: vrouter[0].advertise_interval: "1" is not a duration such as "1s" or "250ms"`},
		{"preempt_delay", base + "preempt_delay = \"2h\"\n", `f.toml:5: vrouter[0].preempt_delay: "2h" is out of range 0s-3600s`},
		{"garp_repeat", base + "garp_repeat = 0\n", `f.toml:5: vrouter[0].garp_repeat: 0 is out of range 1-100`},
		{"garp_delay", base + "garp_delay = \"6m\"\n", `f.toml:5: vrouter[0].garp_delay: "6m" is out of range 0s-300s`},
		{"garp_refresh", base + "garp_refresh = \"10ms\"\n", `f.toml:5: vrouter[0].garp_refresh: "10ms" is out of range 1s-86400s`},
		{"garp_refresh off", base + "garp_refresh = \"0s\"\n", ``},

		{"auth_type", base + "auth_type = \"md5\"\nauth_secret = \"x\"\n", `f.toml:5: vrouter[0].auth_type: "md5" is not "rfc2338-simple", "p0-t8-sha256" or "p1-t8-shake256"`},
		{"auth_secret missing", base + "auth_type = \"p0-t8-sha256\"\n", `f.toml:1: vrouter[0].auth_secret: is required with auth_type`},
		{"auth_secret empty", base + "auth_type = \"p0-t8-sha256\"\nauth_secret = \"\"\n", `f.toml:6: vrouter[0].auth_secret: is required with auth_type`},
		{"auth_secret masked", base + "auth_type = \"p0-t8-sha256\"\nauth_secret = \"********\"\n", `f.toml:6: vrouter[0].auth_secret: is the mask that hides a secret, not a secret`},
		{"auth version 3", base + "version = 3\nauth_type = \"rfc2338-simple\"\nauth_secret = \"x\"\n", `f.toml:6: vrouter[0].auth_type: "rfc2338-simple" is not possible with version 3, which has no authentication (RFC 9568 section 9)`},
		{"auth other name", base + "auth_type = \"p1-b8-shake256\"\nauth_secret = \"x\"\n", ``},
		{"advert_mac", base + "iftype = \"macvlan\"\nadvert_mac = \"interface\"\n", ``},
		{"advert_mac unknown", base + "advert_mac = \"own\"\n", `f.toml:5: vrouter[0].advert_mac: "own" is not "virtual" or "interface"`},
		{"advert_mac with vmac", base + "vmac = true\nadvert_mac = \"interface\"\n", `f.toml:6: vrouter[0].advert_mac: "interface" is not possible with vmac: the interface itself has the virtual MAC then`},
		{"checksum", base + "version = 3\nchecksum = \"crc\"\n", `f.toml:6: vrouter[0].checksum: "crc" is not "auto", "rfc5798" or "rfc9568"`},
		{"checksum version 2", base + "checksum = \"rfc5798\"\n", `f.toml:5: vrouter[0].checksum: "rfc5798" can be chosen for version 3 with IPv4 addresses only`},
		{"netdrv", base + "netdrv = \"netlink\"\n", `f.toml:5: vrouter[0].netdrv: "netlink" is not "libnl" or "ioctl"`},
		{"netdrv ioctl", base + "netdrv = \"ioctl\"\n", ``},
		{"netdrv ioctl with a long name", strings.Replace(base, "eth0", "ens192.100.4000", 1) + "netdrv = \"ioctl\"\n", `f.toml:5: vrouter[0].netdrv: "ioctl" is not possible: the label of the address would be ens192.100.4000:51, and labels have at most 15 characters`},
		{"netdrv ioctl with macvlan", base + "netdrv = \"ioctl\"\niftype = \"macvlan\"\n", ``},
		{"iftype", base + "iftype = \"vlan\"\n", `f.toml:5: vrouter[0].iftype: "vlan" is not "ether" or "macvlan"`},
		{"vmac macvlan", base + "iftype = \"macvlan\"\nvmac = true\n", `f.toml:6: vrouter[0].vmac: true is not possible with iftype = "macvlan": the macvlan has the virtual MAC`},
		{"vifname long", base + "vifname = \"0123456789abcdef\"\n", `f.toml:5: vrouter[0].vifname: "0123456789abcdef" is longer than 15 characters`},
		{"vifname space", base + "vifname = \"a b\"\n", `f.toml:5: vrouter[0].vifname: "a b" is not the name of an interface: it contains a character that is not allowed there`},
		{"description", base + "description = \"" + strings.Repeat("a", 256) + "\"\n", `f.toml:5: vrouter[0].description: "` + strings.Repeat("a", 61) + `..." is longer than 255 bytes`},

		{"same router twice", base + "\n" + strings.Replace(base, "10.0.0.1", "10.0.0.2", 1), `f.toml:7: vrouter[1].group: 51 is already used on eth0 by vrouter[0]`},
		{"same group elsewhere", base + strings.Replace(strings.Replace(base, "eth0", "eth1", 1), "10.0.0.1", "10.0.0.2", 1), ``},
		{"address on two routers", base + strings.Replace(base, "51", "52", 1), `f.toml:8: vrouter[1].vip: 10.0.0.1 is already an address of vrouter[0] on eth0`},
		{"address on two routers, other form", base + strings.Replace(vip("10.0.0.1/24"), "51", "52", 1), `f.toml:8: vrouter[1].vip: 10.0.0.1 is already an address of vrouter[0] on eth0`},
		{"address twice", base + "vips = [\"10.0.0.1\"]\n", `f.toml:5: vrouter[0].vips: 10.0.0.1 is listed twice`},
		{"vmac twice", base + "vmac = true\n" + second + "vmac = true\n", `f.toml:10: vrouter[1].vmac: true is not possible: vrouter[0] already sets the MAC of eth0`},
		{"vifname twice", base + macvlan("vrrp0") + second + macvlan("vrrp0"), `f.toml:12: vrouter[1].vifname: "vrrp0" is already the name of the macvlan of vrouter[0]`},
		{"vifname of an interface", base + macvlan("eth0"), `f.toml:6: vrouter[0].vifname: "eth0" is already the interface of vrouter[0]`},
		{"vifname twice without macvlan", base + "vifname = \"vrrp0\"\n" + second + "vifname = \"vrrp0\"\n", ``},

		{"api host", "[api]\nhost = \"0.0.0.0\"\n", `f.toml:2: api.host: "0.0.0.0" is not an address and port such as "0.0.0.0:7080" or "[::1]:7080"`},
		{"api port", "[api]\nhost = \"0.0.0.0:70800\"\n", `f.toml:2: api.host: "0.0.0.0:70800" does not end in a port of 1-65535`},
		{"api host name", "[api]\nhost = \"a b:80\"\n", `f.toml:2: api.host: "a b:80" does not begin with an address or a host name`},
		{"api any address", "[api]\nhost = \":80\"\n", ``},
		{"api tls_key", "[api]\ntls_key = \"\"\n", `f.toml:2: api.tls_key: "" must not be empty`},
		{"api users", "[api]\nusers = [\n \"{{SHA256}}admin:0:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695\",\n \"root:x:0:0\",\n]\n", `f.toml:4: api.users[1]: is not of the form {{SHA256}}name:level:salt:hash or {{SCRYPT}}name:level::hash`},
		{"api users twice", "[api]\nusers = [\n \"{{SHA256}}a:0:1e:" + strings.Repeat("0", 64) + "\",\n \"{{SHA256}}a:9:1e:" + strings.Repeat("0", 64) + "\",\n]\n", `f.toml:4: api.users[1]: "a" is already defined by api.users[0]`},

		{"ssh listen", "[ssh]\nlisten = \"22\"\n", `f.toml:2: ssh.listen: "22" is not an address and port such as "0.0.0.0:7080" or "[::1]:7080"`},
		{"ssh keys relative", "[ssh]\nauthorized_keys = \"%u\"\n", `f.toml:2: ssh.authorized_keys: "%u" is not an absolute path`},
		{"ssh keys token", "[ssh]\nauthorized_keys = \"/keys/%%/%h\"\n", `f.toml:2: ssh.authorized_keys: "/keys/%%/%h" has a percent sign that is neither %u, the user, nor %%, a percent sign`},
		{"ssh keys tokens", "[ssh]\nauthorized_keys = \"/keys/%%u/%u\"\n", ``},
		{"ssh host_key", "[ssh]\nhost_key = \"key\"\n", `f.toml:2: ssh.host_key: "key" is not an absolute path`},

		{"all at once", "debug = -9\n" + strings.Replace(base, "51", "0", 1) + "priority = 300\nnonsense = 1\n[api]\nhost = 7\n",
			`f.toml:1: debug: -9 is out of range 0-5
f.toml:3: vrouter[0].group: 0 is not a virtual router identifier: they are 1-255 (RFC 9568 section 5.2.3)
f.toml:6: vrouter[0].priority: 300 is out of range 1-254
f.toml:7: vrouter[0].nonsense: unknown key
f.toml:9: api.host: 7 is not a string`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Load("f.toml", []byte(tt.toml), TOML)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

const second = "[[vrouter]]\ngroup = 52\ninterface = \"eth0\"\nvip = \"10.0.0.52\"\n"

func vip(s string) string { return strings.Replace(base, "10.0.0.1", s, 1) }

func macvlan(name string) string {
	return "iftype = \"macvlan\"\nvifname = \"" + name + "\"\n"
}

func interval(version int, s string) string {
	return fmt.Sprintf("%sversion = %d\nadvertise_interval = %q\n", base, version, s)
}

func manyAddresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\"10.1.%d.1\", ", i)
	}
	return b.String()
}

func manyIPv6(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\"2001:db8::1:%x\", ", i)
	}
	return b.String()
}

// TestIPv6Addresses checks that a link-local address comes first, and that IPv4 and IPv6 may share a group.
func TestIPv6Addresses(t *testing.T) {
	const derived = "fe80::200:5eff:fe00:233"
	for _, tc := range []struct{ name, vips, want string }{
		{"global ones only", `"2001:db8::1/64", "2001:db8::2"`, derived + " 2001:db8::1 2001:db8::2"},
		{"link-local first", `"fe80::1", "2001:db8::1"`, "fe80::1 2001:db8::1"},
		{"link-local last", `"2001:db8::1", "2001:db8::2", "fe80::1", "fe80::2"`, "fe80::1 2001:db8::1 2001:db8::2 fe80::2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\niftype = \"macvlan\"\n" +
				"[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\niftype = \"macvlan\"\nvips = [" + tc.vips + "]\n"
			file, cfg, err := Load("f.toml", []byte(text), TOML)
			if err != nil {
				t.Fatal(err)
			}
			v4, v6 := &cfg.Engine.Routers[0], &cfg.Engine.Routers[1]
			var got []string
			for i, a := range v6.Addresses {
				got = append(got, a.Addr.String())
				if a.Derived != (a.Addr.String() == derived) || v6.Protocol.Addresses[i] != a.Addr {
					t.Errorf("address %d is %+v, in adverts %s", i, a, v6.Protocol.Addresses[i])
				}
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("addresses %s, want %s", got, tc.want)
			}
			if v6.Protocol.Version != vrrp.V3 || v4.Protocol.Version != vrrp.V2 {
				t.Errorf("versions %s and %s", v4.Protocol.Version, v6.Protocol.Version)
			}
			if v4.VIFName != "standby51" || v6.VIFName != "standby51-eth0" {
				t.Errorf("macvlans %s and %s", v4.VIFName, v6.VIFName)
			}
			if raw, err := Marshal(file, TOML); err != nil || strings.Contains(string(raw), derived) {
				t.Errorf("the file says (%v):\n%s", err, raw)
			}
		})
	}
}

// TestFaultsJSON checks that JSON has paths where TOML has lines.
func TestFaultsJSON(t *testing.T) {
	tests := []struct{ name, json, want string }{
		{"valid", `{"vrouter": [{"group": 51, "interface": "eth0", "vip": "10.0.0.1", "auth_type": null, "timers": null}]}`, ``},
		{"range", `{"vrouter": [{"group": 51, "interface": "eth0", "vip": "10.0.0.1", "priority": 300}]}`, `f.json: vrouter[0].priority: 300 is out of range 1-254`},
		{"unknown", `{"vrouters": []}`, `f.json: vrouters: unknown key; did you mean vrouter?`},
		{"case matters", `{"Debug": 1}`, `f.json: Debug: unknown key; did you mean debug?`},
		{"float", `{"debug": 1.5}`, `f.json: debug: 1.5 is not an integer`},
		{"type", `{"vrouter": {"group": 51}}`, `f.json: vrouter: a table is not a list of tables`},
		{"twice", `{"debug": 1, "debug": 2}`, `f.json: debug: occurs twice`},
		{"syntax", "{\n\"debug\": x}", `f.json:2: syntax error: invalid character 'x' looking for beginning of value`},
		{"short", `{"debug": 1`, `f.json:1: syntax error: unexpected end of file`},
		{"more", `{} {}`, `f.json:1: syntax error: there is text after the end of the object`},
		{"no object", `[]`, `f.json: is not a JSON object`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Load("f.json", []byte(tt.json), JSON)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestCandidateFaults checks that faults of a candidate, which has no lines, name the virtual router.
func TestCandidateFaults(t *testing.T) {
	f := parsed(t, base+second)
	Priority.Set(VRouters.Value(f)[1], 300)
	Debug.Set(f, -7)
	VRouters.Set(f, append(VRouters.Value(f), RouterTable.New()))
	_, err := Validate(f, nil)
	want := `logging level -7 is out of range 0-5
eth0 group 52: priority 300 is out of range 1-254
vrouter[2].group: is required
vrouter[2].interface: is required
vrouter[2].vip: is required (or vips)`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestFirstThere(t *testing.T) {
	here, missing := "validate_test.go", "missing"
	for _, test := range []struct{ paths, want string }{
		{missing + " " + here, here}, {here + " " + missing, here}, {missing + " nowhere", missing},
	} {
		if got := firstThere(strings.Fields(test.paths)...); got != test.want {
			t.Errorf("%s: %s, want %s", test.paths, got, test.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	_, cfg, err := Load("f.toml", []byte(base), TOML)
	if err != nil {
		t.Fatal(err)
	}
	hostname, _ := os.Hostname()
	want := &Config{
		General: General{
			TimeZone: "local", TimeFormat: "disabled", WorkingDir: "/var/lib/vrrpsh",
			Hostname: hostname, ControlSocket: "/run/vrrpsh/vrrpsh.sock", StateDir: "/var/lib/vrrpsh",
		},
		API: APIConfig{Host: "0.0.0.0:7080", TLSKey: "/etc/vrrpsh/ssl/key.pem", TLSCert: "/etc/vrrpsh/ssl/cert.pem"},
		SSH: SSHConfig{AuthorizedKeys: "/etc/vrrpsh/authorized_keys/%u", HostKey: "/var/lib/vrrpsh/ssh_host_ed25519_key"},
		Engine: engine.Config{Routers: []engine.VirtualRouter{{
			Key: engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: 51},
			Protocol: vrrp.Config{
				Version: vrrp.V2, Family: vrrp.IPv4, VRID: 51, Priority: 100, Interval: time.Second, Lenient: true,
				Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")},
				Announce:  vrrp.AnnounceConfig{Repeat: 5, Delay: 5 * time.Second},
			},
			Addresses:    []engine.Address{{Addr: netip.MustParseAddr("10.0.0.1"), Bits: -1}},
			SocketFilter: true,
		}}},
	}
	if diff := cmp.Diff(want, cfg, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEverythingSet(t *testing.T) {
	const text = `
debug = 4
time_zone = "utc"
time_format = "rfc2822"
pid = "r.pid"
working_dir = "/var/tmp"
main_log = "/var/log/a.log"
error_log = "disabled"
hostname = "r1.example.net"
control_socket = "/tmp/r1.sock"
state_dir = "/tmp/state"
[[vrouter]]
group = 7
interface = "ens192.900"
vip = "10.0.0.1/24"
vips = ["10.0.0.2", "10.0.0.3/32"]
version = 3
priority = 254
preemption = true
preempt_delay = "30s"
advertise_interval = "250ms"
rfc3768 = false
netdrv = "libnl"
iftype = "macvlan"
vifname = "vrrp0"
advert_mac = "interface"
socket_filter = "false"
checksum = "rfc9568"
description = "Zürich"
shutdown = true
garp_repeat = 1
garp_delay = "0s"
garp_refresh = "1m"
[[vrouter]]
group = 255
interface = "eth1"
vip = "10.1.0.1"
auth_type = "p1-t8-shake256"
auth_secret = "thissecretnolongeris"
rfc3768 = false
timers = { advert = 3 }
vmac = true
[api]
host = "127.0.0.1:80"
secret = "0123456789abcdef"
tls = true
tls_key = "k"
tls_cert = "c"
users = ["{{SHA256}}admin:9:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695"]
`
	_, cfg, err := Load("f.toml", []byte(text), TOML)
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr
	want := engine.Config{Routers: []engine.VirtualRouter{
		{
			Key: engine.Key{Interface: "ens192.900", Family: vrrp.IPv4, VRID: 7},
			Protocol: vrrp.Config{
				Version: vrrp.V3, Family: vrrp.IPv4, VRID: 7, Priority: 254, Interval: 250 * time.Millisecond,
				Preempt: true, PreemptDelay: 30 * time.Second, Checksum: vrrp.ChecksumRFC9568,
				Addresses: []netip.Addr{a("10.0.0.1"), a("10.0.0.2"), a("10.0.0.3")},
				Announce:  vrrp.AnnounceConfig{Repeat: 1, Refresh: time.Minute},
			},
			Addresses: []engine.Address{{Addr: a("10.0.0.1"), Bits: 24}, {Addr: a("10.0.0.2"), Bits: -1}, {Addr: a("10.0.0.3"), Bits: 32}},
			Type:      engine.Macvlan, VIFName: "vrrp0", AdvertMAC: engine.AdvertFromInterface, Description: "Zürich", Shutdown: true,
		},
		{
			Key: engine.Key{Interface: "eth1", Family: vrrp.IPv4, VRID: 255},
			Protocol: vrrp.Config{
				Version: vrrp.V2, Family: vrrp.IPv4, VRID: 255, Priority: 100, Interval: 3 * time.Second,
				AuthType: vrrp.AuthP1, Secret: "thissecretnolongeris", Lenient: true,
				Addresses: []netip.Addr{a("10.1.0.1")},
				Announce:  vrrp.AnnounceConfig{Repeat: 5, Delay: 5 * time.Second},
			},
			Addresses: []engine.Address{{Addr: a("10.1.0.1"), Bits: -1}},
			VMAC:      true, SocketFilter: true,
		},
	}}
	if diff := cmp.Diff(want, cfg.Engine, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("engine: -want +got\n%s", diff)
	}
	general := General{
		Debug: 3, TimeZone: "utc", TimeFormat: "rfc2822", PID: "r.pid", WorkingDir: "/var/tmp", MainLog: "/var/log/a.log",
		Hostname: "r1.example.net", ControlSocket: "/tmp/r1.sock", StateDir: "/tmp/state",
	}
	if diff := cmp.Diff(general, cfg.General); diff != "" {
		t.Errorf("general: -want +got\n%s", diff)
	}
	got := cfg.API
	if len(got.Users) != 1 || got.Users[0].Name != "admin" || got.Users[0].Level != Administrator {
		t.Errorf("users: got %v", got.Users)
	}
	got.Users = nil
	if diff := cmp.Diff(APIConfig{Enabled: true, Host: "127.0.0.1:80", Secret: "0123456789abcdef", TLS: true, TLSKey: "k", TLSCert: "c"}, got); diff != "" {
		t.Errorf("api: -want +got\n%s", diff)
	}
}

func TestWarnings(t *testing.T) {
	const static = "[[protocols.static]]\nroute = \"10.0.0.0\"\nmask = \"255.0.0.0\"\nnh = \"10.0.0.254\"\n"
	const user = "users = [\"{{SHA256}}a:0:1e:0000000000000000000000000000000000000000000000000000000000000000\"]\n"
	tests := []struct{ name, toml, want string }{
		{"none", base, ``},
		{"debug 3", "debug = 3\n", ``},
		{"debug 4", "debug = 4\n", `debug 4 is read as 3`},
		{"debug above 5", "debug = 99\n", `debug 99 is read as 5`},
		{"static mtu 0", base + static + "mtu = 0\n", `protocols.static[0].mtu 0 is read as none: the MTU of the interface is used`},
		{"static route with host bits", base + strings.Replace(static, "10.0.0.0", "10.9.0.7", 1), `protocols.static[0].route 10.9.0.7 has bits outside its mask: 10.0.0.0/8 is used`},
		{"static route with host bits and a length", base + "[[protocols.static]]\nroute = \"10.9.0.7/8\"\nnh = \"10.0.0.254\"\n", `protocols.static[0].route 10.9.0.7/8 has bits outside its mask: 10.0.0.0/8 is used`},
		{"static route twice", base + static + static, `protocols.static[1] is the same as protocols.static[0]: it is left out`},
		{"static route twice in two forms", base + static + "[[protocols.static]]\nroute = \"10.0.0.0/8\"\nmtu = 0\nnh = \"10.0.0.254\"\n",
			"protocols.static[1].mtu 0 is read as none: the MTU of the interface is used\nprotocols.static[1] is the same as protocols.static[0]: it is left out"},
		{"advert_mac without a virtual MAC", base + "advert_mac = \"interface\"\n", `eth0 group 51: advert_mac = "interface" has no effect without iftype = "macvlan": there is no virtual MAC`},
		{"api without TLS", "[api]\n" + user, `api.host "0.0.0.0:7080" can be reached from the network and api.tls is off: passwords are sent in clear text`},
		{"api any address", "[api]\nhost = \":7080\"\n" + user, `api.host ":7080" can be reached from the network and api.tls is off: passwords are sent in clear text`},
		{"api with TLS", "[api]\ntls = true\n" + user, ``},
		{"api loopback", "[api]\nhost = \"[::1]:7080\"\n" + user, ``},
		{"api localhost", "[api]\nhost = \"localhost:7080\"\n" + user, ``},
		{"api disabled", "client_api = \"disabled\"\n[api]\n" + user, ``},
		{"ssh without users", "[ssh]\nlisten = \"[::]:2222\"\n", `api.users is empty: nobody can log in over SSH`},
		{"ssh with users", "client_api = \"disabled\"\n[ssh]\nlisten = \"[::]:2222\"\n[api]\n" + user, ``},
		{"ssh keys of all users in one file", "[ssh]\nauthorized_keys = \"/k/%%u\"\n", `ssh.authorized_keys "/k/%%u" has no %u: each key in it can log in as any user`},
		{"api without users", "[api]\ntls = true\n", `api.users is empty: nobody can log in to the API`},
		{"api weak secret", "[api]\ntls = true\nsecret = \"abc\"\n" + user, `api.secret is shorter than 16 characters: session tokens signed with it can be forged by guessing`},
		{"metrics without api", "[metrics]\nenabled = true\n", `metrics.enabled: without a listener in [api], only the control socket serves metrics`},
		{"metrics with api", "[api]\ntls = true\n" + user + "[metrics]\nenabled = true\n", ``},
		{"no metrics without api", "[metrics]\nenabled = false\n", ``},
		{"strict with proprietary authentication", base + "auth_type = \"p0-t8-sha256\"\nauth_secret = \"x\"\nrfc3768 = false\n", `eth0 group 51: rfc3768 = false is not possible with p0-t8-sha256, which no RFC defines: true is used`},
		{"long simple secret", base + "auth_type = \"rfc2338-simple\"\nauth_secret = \"thissecretnolongeris\"\n", `eth0 group 51: only the first 8 characters of auth_secret are used by rfc2338-simple`},
		{"secret without type", base + "auth_secret = \"x\"\n", `eth0 group 51: auth_secret has no effect without auth_type`},
		{"pings without accept_mode", base + "accept_ping = true\n", `eth0 group 51: accept_ping has no effect without accept_mode = false`},
		{"pings with accept_mode", base + "accept_mode = false\naccept_ping = true\n", ``},
		{"delay without preemption", base + "preempt_delay = \"1s\"\n", `eth0 group 51: preempt_delay has no effect without preemption`},
		{"netdrv with macvlan", base + "iftype = \"macvlan\"\nnetdrv = \"ioctl\"\n", `eth0 group 51: netdrv = "ioctl" has no effect with iftype = "macvlan", which always uses netlink`},
		{"vmac beside another", base + "vmac = true\n" + second, `eth0 group 52: its addresses move to another MAC whenever eth0 group 51, with vmac, becomes Master on eth0`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, cfg, err := Load("f.toml", []byte(tt.toml), TOML)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(cfg.Warnings, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestMacvlanNames checks that default names are distinct, and stay the same after a change elsewhere.
func TestMacvlanNames(t *testing.T) {
	router := func(iface string, group int, name string) *Table {
		v := router1(t, fmt.Sprintf("[[vrouter]]\ninterface = %q\ngroup = %d\nvip = \"10.0.0.%d\"\niftype = \"macvlan\"\n", iface, group, group))
		if name != "" {
			VIFName.Set(v, name)
		}
		return v
	}
	names := func(running *Config, vs ...*Table) (string, *Config) {
		t.Helper()
		cfg, err := validate(fileOf(vs...), nil, running, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range cfg.Engine.Routers {
			got = append(got, r.VIFName)
		}
		return strings.Join(got, " "), cfg
	}
	tests := []struct {
		name string
		vs   []*Table
		want string
	}{
		{"default", []*Table{router("eth0", 1, "")}, "standby1"},
		{"own name", []*Table{router("eth0", 1, "vrrp0")}, "vrrp0"},
		{"same group on two interfaces", []*Table{router("eth0", 1, ""), router("eth1", 1, "")}, "standby1 standby1-eth1"},
		{"long interface names", []*Table{router("ens192.900", 1, ""), router("ens192.901", 1, ""), router("ens192.902", 1, "")}, "standby1 standby1-ba83 standby1-5854"},
		{"default taken by a name that is configured later", []*Table{router("eth0", 1, ""), router("eth1", 2, "standby1")}, "standby1-eth0 standby1"},
		{"default taken by an interface", []*Table{router("eth0", 1, ""), router("standby1", 2, "")}, "standby1-eth0 standby2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := names(nil, tt.vs...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("the same when another is removed or added", func(t *testing.T) {
		_, running := names(nil, router("eth0", 1, ""), router("eth1", 1, ""))
		got, running := names(running, router("eth1", 1, ""))
		if got != "standby1-eth1" {
			t.Errorf("after removing the first: got %q", got)
		}
		if got, _ = names(running, router("eth0", 1, ""), router("eth1", 1, "")); got != "standby1 standby1-eth1" {
			t.Errorf("after adding it again: got %q", got)
		}
	})
	t.Run("own name removed", func(t *testing.T) {
		_, running := names(nil, router("eth0", 1, "vrrp0"))
		if got, _ := names(running, router("eth0", 1, "")); got != "standby1" {
			t.Errorf("got %q", got)
		}
	})
}

// router1 returns the first virtual router of a file, or a virtual router with only these keys.
func router1(t testing.TB, text string) *Table {
	t.Helper()
	if !strings.HasPrefix(text, "[[vrouter]]") {
		text = "[[vrouter]]\n" + text
	}
	return VRouters.Value(parsed(t, text))[0]
}

// fileOf returns a File with these virtual routers.
func fileOf(routers ...*Table) *File {
	f := NewFile()
	VRouters.Set(f, routers)
	return f
}

// parsed parses a File that is known to be readable.
func parsed(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("f.toml", []byte(text), TOML)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
