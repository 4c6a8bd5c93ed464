// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
)

// TestTableFitsTheTerminal: rows that are wider than the terminal continue at columns, not in the middle of a word.
func TestTableFitsTheTerminal(t *testing.T) {
	columns := []column{
		left("Interface"), right("Grp"), left("A-F"), right("Pri"), right("Time"), center("Own"), center("Pre"), left("State"),
		left("Master addr/Group addr"),
	}
	rows := [][]string{
		{"enp0s31f6.1000", "200", "IPv4", "200", "3218", "N", "Y", "MASTER", "10.0.0.1(local) 10.0.0.100"},
		{"eth0", "1", "IPv6", "100", "3609", "N", "Y", "BACKUP", "fe80::a00:27ff:fe4e:66a1 2001:db8::100"},
		{"eth0", "2", "IPv6", "100", "3609", "N", "Y", "BACKUP", "10.0.0.2 10.0.0.3"},
		{"größe", "2", "IPv6", "100", "3609", "N", "Y", "BACKUP", "unknown none"},
	}
	write := func(width int) string {
		var b bytes.Buffer
		if err := writeTable(&b, width, columns, rows); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := `Interface       Grp  A-F   Pri  Time  Own  Pre  State   Master addr/Group addr
enp0s31f6.1000  200  IPv4  200  3218   N    Y   MASTER  10.0.0.1(local)
                                                        10.0.0.100
eth0              1  IPv6  100  3609   N    Y   BACKUP  fe80::a00:27ff:fe4e:66a1
                                                        2001:db8::100
eth0              2  IPv6  100  3609   N    Y   BACKUP  10.0.0.2 10.0.0.3
größe             2  IPv6  100  3609   N    Y   BACKUP  unknown none
`
	if diff := cmp.Diff(want, write(80)); diff != "" {
		t.Error(diff)
	}
	for width := 40; width <= 120; width++ {
		out := write(width)
		for line := range strings.SplitSeq(out, "\n") {
			if n := len([]rune(line)); n > width {
				t.Errorf("width %d: %q has %d columns", width, line, n)
			}
		}
		if diff := cmp.Diff(strings.Fields(write(0)), strings.Fields(out)); diff != "" {
			t.Errorf("width %d: %s", width, diff)
		}
	}
	if n := strings.Count(write(0), "\n"); n != 5 {
		t.Errorf("%d lines without a terminal", n)
	}
	// The address is too long for the room behind the other columns.
	rows = [][]string{{"enp0s31f6.1000", "200", "IPv6", "200", "3218", "N", "Y", "MASTER", "fe80::1111:2222:3333:4444(local) 2001:db8:1111:2222:3333:4444:5555:6666"}}
	want = `Interface       Grp  A-F   Pri  Time  Own  Pre  State   Master addr/Group addr
enp0s31f6.1000  200  IPv6  200  3218   N    Y   MASTER
                                          fe80::1111:2222:3333:4444(local)
                                          2001:db8:1111:2222:3333:4444:5555:6666
`
	if diff := cmp.Diff(want, write(80)); diff != "" {
		t.Error(diff)
	}
}

// TestTablesOfATerminal: a table is broken for a terminal only, and pipes see one line for each row.
func TestTablesOfATerminal(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	r.change = func(s *engine.RouterStatus) {
		s.MasterAddr = netip.MustParseAddr("fe80::1111:2222:3333:4444")
		s.Config.Addresses = append([]engine.Address{{Addr: netip.MustParseAddr("fe80::1"), Derived: true}}, s.Config.Addresses...)
		s.Addresses = nil
	}
	s := newSession(t, env, admin)
	out := func(line string) string {
		var d display
		if st := s.Execute(t.Context(), line, d.io(80)); st != Done {
			t.Fatalf("%s: status %d: %s", line, st, d.String())
		}
		return d.String()
	}
	got := out("show vrrp brief group 1")
	if lines := strings.Split(got, "\n"); len(lines) != 4 || !strings.HasSuffix(lines[1], "  fe80::1111:2222:3333:4444") ||
		lines[2] != strings.Repeat(" ", 51)+"10.0.0.100" {
		t.Errorf("on a terminal, the address that was configured below the Master's:\n%s", got)
	}
	for _, line := range []string{"show vrrp brief group 1 | include 10.0.0.100", "show vrrp brief group 1 | last 1"} {
		if got := out(line); !strings.HasPrefix(got, "eth0 ") || !strings.HasSuffix(got, "fe80::1111:2222:3333:4444 10.0.0.100\n") {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	for line, want := range map[string]string{
		"show vrrp brief | count":                  "Count: 2 lines\n",
		"show vrrp brief | exclude MASTER | count": "Count: 1 line\n",
		"show vrrp brief | begin Interf | count":   "Count: 2 lines\n",
		"show history commits | count":             "Count: 1 line\n",
		"show track | count":                       "Count: 0 lines\n",
	} {
		if got := out(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for line := range strings.Lines(out("show vrrp")) {
		if len([]rune(strings.TrimSpace(line))) > 80 {
			t.Errorf("too wide: %q", line)
		}
	}
	if got := out("show vrrp group 1 | include Master Down"); got != "  Master Down interval is 3414.062 ms = 3 × 1000 + 106 × 1000/256, expires in 3014 msec\n" {
		t.Errorf("a pipe sees a part of a line: %q", got)
	}
	if st := s.Execute(t.Context(), "terminal width 60", (&display{}).io(80)); st != Done {
		t.Fatal(st)
	}
	if got := out("show vrrp brief group 1"); strings.Contains(got, "fe80::1111:2222:3333:4444 ") || !strings.Contains(got, "\n"+strings.Repeat(" ", 35)+"fe80::1111:2222:3333:4444\n") {
		t.Errorf("with terminal width 60:\n%s", got)
	}
}

// TestOneBlockForEachInterface: virtual routers of an interface are shown together, wherever the file has them.
func TestOneBlockForEachInterface(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure", "interface wan vrrp 1 vip 10.1.0.1", "interface eth0 vrrp 9 vip 10.0.0.9", "interface wan vrrp 2 vip 10.1.0.2")
	want := `interface wan
 vrrp 1
  vip 10.1.0.1
 vrrp 2
  vip 10.1.0.2
`
	if diff := cmp.Diff(want, must(t, s, "show candidate-config | section wan")); diff != "" {
		t.Error(diff)
	}
	if out := must(t, s, "show candidate-config | include ^interface"); out != "interface eth0\ninterface wan\n" {
		t.Errorf("interfaces:\n%s", out)
	}
	// A sentence does not change the case of the name that it begins with.
	if out, _ := run(t, s, "discard", "end", "vrrp resign interface lan group 7"); !strings.Contains(out, "% lan IPv4 group 7 does not exist") {
		t.Error(out)
	}
}
