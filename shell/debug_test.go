// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

func TestDebug(t *testing.T) {
	const peer = v3 + "priority = 200\n"
	logged, debugged := []string{"became Backup"}, []string{"→", "received from"}
	for _, tc := range []struct {
		name       string
		settings   string
		lines      []string
		want, none []string
	}{
		{
			name: "packets", settings: v3, lines: []string{"terminal monitor", "debug vrrp packets"},
			want: []string{"eth0 received from 10.0.0.2: VRRPv3 group 1, priority 200, interval 1000 ms, 10.0.0.100"},
			none: []string{"→"},
		},
		{
			name: "packets discarded", settings: "auth_type = \"rfc2338-simple\"\nauth_secret = \"hunter2\"\n",
			lines: []string{"terminal monitor", "debug vrrp packets interface eth0 group 1"},
			want: []string{
				"eth0 received from 10.0.0.2: VRRPv3 group 1, priority 200, interval 1000 ms, 10.0.0.100; discarded: version",
				"eth0 sent from 10.0.0.1: VRRPv2 group 1, priority 100, interval 1000 ms, authentication rfc2338-simple, 10.0.0.100",
			},
			none: []string{"hunter2", "68756e74"},
		},
		{
			name: "events", settings: v3, lines: []string{"terminal monitor", "debug vrrp events"},
			want: []string{"eth0 IPv4 group 1: Master → Backup: higher priority heard (heard 10.0.0.2 with priority 200)"},
			none: []string{"received", "became"}, // nor the log's words
		},
		{
			name: "logged only", settings: v3, lines: []string{"terminal monitor", "debug vrrp events group 7"},
			want: logged, none: debugged,
		},
		{name: "other interface", settings: v3, lines: []string{"terminal monitor", "debug vrrp packets interface eth1", "debug vrrp events interface eth1"}, want: logged, none: debugged},
		{name: "other group", settings: v3, lines: []string{"terminal monitor", "debug vrrp packets group 2", "debug vrrp events group 7"}, want: logged, none: debugged},
		{
			name: "more of it", settings: v3,
			lines: []string{"terminal monitor", "debug vrrp packets group 2", "debug vrrp packets group 1"},
			want:  []string{"received from 10.0.0.2"},
		},
		{name: "not monitored", settings: v3, lines: []string{"debug vrrp packets", "debug vrrp events"}},
		{name: "stopped", settings: v3, lines: []string{"terminal monitor", "debug vrrp packets", "debug vrrp events", "undebug all"}, want: logged, none: debugged},
		{name: "stopped one", settings: v3, lines: []string{"terminal monitor", "debug vrrp packets", "no debug vrrp packets"}, want: logged, none: debugged},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onLAN(t, func(l *lan) {
				r1 := l.router(1, tc.settings)
				pass(10 * time.Second)
				must(l.t, r1.Session, tc.lines...)
				l.router(2, peer)
				pass(10 * time.Second)
				got := strings.Join(r1.noticed(), "\n")
				for _, want := range tc.want {
					if !strings.Contains(got, want) {
						l.t.Errorf("%q is missing in:\n%s", want, got)
					}
				}
				if tc.want == nil && got != "" {
					l.t.Errorf("unexpected output:\n%s", got)
				}
				for _, none := range tc.none {
					if strings.Contains(got, none) {
						l.t.Errorf("%q is in:\n%s", none, got)
					}
				}
			})
		})
	}
}

func TestShowDebugging(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3)
		must(l.t, r1.Session, "debug vrrp packets group 7", "debug vrrp packets group 7", "debug vrrp events interface eth0")
		want := "Debugging of vrrp packets group 7 is on\nDebugging of vrrp events interface eth0 is on\n"
		if got := must(l.t, r1.Session, "show debugging"); got != want {
			l.t.Errorf("got\n%s", got)
		}
	})
}

// TestSlowDebugger never reads: the router does not wait for this session, and the session learns
// how many messages it missed.
func TestSlowDebugger(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3)
		pass(10 * time.Second)
		packets, missed, stop := r1.env.Tap.Tap(func(string, vrrp.Family, uint8) bool { return true })
		pass(2000*time.Second + 100*time.Millisecond)
		n, m := len(packets), int(missed())
		if all := n + m; all < 2000 || all > 2001 || m == 0 { // the first 200 intervals may be shorter by 0.5 %
			l.t.Errorf("%d packets wait, %d were missed", n, m)
		}
		if missed() != 0 {
			l.t.Error("missed twice")
		}
		stop()
		stop()
		var last engine.TappedPacket
		for last = range packets {
		}
		if !last.Sent || last.Interface != "eth0" {
			l.t.Errorf("last %+v", last)
		}
		if s := must(l.t, r1.Session, "show vrrp brief"); !strings.Contains(s, "MASTER") {
			l.t.Errorf("the router waited:\n%s", s)
		}
	})
}
