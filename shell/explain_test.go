// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

const v3 = "version = 3\npreemption = true\n"

// TestExplain puts real routers into each situation.
func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		name  string
		r1    string                     // settings of the router under test
		r2    string                     // settings of its peer; empty: no peer
		until func(l *lan, r1, r2 *node) // nil: 10 s
		want  []string
	}{
		{
			name: "no advert heard", r1: v3 + "priority = 150",
			until: func(*lan, *node, *node) { pass(1500 * time.Millisecond) },
			want:  []string{"no Master heard: becomes Master in 1914 ms, when the Master Down interval (3414.062 ms = 3 × 1000 + 106 × 1000/256) ends."},
		},
		{
			name: "higher priority", r1: v3 + "priority = 150", r2: v3 + "priority = 200",
			until: func(*lan, *node, *node) { pass(10*time.Second + 100*time.Millisecond) },
			want: []string{
				"Backup: the Master 10.0.0.2 has the higher priority, 200 against 150.",
				"A priority above 200 with preemption",
				"Without another one, this router becomes Master in ",
			},
		},
		{
			name: "preemption off", r1: "version = 3\npriority = 150\npreemption = false\n", r2: v3 + "priority = 100",
			until: laterFirst,
			want:  []string{"although the Master 10.0.0.2 has a lower priority, 100 against 150: preemption is off."},
		},
		{
			name: "preempt delay", r1: v3 + "priority = 150\npreempt_delay = \"60s\"\n", r2: v3 + "priority = 100",
			until: laterFirst,
			want:  []string{"Takes over from the Master 10.0.0.2 in ", "when the preempt delay of 1m0s ends"},
		},
		{
			name: "refused by the kernel", r1: v3 + "priority = 150", r2: v3 + "priority = 100",
			until: func(_ *lan, r1, _ *node) {
				r1.kernel.SetFaults(fake.Faults{Apply: func(a platform.Attachment) error {
					if a.Active {
						return errors.New("add 10.0.0.100/24: operation not permitted")
					}
					return nil
				}})
				pass(30 * time.Second)
			},
			want: []string{
				"Backup although the Master 10.0.0.2 has a lower priority, 100 against 150: the kernel refused the addresses.",
				"It tries again when it hears no Master, after eth0 was down, and after a change of its configuration.",
				"add 10.0.0.100/24: operation not permitted.",
			},
		},
		{
			name: "interface down", r1: v3,
			until: func(_ *lan, r1, _ *node) {
				if err := r1.kernel.SetUp("eth0", false); err != nil {
					panic(err)
				}
				pass(5 * time.Second)
			},
			want: []string{"Out of the election for 5 s: interface eth0 is down."},
		},
		{
			name: "interface missing", r1: v3,
			until: func(_ *lan, r1, _ *node) {
				if err := r1.kernel.DeleteLink("eth0"); err != nil {
					panic(err)
				}
				pass(5 * time.Second)
			},
			want: []string{": interface eth0 does not exist."},
		},
		{
			name: "port of a bridge", r1: v3,
			until: func(_ *lan, r1, _ *node) {
				if err := r1.kernel.SetPort("eth0", "br0"); err != nil {
					panic(err)
				}
				pass(5 * time.Second)
			},
			want: []string{"Cannot run on eth0: eth0 is a port of br0: run on br0."},
		},
		{
			name: "no primary address", r1: v3,
			until: func(_ *lan, r1, _ *node) {
				for _, l := range r1.kernel.Links() {
					for _, a := range l.Addrs {
						if err := r1.kernel.DelAddr(l.Name, a); err != nil {
							panic(err)
						}
					}
				}
				pass(5 * time.Second)
			},
			want: []string{"eth0 has no IPv4 address to send adverts from."},
		},
		{
			name: "tracked object down",
			r1:   v3 + "priority = 150\ntrack = [{ object = \"uplink\", decrement = 60 }]\n[[track]]\nname = \"uplink\"\ninterface = \"eth1\"\n",
			r2:   v3 + "priority = 100",
			want: []string{
				"Backup: the Master 10.0.0.2 has the higher priority, 100 against 90.",
				"Tracked object uplink is down: priority 150 − 60 = 90.",
			},
		},
		{
			name: "another secret",
			r1:   "priority = 100\nauth_type = \"rfc2338-simple\"\nauth_secret = \"one\"\n",
			r2:   "priority = 200\nauth_type = \"rfc2338-simple\"\nauth_secret = \"two\"\n",
			want: []string{"discarded because of auth, the last ", "from 10.0.0.2: its secret differs, and both may become Master."},
		},
		{
			name: "another type of authentication",
			r1:   "priority = 100\n",
			r2:   "priority = 200\nauth_type = \"rfc2338-simple\"\nauth_secret = \"two\"\n",
			want: []string{"from 10.0.0.2: its authentication type is rfc2338-simple, and both may become Master."},
		},
		{
			name: "checksum form",
			r1:   v3 + "priority = 100\nchecksum = \"rfc9568\"\n",
			r2:   v3 + "priority = 200\nchecksum = \"rfc5798\"\n",
			want: []string{
				"the last advert heard, from 10.0.0.2, has one that covers the message and a pseudo-header, and this router's (\"checksum rfc9568\") covers the message only.",
			},
		},
		{
			name: "shutdown", r1: v3,
			until: func(_ *lan, r1, _ *node) {
				must(r1.t, r1.Session, "configure", "interface eth0 vrrp 1 shutdown", "commit", "end")
				pass(time.Second)
			},
			want: []string{"Shut down: \"no shutdown\" starts it."},
		},
		{
			name: "waiting for Master_Down", r1: v3 + "priority = 100", r2: v3 + "priority = 200",
			until: func(_ *lan, r1, r2 *node) {
				pass(10 * time.Second)
				if err := r2.kernel.Cut("eth0"); err != nil {
					panic(err)
				}
				pass(2500 * time.Millisecond)
			},
			want: []string{" ms ago. Without another one, this router becomes Master in ", "(3609.375 ms = 3 × 1000 + 156 × 1000/256)"},
		},
		{
			name: "Master", r1: v3 + "priority = 150",
			until: func(*lan, *node, *node) { pass(13414063 * time.Microsecond) },
			want: []string{"Master for 10 s: master down timer expired.", "with a priority above 150, or with 150 from an address above 10.0.0.1",
				"It has heard no other router for 13 s. If there is one, a firewall on either router may drop VRRP (IP protocol 112).",
				"This host does not forward IPv4 packets from eth0 (net.ipv4.conf.eth0.forwarding is 0): it is not a gateway for the hosts there."},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onLAN(t, func(l *lan) {
				r1 := l.router(1, tc.r1)
				r1.env.NotForwarding = func(iface string, family vrrp.Family) string {
					return "net.ipv" + family.String()[3:] + ".conf." + iface + ".forwarding"
				}
				var r2 *node
				if tc.r2 != "" {
					r2 = l.router(2, tc.r2)
				}
				if tc.until == nil {
					pass(10 * time.Second)
				} else {
					tc.until(l, r1, r2)
				}
				out := must(l.t, r1.Session, "show vrrp explain group 1")
				if strings.Contains(out, "does not forward") != strings.Contains(out, "Master for ") {
					l.t.Errorf("a missing or superfluous hint that the host does not forward:\n%s", out)
				}
				for _, want := range tc.want {
					if !strings.Contains(out, want) {
						l.t.Errorf("%q is missing in:\n%s", want, out)
					}
				}
			})
		})
	}
}

