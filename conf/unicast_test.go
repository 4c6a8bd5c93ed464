// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine/vrrp"
)

const base6 = "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvips = [\"fe80::100\", \"2001:db8::100\"]\n"

// TestUnicast reads legal settings.
func TestUnicast(t *testing.T) {
	addr := netip.MustParseAddr
	for _, tt := range []struct {
		name, toml string
		want       vrrp.UnicastConfig
		warning    string
	}{
		{"none", base, vrrp.UnicastConfig{}, ""},
		{"a peer", base + "unicast_peers = [\"10.0.0.2\"]\n", vrrp.UnicastConfig{Peers: []netip.Addr{addr("10.0.0.2")}, TTLMin: 255}, ""},
		{
			"all of it", base + "version = 3\nunicast_peers = [\"10.9.0.2\", \"10.9.0.3\"]\nunicast_source = \"10.0.0.7\"\nunicast_ttl_min = 250\n",
			vrrp.UnicastConfig{Peers: []netip.Addr{addr("10.9.0.2"), addr("10.9.0.3")}, Source: addr("10.0.0.7"), TTLMin: 250}, "",
		},
		{
			"with authentication", base + "auth_type = \"rfc2338-simple\"\nauth_secret = \"x\"\nunicast_peers = [\"10.0.0.2\"]\n",
			vrrp.UnicastConfig{Peers: []netip.Addr{addr("10.0.0.2")}, TTLMin: 255}, "",
		},
		{"IPv6, link-local", base6 + "unicast_peers = [\"fe80::2\"]\n", vrrp.UnicastConfig{Peers: []netip.Addr{addr("fe80::2")}, TTLMin: 255}, ""},
		{
			"IPv6, global", base6 + "unicast_peers = [\"2001:db8::2\"]\nunicast_source = \"2001:db8::1\"\n",
			vrrp.UnicastConfig{Peers: []netip.Addr{addr("2001:db8::2")}, Source: addr("2001:db8::1"), TTLMin: 255}, "",
		},
		{
			"IPv6, global without a source", base6 + "unicast_peers = [\"fe80::2\", \"2001:db8::2\"]\n",
			vrrp.UnicastConfig{Peers: []netip.Addr{addr("fe80::2"), addr("2001:db8::2")}, TTLMin: 255},
			"eth0 IPv6 group 51: unicast_peers[1] 2001:db8::2 is not link-local, but adverts to it come from a link-local address: set unicast_source",
		},
		{
			"IPv6, link-local from a global source", base6 + "unicast_peers = [\"fe80::2\"]\nunicast_source = \"2001:db8::1\"\n",
			vrrp.UnicastConfig{Peers: []netip.Addr{addr("fe80::2")}, Source: addr("2001:db8::1"), TTLMin: 255},
			"eth0 IPv6 group 51: unicast_peers[0] fe80::2 is link-local, but unicast_source is not",
		},
		{
			"a source alone", base + "unicast_source = \"10.0.0.7\"\n", vrrp.UnicastConfig{},
			"eth0 group 51: unicast_source and unicast_ttl_min have no effect without unicast_peers",
		},
		{
			"a TTL alone", base + "unicast_ttl_min = 1\n", vrrp.UnicastConfig{},
			"eth0 group 51: unicast_source and unicast_ttl_min have no effect without unicast_peers",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, cfg, err := Load("f.toml", []byte(tt.toml), TOML)
			if err != nil {
				t.Fatal(err)
			}
			got := &cfg.Engine.Routers[0].Protocol.Unicast
			if !got.Equal(&tt.want) {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
			if diff := cmp.Diff(tt.warning, strings.Join(cfg.Warnings, "\n")); diff != "" {
				t.Errorf("warnings: %s", diff)
			}
		})
	}
}

