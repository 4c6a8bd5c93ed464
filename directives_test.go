// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

// world is a LAN in virtual time with the routers of a test, each with its configuration file.
type world struct {
	t       *testing.T
	lan     *fake.LAN
	routers map[int]*fake.Router
	drivers map[int]*driver.Driver

	mu   sync.Mutex
	sent []sentAdvert
}

type sentAdvert struct {
	from    string
	at      time.Time
	payload []byte
}

// run starts the router r1 or r2 with a configuration and waits long enough for it to become Master.
func (w *world) run(n int, file string) {
	w.t.Helper()
	_, cfg, err := conf.Load("test", []byte(file), conf.TOML)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.lan.AddRouter(fmt.Sprintf("r%d", n), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 24))
	r.AddLink(w.lan, "eth1", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(n)}), 24))
	d := driver.New(driver.Options{System: r.Boot()})
	ctx, end := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(ctx)
	}()
	w.t.Cleanup(func() { end(); <-ended })
	w.routers[n], w.drivers[n] = r, d
	if err := d.Apply(w.t.Context(), cfg.Engine); err != nil {
		w.t.Fatal(err)
	}
	w.wait(10 * time.Second)
}

func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) snapshot(n int) *engine.Snapshot {
	w.t.Helper()
	s, err := w.drivers[n].Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) detail(n int) report.Detail {
	w.t.Helper()
	return report.Details(w.snapshot(n), nil)[0]
}

// adverts returns the adverts that a router has sent.
func (w *world) adverts(n int) []sentAdvert {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(w.sent), func(a sentAdvert) bool { return a.from != fmt.Sprintf("r%d", n) })
	if len(list) < 2 {
		w.t.Fatalf("r%d has sent %d adverts", n, len(list))
	}
	return list
}

// on returns the interface that has an address, or "".
func (w *world) on(n int, addr string) string {
	for _, l := range w.routers[n].Links() {
		for _, p := range l.Addrs {
			if p.String() == addr {
				return l.Name
			}
		}
	}
	return ""
}