// TestExplainMute tests a router that cannot send adverts, alone and beside another router.
func TestExplainMute(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3+"priority = 150\n")
		pass(5 * time.Second)
		r1.kernel.SetFaults(fake.Faults{Send: func(string, platform.Frame) error { return errors.New("no buffer space available") }})
		pass(5 * time.Second)
		says := func(command string, want ...string) {
			l.t.Helper()
			out := must(l.t, r1.Session, command)
			for _, w := range want {
				if !strings.Contains(out, w) {
					l.t.Errorf("%s: %q is missing in:\n%s", command, w, out)
				}
			}
		}
		const fault = "cannot send: no buffer space available"
		says("show vrrp", "State is MASTER", "Fault: "+fault, "Send errors 5")
		says("show vrrp explain", "No other router hears this one, because its adverts cannot be sent: it gives up Master as soon as it hears another router, whatever that router's priority.",
			"Its last advert failed: "+fault+".")
		says("show vrrp | json", `"send_fault": "`+fault+`"`)
		says("show logging", fault)
		l.router(2, v3+"priority = 100\n")
		pass(5 * time.Second)
		says("show vrrp explain", "Backup although the Master 10.0.0.2 has a lower priority, 100 against 150, because adverts cannot be sent",
			"Its last advert failed: "+fault+".")
		says("show vrrp history", "adverts cannot be sent (10.0.0.2, priority 100)")
		r1.kernel.SetFaults(fake.Faults{})
		pass(10 * time.Second)
		if out := must(l.t, r1.Session, "show vrrp"); !strings.Contains(out, "State is MASTER") || strings.Contains(out, "Fault") {
			l.t.Errorf("after it can send again:\n%s", out)
		}
		says("show logging", "adverts can be sent again")
	})
}

