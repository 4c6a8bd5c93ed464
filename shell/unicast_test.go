// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"
	"testing"
	"time"
)

// TestShowUnicast checks the peers and the adverts heard from them, as text and as JSON.
func TestShowUnicast(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3+"priority = 100\nunicast_peers = [\"10.0.0.2\", \"10.0.0.3\"]\nunicast_source = \"10.0.0.1\"\nunicast_ttl_min = 250\n")
		l.router(2, v3+"priority = 200\nunicast_peers = [\"10.0.0.1\"]\n")
		pass(10*time.Second + 500*time.Millisecond)
		out := must(t, r1.Session, "show vrrp")
		for _, want := range []string{
			"  Unicast from 10.0.0.1 to these peers, heard with a TTL of 250 or more\n",
			"    10.0.0.2 has priority 200, last heard ", " adverts\n", "    10.0.0.3 has not been heard\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
		out = must(t, r1.Session, "show vrrp | json")
		for _, want := range []string{`"unicast": {`, `"source": "10.0.0.1"`, `"ttl_min": 250`, `"address": "10.0.0.3"`} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}

		// Another configuration sets a source that the interface does not have.
		must(t, r1.Session, "configure", "interface eth0 vrrp 1 unicast source 10.0.0.77", "commit", "end")
		pass(time.Second)
		if out := must(t, r1.Session, "show vrrp explain"); !strings.Contains(out, "eth0 does not have the address 10.0.0.77 to send adverts from") {
			t.Errorf("while the source is missing:\n%s", out)
		}
		must(t, r1.Session, "configure", "interface eth0 vrrp 1", "no unicast source", "no unicast peer", "no unicast ttl-min", "commit", "end")
		pass(time.Second)
		if out := must(t, r1.Session, "show vrrp"); strings.Contains(out, "nicast") {
			t.Errorf("without peers\n%s", out)
		}
	})
}