func (w *world) is(what string, got, want any) {
	w.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// vrouter returns a [[vrouter]] table; lines replace the key that they set.
func vrouter(lines ...string) string {
	table := []string{`group = 51`, `interface = "eth0"`, `vip = "10.0.0.100"`}
	for _, line := range lines {
		key, _, _ := strings.Cut(line, " ")
		table = slices.DeleteFunc(table, func(l string) bool { return strings.HasPrefix(l, key+" ") })
		table = append(table, line)
	}
	return "[[vrouter]]\n" + strings.Join(table, "\n") + "\n"
}

func static(lines ...string) string {
	return vrouter() + "[protocols]\n[[protocols.static]]\n" + strings.Join(lines, "\n") + "\n"
}

const (
	toNet = `route = "10.50.0.0"`
	mask  = `mask = "255.255.0.0"`
	hop   = `nh = "10.0.0.9"`
)

// TestDirectives checks the effect of each compatible directive of [[vrouter]] and [protocols] on packets and
// the kernel. The tests of the API cover those of [api].
func TestDirectives(t *testing.T) {
	for _, tc := range []struct {
		directive string
		test      func(w *world)
	}{
		{"vrouter.group", func(w *world) {
			w.run(1, vrouter(`group = 77`))
			w.is("VRID", w.adverts(1)[0].payload[1], 77)
		}},
		{"vrouter.interface", func(w *world) {
			w.run(1, vrouter(`interface = "eth1"`))
			w.is("the address's interface", w.on(1, "10.0.0.100/32"), "eth1")
		}},
		{"vrouter.vip", func(w *world) {
			w.run(1, vrouter(`vip = "10.0.0.7"`))
			w.is("the address's interface, with the subnet's length", w.on(1, "10.0.0.7/24"), "eth0")
			w.is("the advertised address", netip.AddrFrom4([4]byte(w.adverts(1)[0].payload[8:12])), "10.0.0.7")
		}},
		{"vrouter.vip with a length", func(w *world) {
			w.run(1, vrouter(`vip = "10.0.0.7/28"`))
			w.is("the address's interface", w.on(1, "10.0.0.7/28"), "eth0")
		}},
		{"vrouter.priority", func(w *world) {
			w.run(1, vrouter(`priority = 201`))
			w.is("the priority", w.adverts(1)[0].payload[2], 201)
			w.run(2, vrouter(`priority = 200`))
			w.is("r1", w.detail(1).State, "Master")
			w.is("r2", w.detail(2).State, "Backup")
		}},
		{"vrouter.preemption = false", func(w *world) {
			w.run(1, vrouter(`priority = 100`))
			w.run(2, vrouter(`priority = 200`, `preemption = false`))
			w.is("r2", w.detail(2).State, "Backup")
		}},
		{"vrouter.preemption = true", func(w *world) {
			w.run(1, vrouter(`priority = 100`))
			w.run(2, vrouter(`priority = 200`, `preemption = true`))
			w.is("r2", w.detail(2).State, "Master")
			w.is("r1", w.detail(1).State, "Backup")
		}},
		{"vrouter.auth_type", func(w *world) {
			w.run(1, vrouter(`auth_type = "rfc2338-simple"`, `auth_secret = "0123456789"`))
			p := w.adverts(1)[0].payload
			w.is("the authentication type", p[4], uint8(vrrp.AuthSimple))
			w.is("the authentication data", string(p[12:20]), "01234567")
		}},
		{"vrouter.auth_secret", func(w *world) {
			w.run(1, vrouter(`priority = 200`, `auth_type = "p0-t8-sha256"`, `auth_secret = "one"`))
			w.run(2, vrouter(`auth_type = "p0-t8-sha256"`, `auth_secret = "other"`))
			w.is("r2, which cannot authenticate any advert,", w.detail(2).State, "Master")
			w.is("that it was counted", w.detail(2).Statistics.Dropped["auth"] > 0, true)
		}},
		{"vrouter.auth_type p1", func(w *world) {
			for _, name := range []string{"p1-t8-shake256", "p1-b8-shake256"} {
				n := len(w.routers) + 1
				w.run(n, vrouter(fmt.Sprintf(`priority = %d`, 200-n), `auth_type = "`+name+`"`, `auth_secret = "one"`))
			}
			w.is("r2, under its other name,", w.detail(2).State, "Backup")
		}},
		{"vrouter.timers", func(w *world) {
			w.run(1, vrouter(`timers = { advert = 3 }`))
			w.wait(10 * time.Second)
			a := w.adverts(1)
			w.is("the advertised interval", a[0].payload[5], 3)
			w.is("the interval, rounded,", a[1].at.Sub(a[0].at).Round(100*time.Millisecond), 3*time.Second)
		}},
		{"vrouter.rfc3768 = true", func(w *world) {
			w.run(1, vrouter(`priority = 200`))
			w.run(2, vrouter(`timers = { advert = 2 }`, `rfc3768 = true`))
			w.is("r2, which is lenient,", w.detail(2).State, "Backup")
			w.is("that it was counted", w.detail(2).Statistics.Tolerated["interval"] > 0, true)
		}},
		{"vrouter.rfc3768 = false", func(w *world) {
			w.run(1, vrouter(`priority = 200`))
			w.run(2, vrouter(`timers = { advert = 2 }`, `rfc3768 = false`))
			w.is("r2, which is strict,", w.detail(2).State, "Master")
			w.is("that it was counted", w.detail(2).Statistics.Dropped["interval"] > 0, true)
		}},
		{"vrouter.netdrv", func(w *world) {
			w.run(1, vrouter(`netdrv = "ioctl"`))
			w.is("ioctl", w.snapshot(1).Routers[0].Config.IOCTL, true)
			w.is("the address's interface", w.on(1, "10.0.0.100/24"), "eth0")
		}},
		{"vrouter.iftype = ether", func(w *world) {
			w.run(1, vrouter(`iftype = "ether"`))
			w.is("the address's interface", w.on(1, "10.0.0.100/24"), "eth0")
		}},
		{"vrouter.iftype = macvlan", func(w *world) {
			w.run(1, vrouter(`iftype = "macvlan"`))
			w.is("the address's interface, by its default name,", w.on(1, "10.0.0.100/24"), "standby51")
		}},
		{"vrouter.vifname", func(w *world) {
			w.run(1, vrouter(`iftype = "macvlan"`, `vifname = "vrrp0"`))
			w.is("the address's interface", w.on(1, "10.0.0.100/24"), "vrrp0")
		}},
		{"vrouter.vmac", func(w *world) {
			w.run(1, vrouter(`vmac = true`))
			for _, l := range w.routers[1].Links() {
				if l.Name == "eth0" {
					w.is("the MAC", l.MAC, vrrp.VirtualMAC(vrrp.IPv4, 51))
				}
			}
		}},
		{"vrouter.socket_filter = true", func(w *world) {
			w.run(1, vrouter())
			w.run(2, vrouter(`group = 52`, `vip = "10.0.0.101"`, `socket_filter = true`))
			w.is("adverts of other groups that were received", w.snapshot(2).Links[0].UnknownVRID, 0)
		}},
		{"vrouter.socket_filter = false", func(w *world) {
			w.run(1, vrouter())
			w.run(2, vrouter(`group = 52`, `vip = "10.0.0.101"`, `socket_filter = "false"`))
			w.is("that adverts of other groups were received", w.snapshot(2).Links[0].UnknownVRID > 0, true)
		}},

		{"protocols.static.route", func(w *world) {
			w.run(1, static(toNet, mask, hop))
			w.is("the destination", w.routers[1].Routes()[0].Destination, "10.50.0.0/16")
			w.run(2, vrouter(`priority = 200`, `preemption = true`))
			w.is("how many routes the Backup has", len(w.routers[1].Routes()), 0)
		}},
		{"protocols.static.mask", func(w *world) {
			w.run(1, static(toNet, `mask = "255.255.255.0"`, hop))
			w.is("the destination", w.routers[1].Routes()[0].Destination, "10.50.0.0/24")
		}},
		{"protocols.static.nh", func(w *world) {
			w.run(1, static(toNet, mask, `nh = "10.1.0.8"`))
			w.is("the next hop", w.routers[1].Routes()[0].NextHop, "10.1.0.8")
		}},
		{"protocols.static.metric", func(w *world) {
			w.run(1, static(toNet, mask, hop, `metric = 30`))
			w.is("the metric", w.routers[1].Routes()[0].Metric, 30)
		}},
		{"protocols.static.mtu", func(w *world) {
			w.run(1, static(toNet, mask, hop, `mtu = 1300`))
			w.is("the MTU", w.routers[1].Routes()[0].MTU, 1300)
		}},
		{"protocols.static.group and interface", func(w *world) {
			w.run(1, vrouter(`group = 52`, `vip = "10.0.0.101"`, `shutdown = true`)+
				static(toNet, mask, hop, `group = 52`, `interface = "eth0"`))
			w.is("how many routes there are with another group as Master", len(w.routers[1].Routes()), 0)
		}},
	} {
		t.Run(tc.directive, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, lan: fake.NewLAN(), routers: make(map[int]*fake.Router), drivers: make(map[int]*driver.Driver)}
				w.lan.Tap(func(f fake.Frame) {
					if f.Packet.Kind == frame.Advert {
						w.mu.Lock()
						defer w.mu.Unlock()
						w.sent = append(w.sent, sentAdvert{f.From, f.Time, slices.Clone(f.Packet.Payload)})
					}
				})
				tc.test(w)
			})
		})
	}
}
