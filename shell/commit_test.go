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
		{"interface eth0 vrrp 2 priority 90", "eth0 IPv4 group 2: changed in place (priority)\n"},
		{"interface eth0 vrrp 2 iftype macvlan", "eth0 IPv4 group 2: restarted (iftype, vifname), gives up Master\n" +
			"eth1 IPv4 group 4: unchanged, gives up Master with eth0 IPv4 group 2, a member of its sync group\n"},
		{"interface eth0 vrrp 2 shutdown", "eth0 IPv4 group 2: changed in place (shutdown), gives up Master\n"},
		// Group 5 is Backup and takes Master from nobody.
		{"interface eth2 vrrp 5 iftype macvlan", "eth2 IPv4 group 5: restarted (iftype, vifname)\n"},
		{"no interface eth0 vrrp 2", "eth0 IPv4 group 2: removed, gives up Master\n"},
	} {
		got := must(t, s, tt.line, "commit check", "discard")
		if want := "The candidate is valid\n" + tt.want; got != want {
			t.Errorf("%s:\n%swant\n%s", tt.line, got, want)
		}
	}
	got := must(t, s, "interface eth0 vrrp 2 version 3", "commit check | json")
	if !strings.Contains(got, `"with": "eth0 IPv4 group 2"`) {
		t.Errorf("JSON:\n%s", got)
	}
	must(t, s, "discard")

	// An address owner takes no part in its sync group: neither does it lose Master with others, nor they with it.
	const want = "The candidate is valid\neth0 IPv4 group 2: restarted (iftype, vifname), gives up Master\n"
	for _, owner := range []uint8{2, 4} {
		fake.change = func(r *engine.RouterStatus) { r.Local.Owner = r.Config.VRID == owner }
		if got := must(t, s, "interface eth0 vrrp 2 iftype macvlan", "commit check", "discard"); got != want {
			t.Errorf("group %d is the address owner:\n%s", owner, got)
		}
	}
}
