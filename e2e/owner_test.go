//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// ownerGroup is the group with the first router's own address, one of its own of IPv6, or with those of both routers.
func ownerGroup(vips ...string) string {
	return fmt.Sprintf("[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\nvips = [\"%s\"]\n"+
		"advertise_interval = \"200ms\"\npriority = 7\n", vrid, strings.Join(vips, `", "`))
}

// TestAddressOwner holds that a router with the virtual address on its interface is Master at once, takes it over
// from whoever has it, and that the address is never taken off its interface, in either family.
func TestAddressOwner(t *testing.T) {
	for _, tc := range []struct{ name, vip string }{{"IPv4", "192.0.2.1"}, {"IPv6", "fe80::fee"}} {
		t.Run(tc.name, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 2)
			if tc.name == "IPv6" {
				l.Routers[0].IP("addr add " + tc.vip + "/64 dev eth0 nodad")
			}
			wire := l.Capture()
			r1 := l.VrrpshFile(bin, l.Routers[0], ownerGroup(tc.vip))
			r2 := l.VrrpshFile(bin, l.Routers[1], ownerGroup(tc.vip))
			r2.Start()
			r2.WaitState("Master", patience)

			start := time.Now()
			r1.Start()
			if first := wire.WaitMaster("r1", start, patience); first.Priority != 255 {
				t.Errorf("the owner's first advert has priority %d", first.Priority)
			}
			r1.WaitState("Master", patience)
			r2.WaitState("Backup", patience)
			stays := func(when string) {
				t.Helper()
				if got := r1.Node().Holds(tc.vip); got != "eth0" {
					t.Errorf("%s the owner's address is on %q", when, got)
				}
			}
			stays("while Master")
			start = time.Now()
			r1.Stop()
			bye := wire.WaitResign("r1", start, patience)
			wire.WaitMaster("r2", bye.Time, patience)
			stays("after the end")
		})
	}
}

// TestTwoAddressOwners holds that two owners, of which one is a mistake, agree on the numerically higher primary address,
// and that the other says what is wrong.
func TestTwoAddressOwners(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	group := ownerGroup("192.0.2.1", "192.0.2.2")
	r1, r2 := l.VrrpshFile(bin, l.Routers[0], group), l.VrrpshFile(bin, l.Routers[1], group)
	r1.Start()
	r1.WaitState("Master", patience)
	start := time.Now()
	r2.Start()
	wire.WaitMaster("r2", start, patience)
	r1.WaitState("Backup", patience)
	r2.WaitState("Master", patience)
	for _, tc := range []struct{ command, want string }{
		{"show vrrp", "Another owner of the virtual address is 192.0.2.2"},
		{"show vrrp explain", "192.0.2.2 advertises that it owns a virtual address"},
		{"show logging", "192.0.2.2 says that it owns the virtual addresses"},
	} {
		if out := r1.Show(strings.Fields(tc.command)...); !strings.Contains(out, tc.want) {
			t.Errorf("%s does not say %q:\n%s", tc.command, tc.want, out)
		}
	}
	for _, r := range []*lab.Vrrpsh{r1, r2} {
		if own := r.Node().Holds(r.Node().Addr); own != "eth0" {
			t.Errorf("%s lost its own address", r.Name)
		}
	}
	r2.Stop()
	r1.WaitState("Master", patience)
	if got := r2.Node().Holds("192.0.2.2"); got != "eth0" {
		t.Errorf("after the end r2's address is on %q", got)
	}
}
