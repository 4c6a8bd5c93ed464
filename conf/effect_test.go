// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
)

// changed is a change of one key of a virtual router: the other lines that the key requires, and its line before and
// after.
type changed struct{ with, from, to string }

// changeOf returns a change of this key only.
func changeOf(k *Key) changed {
	special := map[*Key]changed{
		VIP.Key:           {"", `vip = "10.0.0.1"`, `vip = "10.0.0.1/24"`},
		VIPs.Key:          {"", "", `vips = ["10.0.0.2"]`},
		AuthType.Key:      {`auth_secret = "x"`, `auth_type = "p0-t8-sha256"`, `auth_type = "p1-t8-shake256"`},
		AuthSecret.Key:    {`auth_type = "p0-t8-sha256"`, `auth_secret = "x"`, `auth_secret = "y"`},
		Timers.Key:        {"", "", `timers = { advert = 2 }`},
		PreemptDelay.Key:  {`preemption = true`, "", `preempt_delay = "1s"`},
		VIFName.Key:       {`iftype = "macvlan"`, "", `vifname = "vrrp0"`},
		Checksum.Key:      {`version = 3`, "", `checksum = "rfc9568"`},
		AcceptPing.Key:    {`accept_mode = false`, "", `accept_ping = true`},
		Track.Key:         {"", "", `track = [{ object = "uplink" }]`},
		UnicastPeers.Key:  {"", "", `unicast_peers = ["10.0.0.2"]`},
		UnicastSource.Key: {`unicast_peers = ["10.0.0.2"]`, "", `unicast_source = "10.0.0.3"`},
		UnicastTTLMin.Key: {`unicast_peers = ["10.0.0.2"]`, "", `unicast_ttl_min = 254`},
	}
	if c, ok := special[k]; ok {
		return c
	}
	c := changed{to: k.Name + " = " + literalTOML(another(k))}
	if k.Example != nil && k.Default == nil {
		c.from = k.Name + " = " + literalTOML(k.Example)
	}
	return c
}

// another returns a legal value of a key that is neither its default nor its example.
func another(k *Key) any {
	var v any
	switch typ := k.Type.(type) {
	case Integer:
		if v = typ.High; v == k.Default || v == k.Example {
			v = typ.Low
		}
	case Boolean:
		v = k.Default != true
	case Choice:
		for _, w := range typ.Words {
			if v = w.Word; v != k.Default && v != k.Example {
				break
			}
		}
	case Duration:
		if v = shortDuration(typ.High); v == k.Default || v == k.Example {
			v = shortDuration(typ.Low)
		}
	case Text:
		for _, s := range []string{"other", "/other", "192.0.2.77", "192.0.2.0/24", "192.0.2.77:77"} {
			if v = s; k.Problem(s, 0) == "" && s != k.Default && s != k.Example {
				break
			}
		}
	default:
		panic(fmt.Sprintf("no other %s", k.Path()))
	}
	if problem := k.Problem(v, 0); problem != "" {
		panic(fmt.Sprintf("%s: %v %s", k.Path(), v, problem))
	}
	return v
}

// TestEffects changes every key of a virtual router alone: the commit has the declared effect, and the plan names the key.
func TestEffects(t *testing.T) {
	// Keys that the plan reports under other names.
	named := map[*Key][]string{
		VIP.Key:    {"vips"},
		Timers.Key: {"advertise_interval"},
		IfType.Key: {"iftype", "vifname"}, // a macvlan gets a name, too
	}
	for _, k := range RouterTable.Keys() {
		t.Run(k.Name, func(t *testing.T) {
			c := changeOf(k)
			text := func(line string) string {
				lines := []string{"[[vrouter]]"}
				for _, l := range strings.Split(strings.TrimPrefix(base, "[[vrouter]]\n"), "\n") {
					if name, _, _ := strings.Cut(l, " "); name != k.Name || line == "" {
						lines = append(lines, l)
					}
				}
				return strings.Join(append(lines, c.with, line, ""), "\n") + "[[track]]\nname = \"uplink\"\ninterface = \"eth1\"\n"
			}
			for _, way := range [][2]string{{c.from, c.to}, {c.to, c.from}} {
				f := manage(t, text(way[0]))
				candidate := f.Edit()
				candidate.File = parsed(t, text(way[1]))
				_, got, err := f.Check(candidate)
				if err != nil {
					t.Fatal(err)
				}
				var kinds []engine.ChangeKind
				for _, change := range got {
					kinds = append(kinds, change.Kind)
				}
				want := []engine.ChangeKind{engine.ChangedInPlace}
				fields := []string{k.Name}
				switch k.Effect {
				case InPlace:
				case Restarts:
					want = []engine.ChangeKind{engine.Restarted}
				case Identifies:
					want, fields = []engine.ChangeKind{engine.Created, engine.Removed}, nil
				case NextStart:
					t.Fatal("a commit changes virtual routers at once")
				}
				if !slices.Equal(kinds, want) {
					t.Fatalf("%q to %q: declared effect %s, planned %v", way[0], way[1], k.Effect, kinds)
				}
				if as, ok := named[k]; ok {
					fields = as
				} else if (k.Router.get == nil) != (k.Effect == Identifies) {
					t.Errorf("no change of it is seen")
				}
				if diff := cmp.Diff(fields, got[0].Fields); diff != "" {
					t.Errorf("%q to %q: fields -want +got\n%s", way[0], way[1], diff)
				}
			}
		})
	}
}
