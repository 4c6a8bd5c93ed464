// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// agreement is how long the shell, the API and the kernel may differ after a transition was seen on the wire: the protocol
// requires the advert before the change of the kernel.
const agreement = 300 * time.Millisecond

// opinion is the state of one virtual router according to one source.
type opinion struct {
	State     string // upper case
	Interface string // the interface that carries the address as Master
	Priority  int
}

// TestShellAPIAndKernelAgree compares "show vrrp brief", the API and the kernel's addresses on both routers, in the steady
// state and right after transitions.
func TestShellAPIAndKernelAgree(t *testing.T) {
	forBothTypes(t, func(t *testing.T, g lab.Group) {
		d := newDuo(t, g)
		both := func(when string) {
			t.Helper()
			for _, v := range []*lab.Vrrpsh{d.r1, d.r2} {
				since := time.Now()
				lab.Until(t, agreement, v.Name+": shell, API and kernel agree "+when, func() error { return agree(v, g) })
				t.Logf("%s: %s agrees after %v", when, v.Name, time.Since(since).Round(time.Millisecond))
			}
		}
		both("in the steady state")
		for round, priority := range []uint8{50, 200, 50} {
			master := []string{"r2", "r1"}[round%2]
			start := time.Now()
			d.r1.SetPriority(priority)
			d.wire.WaitMaster(master, start, patience)
			both(fmt.Sprintf("after transition %d", round+1))
		}
		start := time.Now()
		d.lab.Cut(d.r2.Node())
		d.wire.WaitMaster("r1", start, patience)
		both("with a link cut")
	})
}

// agree returns the difference between shell, API and kernel.
func agree(v *lab.Vrrpsh, g lab.Group) error {
	status, err := v.TryStatus()
	if err != nil {
		return err
	}
	if len(status) != 1 {
		return fmt.Errorf("the API has %d groups", len(status))
	}
	s := status[0]
	if s.Group != int(g.VRID) || !s.Preempt {
		return fmt.Errorf("the API has %+v", s)
	}
	if vip, err := netip.ParseAddr(strings.Split(s.VirtualIP, "/")[0]); err != nil || vip.String() != lab.VIP {
		return fmt.Errorf("the API has virtual address %q", s.VirtualIP)
	}
	api := opinion{State: strings.ToUpper(s.State), Interface: s.Interface, Priority: s.Priority}

	shell, err := brief(v.Show("show", "vrrp", "brief"))
	if err != nil {
		return err
	}
	if len(shell) != 1 {
		return fmt.Errorf("show vrrp brief has %d groups", len(shell))
	}
	// The shell shows the configured interface.
	row := shell[0]
	if row.Interface != "eth0" {
		return fmt.Errorf("show vrrp brief names interface %q", row.Interface)
	}
	if row.State != api.State || row.Priority != api.Priority {
		return fmt.Errorf("show vrrp brief has %+v, the API %+v", row, api)
	}

	holder := v.Node().Holds(lab.VIP)
	if (holder != "") != (api.State == "MASTER") {
		return fmt.Errorf("the API has %s, the kernel has the address on %q", api.State, holder)
	}
	want := "eth0"
	if g.Macvlan && api.State == "MASTER" {
		want = "standby51"
	}
	if api.Interface != want || holder != "" && holder != want {
		return fmt.Errorf("as %s the API names interface %q, the kernel has the address on %q, want %q",
			api.State, api.Interface, holder, want)
	}
	return nil
}

// brief reads the table of "show vrrp brief".
func brief(text string) ([]opinion, error) {
	rows := strings.Split(strings.TrimSpace(text), "\n")
	header := strings.Fields(rows[0])
	columns := []string{"Interface", "Grp", "A-F", "Pri", "Time", "Own", "Pre", "State"}
	if len(header) < len(columns) || !slices.Equal(header[:len(columns)], columns) {
		return nil, fmt.Errorf("the header of show vrrp brief is %q", rows[0])
	}
	var all []opinion
	for _, row := range rows[1:] {
		f := strings.Fields(row)
		if len(f) < len(columns) {
			return nil, fmt.Errorf("a row of show vrrp brief is %q", row)
		}
		priority, err := strconv.Atoi(f[3])
		if err != nil {
			return nil, fmt.Errorf("a row of show vrrp brief is %q: %w", row, err)
		}
		all = append(all, opinion{Interface: f[0], Priority: priority, State: f[7]})
	}
	return all, nil
}

// TestJSONIsTheAPI checks that "| json" prints the answer of the API.
func TestJSONIsTheAPI(t *testing.T) {
	parallel(t)
	d := newDuo(t, fast)
	for _, same := range []struct {
		path, command string
		one           bool // the API has one object, and the shell a list of those selected
	}{
		{path: "/run/vrrp", command: "show vrrp brief"},
		{path: "/run/vrrp/51/eth0", command: "show vrrp interface eth0 group 51", one: true},
		{path: "/run/track", command: "show track"},
		{path: "/run/protocols/static", command: "show ip route"},
	} {
		// The two are read one after the other, so values that change may differ once.
		lab.Until(t, patience, same.command+" | json is GET "+same.path, func() error {
			var want any
			if err := d.r1.TryGet(same.path, &want); err != nil {
				return err
			}
			if same.one {
				want = []any{want}
			}
			got, err := lab.DecodeJSON(d.r1.Show(append(strings.Fields(same.command), "|", "json")...))
			if err != nil {
				return err
			}
			if diff := cmp.Diff(timeless(want), timeless(got)); diff != "" {
				return fmt.Errorf("(-API +shell):\n%s", diff)
			}
			return nil
		})
	}
}

// timeless removes the values that change all the time from an answer, but keeps their names.
func timeless(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = timeless(v[i])
		}
	case map[string]any:
		for k := range v {
			switch k {
			case "last_heard", "masterdown_in", "next_advert_in", "preempt_in", "adverts_sent", "adverts_received":
				v[k] = "…"
			default:
				v[k] = timeless(v[k])
			}
		}
	}
	return v
}