// TestExplainDeafRival has two Masters; the one with the lower priority does not hear the other.
func TestExplainDeafRival(t *testing.T) {
	const hint = "\"advert-mac interface\" sends them from the MAC address of eth0"
	for settings, hinted := range map[string]bool{
		"iftype = \"macvlan\"\n": true,
		"":                       false,
	} {
		onLAN(t, func(l *lan) {
			r1 := l.router(1, v3+"priority = 150\n"+settings)
			l.router(2, v3+"priority = 100\n")
			l.SetDrop(func(from, to string) bool { return from == "r1" && to == "r2" })
			pass(20 * time.Second)
			out := must(l.t, r1.Session, "show vrrp explain group 1")
			want := "10.0.0.2 also claims to be Master, with priority 100, and stays Master although this router's 150 is higher: it does not hear this router"
			if !strings.Contains(out, want) || strings.Contains(out, hint) != hinted {
				l.t.Errorf("%q, and %q %t, is missing in:\n%s", want, hint, hinted, out)
			}
		})
	}
}

// TestExplainForeignMessages sends messages that are not VRRP, or VRRP of an unsupported kind.
func TestExplainForeignMessages(t *testing.T) {
	const strict = "rfc3768 = false\n"
	v2 := vrrp.Config{Version: vrrp.V2, Family: vrrp.IPv4, VRID: 1, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.100")}}
	source := netip.MustParseAddr("10.0.0.9")
	message := func(change func(*vrrp.Config)) []byte {
		c := v2
		change(&c)
		return vrrp.AppendMessage(nil, &c, 50, vrrp.FormMessage, source, vrrp.GroupIPv4)
	}
	md5 := func(c *vrrp.Config) { c.AuthType = vrrp.AuthCiscoMD5 }
	none := func(c *vrrp.Config) { c.Addresses = nil }
	for _, tc := range []struct {
		name, settings, want string
		payload              []byte
	}{
		{"CARP", "", "1 advert was discarded because of carp, ", append([]byte{0x21, 1, 0, 7}, make([]byte, 32)...)},
		{"no addresses", strict, "1 advert was discarded because of no-addresses, ", message(none)},
		{"no addresses, tolerated", "", "", message(none)},
		{"Cisco's MD5", "", "from 10.0.0.9: its authentication type is cisco-md5, ", append(message(md5), make([]byte, 22)...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onLAN(t, func(l *lan) {
				r1 := l.router(1, tc.settings)
				pass(time.Second)
				f, err := frame.AppendAdvert(nil, &platform.Frame{Source: source, Payload: tc.payload})
				if err != nil {
					l.t.Fatal(err)
				}
				l.AddHost("peer").Send(f)
				pass(time.Millisecond)
				out := must(l.t, r1.Session, "show vrrp explain group 1")
				if tc.want == "" && strings.Contains(out, "discarded") || !strings.Contains(out, tc.want) {
					l.t.Errorf("%q is missing in:\n%s", tc.want, out)
				}
			})
		})
	}
}

// laterFirst lets the peer become Master while the router is cut off as Backup.
func laterFirst(_ *lan, r1, r2 *node) {
	must(r1.t, r1.Session, "configure", "interface eth0 vrrp 1 shutdown", "commit", "end")
	pass(10 * time.Second)
	must(r1.t, r1.Session, "configure", "no interface eth0 vrrp 1 shutdown", "commit", "end")
	pass(2500 * time.Millisecond)
}

// TestObstacles checks that "show vrrp explain" and commits name settings of the host that are in the way.
func TestObstacles(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3+"priority = 150\n")
		r1.env.Obstacles = func(routers []engine.VirtualRouter) []string {
			if len(routers) != 1 || routers[0].VRID != 1 {
				l.t.Errorf("called with %+v", routers)
			}
			return []string{"net.ipv4.conf.all.arp_ignore is 8"}
		}
		for _, test := range []struct{ lines, want string }{
			{"show vrrp explain", "A setting of this host is in the way: net.ipv4.conf.all.arp_ignore is 8."},
			{"show vrrp explain | json", `"A setting of this host is in the way: net.ipv4.conf.all.arp_ignore is 8."`},
			{"configure;interface eth0 vrrp 1 priority 50;commit", "Warning: a setting of this host is in the way: net.ipv4.conf.all.arp_ignore is 8"},
		} {
			if out := must(l.t, r1.Session, strings.Split(test.lines, ";")...); !strings.Contains(out, test.want) {
				l.t.Errorf("%s says %s", test.lines, out)
			}
		}
	})
}
