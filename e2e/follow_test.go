// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// becomes waits until the output of a command in a namespace contains a text, or, after a "!", does not contain it.
func becomes(t *testing.T, n *lab.Namespace, want string, argv ...string) {
	t.Helper()
	lab.Until(t, patience, fmt.Sprintf("%q says %q", strings.Join(argv, " "), want), func() error {
		out, err := n.Try(argv...)
		text, absent := strings.CutPrefix(want, "!")
		if err != nil || strings.Contains(out, text) == absent {
			return errors.Join(err, errors.New(out))
		}
		return nil
	})
}

// TestRoutesOfAMaster changes the addresses of a Master's interface like DHCP clients, and has virtual addresses in subnets in
// which the interface has none: the host still reaches the Master, and the Master still reaches routed networks.
func TestRoutesOfAMaster(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	const foreign = "203.0.113.100"
	l.Host.IP("addr add 203.0.113.9/24 dev eth0", "addr add 2001:db8:1::9/64 dev eth0 nodad")
	config := "[protocols]\n[[protocols.static]]\nroute = \"198.51.100.0/24\"\nnh = \"203.0.113.9\"\ninterface = \"eth0\"\ngroup = 52\n" +
		fast.Table(200) +
		"[[vrouter]]\ngroup = 52\ninterface = \"eth0\"\nversion = 3\nadvertise_interval = \"200ms\"\nvip = \"" + foreign + "/24\"\n" +
		"[[vrouter]]\ngroup = 53\ninterface = \"eth0\"\nversion = 3\nadvertise_interval = \"200ms\"\niftype = \"macvlan\"\nvips = [\"fe80::53\", \"2001:db8:1::1/64\"]\n"
	v := l.VrrpshFile(bin, r1, config)
	before := r1.Run("ip", "route")
	v.Start()
	const own = "192.0.2.0/24 dev eth0 proto kernel"
	becomes(t, r1, "203.0.113.0/24 dev eth0 proto 112 scope link src "+foreign, "ip", "route")
	becomes(t, r1, "198.51.100.0/24 via 203.0.113.9 dev eth0 proto 112", "ip", "route")
	becomes(t, r1, "2001:db8:1::/64 dev standby53 proto 112", "ip", "-6", "route")
	becomes(t, r1, own, "ip", "route")
	if log := v.Log(); strings.Contains(log, "static route") && strings.Contains(log, "trying again") {
		t.Errorf("a static route by way of the virtual address's subnet failed at first:\n%s", log)
	}
	reached := func(when string) {
		t.Helper()
		for _, addr := range []string{lab.VIP, foreign, "2001:db8:1::1"} {
			lab.Until(t, patience, when+": the host reaches "+addr, func() error {
				_, err := l.Host.Try("ping", "-q", "-c", "1", "-W", "1", addr)
				return err
			})
		}
	}
	reached("as Master")

	ping := l.Ping(lab.VIP)
	ping.WaitAnswer(time.Now(), patience)
	since := time.Now()
	r1.IP("addr add 192.0.2.50/24 dev eth0", "addr del 192.0.2.1/24 dev eth0")
	becomes(t, r1, own+" scope link src 192.0.2.50", "ip", "route")
	r1.IP("addr add 192.0.2.1/24 dev eth0", "addr del 192.0.2.50/24 dev eth0")
	becomes(t, r1, own+" scope link src 192.0.2.1", "ip", "route")
	checkPings(t, ping, since)
	// The interface gets an address in the subnet, and loses it again.
	r1.IP("addr add 203.0.113.2/24 dev eth0")
	becomes(t, r1, "!203.0.113.0/24 dev eth0 proto 112", "ip", "route")
	becomes(t, r1, "203.0.113.0/24 dev eth0 proto kernel", "ip", "route")
	r1.IP("addr del 203.0.113.2/24 dev eth0")
	becomes(t, r1, "203.0.113.0/24 dev eth0 proto 112", "ip", "route")
	r1.IP("route del 203.0.113.0/24 dev eth0")
	becomes(t, r1, "203.0.113.0/24 dev eth0 proto 112", "ip", "route")
	reached("after all that")
	v.Stop()
	if after := r1.Run("ip", "route"); after != before {
		t.Errorf("the routes were\n%sand are\n%s", before, after)
	}
}