// TestUnicastFaults checks the exact message for every rule.
func TestUnicastFaults(t *testing.T) {
	peers := func(list ...string) string { return `unicast_peers = ["` + strings.Join(list, `", "`) + "\"]\n" }
	many := make([]string, maxPeers+1)
	for i := range many {
		many[i] = fmt.Sprintf("10.0.1.%d", i+1)
	}
	for _, tt := range []struct{ name, toml, want string }{
		{"no address", base + peers("r2"), `f.toml:5: vrouter[0].unicast_peers[0]: "r2" is not an IP address`},
		{"empty", base + peers(""), `f.toml:5: vrouter[0].unicast_peers[0]: "" is not an IP address`},
		{"prefix", base + peers("10.0.0.2/24"), `f.toml:5: vrouter[0].unicast_peers[0]: "10.0.0.2/24" is not an IP address`},
		{"zone", base6 + peers("fe80::2%eth0"), `f.toml:5: vrouter[0].unicast_peers[0]: "fe80::2%eth0" is not an IP address`},
		{"mapped", base6 + peers("::ffff:10.0.0.2"), `f.toml:5: vrouter[0].unicast_peers[0]: "::ffff:10.0.0.2" is not an IP address`},
		{"IPv6 peer of IPv4", base + peers("10.0.0.2", "fe80::2"), `f.toml:5: vrouter[0].unicast_peers[1]: "fe80::2" is not an IPv4 address like the virtual addresses`},
		{"IPv4 peer of IPv6", base6 + peers("10.0.0.2"), `f.toml:5: vrouter[0].unicast_peers[0]: "10.0.0.2" is not an IPv6 address like the virtual addresses`},
		{"multicast", base + peers("224.0.0.18"), `f.toml:5: vrouter[0].unicast_peers[0]: "224.0.0.18" is not the address of another host on a network`},
		{"multicast of IPv6", base6 + peers("ff02::12"), `f.toml:5: vrouter[0].unicast_peers[0]: "ff02::12" is not the address of another host on a network`},
		{"loopback", base + peers("127.0.0.1"), `f.toml:5: vrouter[0].unicast_peers[0]: "127.0.0.1" is not the address of another host on a network`},
		{"unspecified", base + peers("0.0.0.0"), `f.toml:5: vrouter[0].unicast_peers[0]: "0.0.0.0" is not the address of another host on a network`},
		{"broadcast", base + peers("255.255.255.255"), `f.toml:5: vrouter[0].unicast_peers[0]: "255.255.255.255" is not the address of another host on a network`},
		{"twice", base + peers("10.0.0.2", "10.0.0.2"), `f.toml:5: vrouter[0].unicast_peers[1]: "10.0.0.2" occurs twice`},
		{"twice, written otherwise", base6 + peers("fe80::2", "fe80:0::2"), `f.toml:5: vrouter[0].unicast_peers[1]: "fe80:0::2" occurs twice`},
		{"virtual address", base + peers("10.0.0.1"), `f.toml:5: vrouter[0].unicast_peers[0]: "10.0.0.1" is one of the virtual addresses: a peer needs its own address`},
		{"second virtual address", base6 + peers("fe80::2", "2001:db8::100"), `f.toml:5: vrouter[0].unicast_peers[1]: "2001:db8::100" is one of the virtual addresses: a peer needs its own address`},
		{"too many", base + peers(many...), `f.toml:5: vrouter[0].unicast_peers: 33 addresses are more than 32`},
		{"not a list", base + "unicast_peers = \"10.0.0.2\"\n", `f.toml:5: vrouter[0].unicast_peers: "10.0.0.2" is not a list of strings`},
		{"source of another family", base + peers("10.0.0.2") + "unicast_source = \"2001:db8::1\"\n", `f.toml:6: vrouter[0].unicast_source: "2001:db8::1" is not an IPv4 address like the virtual addresses`},
		{"source is a peer", base + peers("10.0.0.2", "10.0.0.3") + "unicast_source = \"10.0.0.3\"\n", `f.toml:6: vrouter[0].unicast_source: "10.0.0.3" is one of the unicast_peers`},
		{"source is multicast", base + peers("10.0.0.2") + "unicast_source = \"224.0.0.1\"\n", `f.toml:6: vrouter[0].unicast_source: "224.0.0.1" is not the address of another host on a network`},
		{"source without peers", base + "unicast_source = \"x\"\n", `f.toml:5: vrouter[0].unicast_source: "x" is not an IP address`},
		{"TTL 0", base + peers("10.0.0.2") + "unicast_ttl_min = 0\n", `f.toml:6: vrouter[0].unicast_ttl_min: 0 is out of range 1-255`},
		{"TTL 256", base + peers("10.0.0.2") + "unicast_ttl_min = 256\n", `f.toml:6: vrouter[0].unicast_ttl_min: 256 is out of range 1-255`},
		{"TTL not a number", base + peers("10.0.0.2") + "unicast_ttl_min = \"255\"\n", `f.toml:6: vrouter[0].unicast_ttl_min: "255" is not an integer`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Load("f.toml", []byte(tt.toml), TOML)
			var faults Faults
			if !errors.As(err, &faults) || faults.Error() != tt.want {
				t.Errorf("got\n%v\nwant\n%s", err, tt.want)
			}
		})
	}
	// A host without support says so.
	path := filepath.Join(t.TempDir(), "r.toml")
	if err := os.WriteFile(path, []byte(base+peers("10.0.0.2")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Host("freebsd").LoadFile(path, TOML); err == nil || !strings.Contains(err.Error(), "unicast_peers") {
		t.Errorf("on FreeBSD: %v", err)
	}
}
