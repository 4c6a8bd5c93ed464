// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"
	"testing"

	"vrrpsh/engine"
)

// TestCommitCheckOfASyncGroup: restarting a member makes the other members give up Master, removing it does
// not. In this router the groups with even numbers are Master.
func TestCommitCheckOfASyncGroup(t *testing.T) {
	env, fake := newEnv(t, `
[[vrouter]]
group = 2
interface = "eth0"
vip = "10.0.0.102"
sync_group = "edge"

[[vrouter]]
group = 4
interface = "eth1"
vip = "10.1.0.104"
sync_group = "edge"

[[vrouter]]
group = 5
interface = "eth2"
vip = "10.2.0.105"
sync_group = "edge"
`)
	s := newSession(t, env, admin)
	must(t, s, "configure")
	for _, tt := range []struct{ line, want string }{
		{"interface eth0 vrrp 2 priority 90", ": 1 changed in place\neth0 IPv4 group 2: changed in place (priority)\n"},
		{"interface eth0 vrrp 2 iftype macvlan", ": 1 restarted, 2 give up Master\neth0 IPv4 group 2: restarted (iftype, vifname), gives up Master\n" +
			"eth1 IPv4 group 4: unchanged, gives up Master with eth0 IPv4 group 2, a member of its sync group\n"},
		{"interface eth0 vrrp 2 shutdown", ": 1 changed in place, 1 gives up Master\neth0 IPv4 group 2: changed in place (shutdown), gives up Master\n"},
		// Group 5 is Backup and takes Master from nobody.
		{"interface eth2 vrrp 5 iftype macvlan", ": 1 restarted, 1 warning\neth2 IPv4 group 5: restarted (iftype, vifname)\n" +
			"Warning: eth2 does not exist: group 5 waits for it\n"},
		{"no interface eth0 vrrp 2", ": 1 removed, 1 gives up Master\neth0 IPv4 group 2: removed, gives up Master\n"},
	} {
		got := must(t, s, tt.line, "commit check", "discard")
		if want := "The candidate is valid" + tt.want; got != want {
			t.Errorf("%s:\n%swant\n%s", tt.line, got, want)
		}
	}
	got := must(t, s, "interface eth0 vrrp 2 version 3", "commit check | json")
	if !strings.Contains(got, `"with": "eth0 IPv4 group 2"`) {
		t.Errorf("JSON:\n%s", got)
	}
	must(t, s, "discard")

	// An address owner takes no part in its sync group: neither does it lose Master with others, nor they with it.
	const want = "The candidate is valid: 1 restarted, 1 gives up Master\neth0 IPv4 group 2: restarted (iftype, vifname), gives up Master\n"
	for _, owner := range []uint8{2, 4} {
		fake.change = func(r *engine.RouterStatus) { r.Local.Owner = r.Config.VRID == owner }
		if got := must(t, s, "interface eth0 vrrp 2 iftype macvlan", "commit check", "discard"); got != want {
			t.Errorf("group %d is the address owner:\n%s", owner, got)
		}
	}
}

// TestCommitCheckWarns of interfaces that do not exist and of virtual addresses outside every subnet, in what the commit creates or changes.
func TestCommitCheckWarns(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure")
	for _, tt := range []struct {
		lines    []string
		warnings string
	}{
		{[]string{"interface eth0 vrrp 3 vip 10.0.0.3"}, ""}, // eth0 has 10.0.0.2/24, eth1 no address
		{[]string{"interface eth0 vrrp 3 vip 10.0.1.3", "interface eth0 vrrp 3 vip 10.0.0.3"}, "Warning: eth0 group 3: 10.0.1.3 is in no subnet of eth0\n"},
		{[]string{"interface eth1 vrrp 3 vip 10.0.0.3"}, "Warning: eth1 group 3: 10.0.0.3 is in no subnet of eth1\n"},
		{[]string{"interface eth0 vrrp 3 ipv6 vip fe80::1", "interface eth0 vrrp 3 ipv6 vip 2001:db8::1"}, "Warning: eth0 group 3: 2001:db8::1 is in no subnet of eth0\n"},
		{[]string{"interface eth7 vrrp 3 vip 10.0.0.3"}, "Warning: eth7 does not exist: group 3 waits for it\n"},
		{[]string{"track a interface eth7", "track b interface eth1"}, "Warning: eth7 does not exist: track a is down until it does\n"},
		{[]string{"interface eth0 vrrp 1 priority 9"}, ""},
	} {
		out := must(t, s, append(tt.lines, "commit check", "discard")...)
		_, warnings, _ := strings.Cut(out, "Warning: ")
		if warnings != "" {
			warnings = "Warning: " + warnings
		}
		if warnings != tt.warnings {
			t.Errorf("%q:\n%s", tt.lines, out)
		}
	}
	// What is there already is not told again, and another session's lock is.
	must(t, s, "interface eth7 vrrp 3 vip 10.0.0.3", "commit", "hostname x")
	must(t, newSession(t, env, bob), "configure exclusive")
	want := "The candidate is valid: 1 other change, 1 warning\nNo virtual router is affected\nOther settings:\n-hostname r1\n+hostname x\n" +
		"Warning: The configuration is locked by bob (ssh 10.0.0.8) since 2026-03-04 12:00:00.000: commits are refused\n"
	if out := must(t, s, "commit check"); out != want {
		t.Errorf("commit check:\n%swant\n%s", out, want)
	}
	if out := must(t, s, "commit check | json"); !strings.Contains(out, `"warnings": [`) {
		t.Error(out)
	}
}