// TestMacvlanFollowsItsParent changes the attributes that a macvlan inherits from its interface, and the macvlan itself.
func TestMacvlanFollowsItsParent(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	v := l.VrrpshFile(bin, r1, "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nversion = 3\nadvertise_interval = \"200ms\"\niftype = \"macvlan\"\nvip = \""+lab.VIP+"\"\n"+
		"[[vrouter]]\ngroup = 52\ninterface = \"eth0\"\nversion = 3\nadvertise_interval = \"200ms\"\niftype = \"macvlan\"\nvips = [\"fe80::52\"]\n")
	r1.Run("sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")
	v.Start()
	lab.Until(t, patience, "both addresses are there", func() error {
		if r1.Holds(lab.VIP) == "" || r1.Holds("fe80::52") == "" {
			return errNotYet
		}
		return nil
	})
	link := []string{"ip", "link", "show", "standby51"}
	r1.IP("link set eth0 mtu 1300")
	becomes(t, r1, "mtu 1300", link...)
	r1.IP("link set eth0 mtu 1500")
	becomes(t, r1, "mtu 1500", link...)
	r1.IP("link set standby51 address 02:00:00:00:00:77")
	becomes(t, r1, "00:00:5e:00:01:33", link...)
	for _, value := range []string{"1", "0", "1"} {
		for _, setting := range []string{"net.ipv4.conf.%s.forwarding", "net.ipv6.conf.%s.forwarding"} {
			vif := "standby51"
			if strings.Contains(setting, "ipv6") {
				vif = "standby52"
			}
			r1.Run("sysctl", "-q", "-w", fmt.Sprintf(setting, "eth0")+"="+value)
			becomes(t, r1, value, "sysctl", "-n", fmt.Sprintf(setting, vif))
		}
	}
	if out := v.Show("show", "resources"); strings.Contains(out, "differs from the desired state") {
		t.Errorf("show resources:\n%s", out)
	}
	v.Stop()
}

// TestManyAddressesOnAMacvlan removes the first of 200 addresses, five times: the others never disappear, not even for a moment.
func TestManyAddressesOnAMacvlan(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	var vips []string
	for n := range 200 {
		vips = append(vips, fmt.Sprintf("%q", fmt.Sprintf("192.0.2.%d", 20+n)))
	}
	v := l.VrrpshFile(bin, r1, "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nversion = 3\nadvertise_interval = \"200ms\"\niftype = \"macvlan\"\nvips = ["+
		strings.Join(vips, ", ")+"]\n")
	v.Start()
	v.WaitState("Master", patience)
	ping := l.Ping("192.0.2.200")
	ping.WaitAnswer(time.Now(), patience)
	since := time.Now()
	for n := range 5 {
		gone := fmt.Sprintf("192.0.2.%d", 20+n)
		v.Script("configure", "interface eth0 vrrp 51", "no vip "+gone, "commit", "end")
		lab.Until(t, patience, gone+" is removed", func() error {
			if on := r1.Holds(gone); on != "" {
				return errors.New(on)
			}
			return nil
		})
	}
	checkPings(t, ping, since)
	v.Stop()
}

// TestRouterAdvertisements checks that macvlans ignore router advertisements: where /proc/sys is read-only, the addresses that the
// kernel derives from them are removed at once, and the log and "show resources" report it.
func TestRouterAdvertisements(t *testing.T) {
	require(t)
	for _, readOnly := range []bool{false, true} {
		t.Run(fmt.Sprintf("read-only %t", readOnly), func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 1)
			r1 := l.Routers[0]
			group := fast
			group.Macvlan = true
			for _, of := range []string{"all", "default", "eth0"} {
				r1.Run("sysctl", "-q", "-w", "net.ipv6.conf."+of+".forwarding=0", "net.ipv6.conf."+of+".accept_ra=1")
			}
			v := l.VrrpshFile(bin, r1, group.Table(200))
			v.StartWith(func(c *exec.Cmd) {
				if readOnly {
					c.Args = slices.Insert(c.Args, slices.Index(c.Args, bin), "sh", "-c",
						`mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"`, "sh")
				}
			})
			v.WaitState("Master", patience)
			lab.Until(t, patience, "the address is there", func() error {
				if r1.Holds(lab.VIP) == "" {
					return errNotYet
				}
				return nil
			})
			prefix := netip.MustParseAddr("2001:db8:99::")
			l.Deliver(r1, lab.RouterAdvertisement(prefix))
			// An address on the interface itself shows that the advertisement has arrived.
			becomes(t, r1, "2001:db8:99:", "ip", "-6", "addr", "show", "dev", "eth0")
			becomes(t, r1, "!2001:db8:99:", "ip", "-6", "addr", "show", "dev", "standby51")
			says := "settings of standby51 (it accepts router advertisements; the addresses from them are removed)"
			if readOnly {
				lab.Until(t, comparison, "the log reports it", func() error {
					if !strings.Contains(v.Log(), says) {
						return errNotYet
					}
					return nil
				})
			}
			if out := v.Show("show", "resources"); strings.Contains(strings.Join(strings.Fields(out), " "), says) != readOnly {
				t.Errorf("show resources:\n%s", out)
			}
			v.Stop()
		})
	}
}
