// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"vrrpsh/platform"
	"vrrpsh/platform/journal"
)

// hostEnv is a router with a host that has neighbours, traffic and a log.
func hostEnv(t *testing.T, file string) *Env {
	t.Helper()
	env, _ := newEnv(t, file)
	env.Neighbors = func() ([]platform.Neighbor, error) {
		return []platform.Neighbor{
			{Addr: netip.MustParseAddr("fe80::9"), MAC: [6]byte{2, 0, 0, 0, 0, 9}, Known: true, Interface: "eth1", State: "stale"},
			{Addr: netip.MustParseAddr("10.0.0.10"), MAC: [6]byte{2, 0, 0, 0, 0, 10}, Known: true, Interface: "eth0", State: "reachable"},
			{Addr: netip.MustParseAddr("10.0.0.9"), Interface: "eth0", State: "failed"},
		}, nil
	}
	env.Traffic = func() ([]platform.Traffic, error) {
		return []platform.Traffic{
			{Interface: "eth0", Received: platform.Counts{Packets: 7, Octets: 700, Errors: 1}, Sent: platform.Counts{Packets: 5, Octets: 500, Dropped: 2}},
			{Interface: "eth1"},
		}, nil
	}
	env.Journal = journal.New(nil)
	env.Log = env.Journal.Logger()
	return env
}

func TestShowNeighbors(t *testing.T) {
	env := hostEnv(t, sampleFile)
	s := newSession(t, env, viewer)
	const title = "Address    MAC address        Interface  State\n"
	const ipv4 = "10.0.0.9   unknown            eth0       failed\n10.0.0.10  02:00:00:00:00:0a  eth0       reachable\n"
	const ipv6 = "fe80::9    02:00:00:00:00:09  eth1       stale\n"
	for line, want := range map[string]string{
		"show neighbors":      title + ipv4 + ipv6,
		"show arp":            title + ipv4,
		"show ip arp":         title + ipv4,
		"show ip neighbors":   title + ipv4,
		"show neighbors eth0": title + ipv4,
	} {
		if got := must(t, s, line); got != want {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	if got := must(t, s, "show ipv6 neighbors"); !strings.Contains(got, "fe80::9") || strings.Contains(got, "10.0.0") {
		t.Errorf("IPv6:\n%s", got)
	}
	if got := must(t, s, "show arp | json"); !strings.Contains(got, `"mac": "02:00:00:00:00:0a"`) {
		t.Errorf("JSON:\n%s", got)
	}
	const counters = "eth0\n  Received  7 packets, 700 octets, 1 errors, 0 dropped\n  Sent      5 packets, 500 octets, 0 errors, 2 dropped\n"
	for _, line := range []string{"show interfaces counters eth0", "show interfaces eth0 counters", "show int count eth0"} {
		if got := must(t, s, line); got != counters {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	if got, status := run(t, s, "show interfaces counters eth7"); status != BadSyntax {
		t.Errorf("a missing interface: status %d\n%s", status, got)
	}
	env.Neighbors = func() ([]platform.Neighbor, error) { return nil, platform.ErrUnsupported }
	if got, status := run(t, s, "show arp"); status != Failed || !strings.Contains(got, "arp -an") {
		t.Errorf("unsupported: status %d\n%s", status, got)
	}
}

// TestShowTech checks that one command shows everything, for operators, and no secret.
func TestShowTech(t *testing.T) {
	env := hostEnv(t, sampleFile+`
[api]
secret = "topsecret-topsecret"
users = ["{{SHA256}}joe:9:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695"]
`)
	s := newSession(t, env, User{Name: "op", Level: 5})
	out := must(t, s, "show tech-support")
	for _, line := range techCommands {
		if !strings.Contains(out, "--- "+line+" ---") {
			t.Errorf("%s is missing", line)
		}
	}
	for _, want := range []string{"vip 10.0.0.100/24", "10.0.0.10  02:00:00:00:00:0a", "700 octets", "Adverts sent", "MASTER"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	for _, secret := range []string{"hunter", "topsecret", "3df024b5"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	env.Traffic = nil
	if out := must(t, s, "show tech-support"); !strings.Contains(out, "% The counters of interfaces are not known here\n\n---") {
		t.Errorf("a part that fails ends it:\n%s", out)
	}
	if _, status := run(t, newSession(t, env, viewer), "show tech-support"); status != Failed {
		t.Errorf("a viewer: status %d", status)
	}
	a := newSession(t, env, admin)
	file := t.TempDir() + "/tech"
	must(t, a, "show tech-support | save "+file)
}

// TestPipesOfShowTech: pipes see one line for each row of its tables, however wide the terminal is.
func TestPipesOfShowTech(t *testing.T) {
	s := newSession(t, hostEnv(t, sampleFile), admin)
	var d display
	if status := s.Execute(t.Context(), "show tech-support | include MASTER", d.io(40)); status != Done {
		t.Fatalf("status %d: %s", status, d.String())
	}
	if want := must(t, s, "show vrrp brief | include MASTER"); !strings.HasPrefix(d.String(), want) {
		t.Errorf("a part of a row:\n%s\nwant\n%s", d.String(), want)
	}
}

func TestLogLevelsAndClear(t *testing.T) {
	env := hostEnv(t, sampleFile)
	if err := env.Journal.Configure(journal.Settings{Debug: 5}); err != nil {
		t.Fatal(err)
	}
	s := newSession(t, env, admin)
	must(t, s, "clear logging")
	env.Log.Error("one")
	env.Log.Warn("two")
	env.Log.Info("three")
	env.Log.Log(t.Context(), journal.High, "four")
	for line, want := range map[string]string{
		"show logging":                        "log cleared one two three four",
		"show logging level error":            "one",
		"show logging level warning":          "one two",
		"show logging level info":             "log cleared one two three",
		"show logging level high":             "log cleared one two three four",
		"show logging level warning last 1":   "two",
		"show logging last 2 level info":      "two three",
		"show logging level error | count":    "Count: 1 line",
		"show logging level warning | grep o": "one two",
	} {
		got := must(t, s, line)
		if strings.HasPrefix(want, "Count") {
			if got != want+"\n" {
				t.Errorf("%s: %s", line, got)
			}
			continue
		}
		var words []string
		for l := range strings.Lines(got) {
			for _, w := range []string{"log cleared", "one", "two", "three", "four"} {
				if strings.Contains(l, " "+w) {
					words = append(words, w)
				}
			}
		}
		if strings.Join(words, " ") != want {
			t.Errorf("%s: %q\n%s", line, words, got)
		}
	}
	var b bytes.Buffer
	if status := newSession(t, env, User{Name: "op", Level: 8}).Execute(t.Context(), "clear logging", IO{Out: &b, Err: &b}); status != Failed {
		t.Errorf("an operator cleared the log: %s", b.String())
	}
}
