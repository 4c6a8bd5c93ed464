// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a small grammar with every kind of element.
func sample(t testing.TB) *Tree {
	t.Helper()
	tree, err := Compile(append(Commands(),
		Command{
			ID: "interface", Modes: []Mode{Config}, Syntax: "interface <interface:interface>", No: "interface <interface:interface>",
			Help: "Interface", Level: Administrator, Enter: ConfigIf, Setting: true,
		},
		Command{
			ID: "vrrp", Modes: []Mode{ConfigIf}, Syntax: "vrrp <group:1-255> [ipv6]", No: "vrrp <group:1-255> [ipv6]",
			Help: "Virtual router", Level: Administrator, Enter: ConfigRouter, Setting: true,
		},
		Command{
			ID: "priority", Modes: []Mode{ConfigRouter}, Syntax: "priority <priority:1-254>", No: "priority [<priority:1-254>]",
			Help: "Priority", Level: Administrator, Setting: true,
		},
		Command{
			ID: "preempt", Modes: []Mode{ConfigRouter}, Syntax: "preempt [delay <delay:duration>]", No: "preempt [delay [<delay:duration>]]",
			Help: "Preemption", Level: Administrator, Setting: true,
		},
		Command{
			ID: "vip", Modes: []Mode{ConfigRouter}, Syntax: "vip <address:address>", No: "vip [<address:address>]",
			Help: "Address", Level: Administrator, Setting: true,
		},
		Command{
			ID: "iftype", Modes: []Mode{ConfigRouter}, Syntax: "iftype ether|macvlan", No: "iftype",
			Help: "Type", Level: Administrator, Setting: true,
		},
		Command{
			ID: "description", Modes: []Mode{ConfigRouter}, Syntax: "description <text...>", No: "description",
			Help: "Text", Level: Administrator, Setting: true,
		},
		Command{
			ID: "hostname", Modes: []Mode{Config}, Syntax: "hostname <name:word>", No: "hostname",
			Help: "Name", Level: Administrator, Setting: true,
		},
	), Topics())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// spell writes an invocation: commands by ID with their words and values.
func spell(inv *Invocation) string {
	var parts []string
	if inv.Form != Plain {
		parts = append(parts, inv.Form.String())
	}
	if inv.Do {
		parts = append(parts, "do")
	}
	step := func(s Step) string {
		text := s.Command.ID + "(" + strings.Join(s.Words, " ")
		for _, a := range s.Args {
			text += fmt.Sprintf(" %s=%s", a.Name, a.Value)
		}
		return text + ")"
	}
	for _, s := range inv.Steps {
		parts = append(parts, step(s))
	}
	for _, p := range inv.Pipes {
		parts = append(parts, "|", step(p))
	}
	return strings.Join(parts, " ")
}

func TestParse(t *testing.T) {
	tree := sample(t)
	for _, tc := range []struct {
		mode Mode
		line string
		want string
	}{
		{Exec, "show vrrp brief", "show.vrrp(show vrrp brief)"},
		{Exec, "  SH Vrrp\tb ", "show.vrrp(show vrrp brief)"},
		{Exec, "show vrrp", "show.vrrp(show vrrp)"},
		{Exec, "show vrrp interface eth0 group 7 brief", "show.vrrp(show vrrp interface group brief interface=eth0 group=7)"},
		{Exec, "show vrrp group 7 interface eth0", "show.vrrp(show vrrp group interface group=7 interface=eth0)"},
		{Exec, "sh run | inc eth0|eth1 | count", "show.running(show running-config) | pipe.include(include regexp=eth0|eth1) | pipe.count(count)"},
		{Exec, "show run |begin x| last 3", "show.running(show running-config) | pipe.begin(begin regexp=x) | pipe.last(last lines=3)"},
		{Exec, `show run | include "a | b"`, `show.running(show running-config) | pipe.include(include regexp=a | b)`},
		{Exec, `show run | include two words`, `show.running(show running-config) | pipe.include(include regexp=two words)`},
		{Exec, `show run | include 10\.0`, `show.running(show running-config) | pipe.include(include regexp=10\.0)`},
		{Exec, `show run | include "10\.0"`, `show.running(show running-config) | pipe.include(include regexp=10\.0)`},
		{Config, "interface eth0", "interface(interface interface=eth0)"},
		{Config, "interface eth0 vrrp 1 priority 200", "interface(interface interface=eth0) vrrp(vrrp group=1) priority(priority priority=200)"},
		{Config, "interface eth0 vrrp 1 ipv6 priority 200", "interface(interface interface=eth0) vrrp(vrrp ipv6 group=1) priority(priority priority=200)"},
		{Config, "no interface eth0 vrrp 1 priority", "no interface(interface interface=eth0) vrrp(vrrp group=1) priority(priority)"},
		{Config, "interface eth0 vrrp 1 no priority", "no interface(interface interface=eth0) vrrp(vrrp group=1) priority(priority)"},
		{Config, "no interface eth0", "no interface(interface interface=eth0)"},
		{ConfigIf, "no vrrp 1 pre delay", "no vrrp(vrrp group=1) preempt(preempt delay)"},
		{ConfigRouter, "no priority 200", "no priority(priority priority=200)"},
		{ConfigRouter, "default preempt", "default preempt(preempt)"},
		{ConfigRouter, "iftype mac", "iftype(iftype macvlan)"},
		{ConfigRouter, "interface eth1", "interface(interface interface=eth1)"},
		{ConfigRouter, "vrrp 2", "vrrp(vrrp group=2)"},
		{ConfigRouter, "hostname show", "hostname(hostname name=show)"},
		{ConfigRouter, `description to be or not`, `description(description text=to be or not)`},
		{ConfigRouter, `description "a \"b\" | c"`, `description(description text=a "b" | c)`},
		{ConfigRouter, `description "a" b`, `description(description text="a" b)`},
		{ConfigRouter, `description ""`, `description(description text=)`},
		{ConfigRouter, "do show clock", "do show.clock(show clock)"},
		{Exec, "conf t", "configure(configure terminal)"},
		{Exec, "co", "configure(configure)"},
		{Exec, "confir", "confirm(confirm)"},
		{Config, "conf", "confirm(confirm)"},
		{ConfigRouter, "run sh clo", "do show.clock(show clock)"},
		{ConfigRouter, "show clock", "show.clock(show clock)"},
		{ConfigRouter, "show", "show.here(show)"},
		{Config, "commit comment why not | count", "commit(commit comment comment=why not) | pipe.count(count)"},
		{Config, "commit check", "commit.check(commit check)"},
		{ConfigRouter, "vip 10.0.0.1/24", "vip(vip address=10.0.0.1/24)"},
		{ConfigRouter, "preempt delay 30", "preempt(preempt delay delay=30)"},
	} {
		t.Run(string(tc.mode)+" "+tc.line, func(t *testing.T) {
			inv, err := tree.Parse(tc.mode, Administrator, tc.line)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, spell(inv)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	tree := sample(t)
	for _, tc := range []struct {
		mode   Mode
		level  Level
		line   string
		kind   ErrorKind
		offset int
		text   string
	}{
		{Exec, Administrator, "show vrpp brief", Invalid, 5, "Invalid input detected at '^' marker. Did you mean: vrrp"},
		{Exec, Administrator, "shwo", Invalid, 0, "Invalid input detected at '^' marker. Did you mean: show"},
		{Exec, Administrator, "sh c", Ambiguous, 3, `Ambiguous command: "sh c" (candidate-config, changes, clock, commit, configuration)`},
		{Exec, Administrator, "show vrrp group", Incomplete, 15, "Incomplete command: expected <group 1-255>"},
		{Exec, Administrator, "show vrrp group 256", Invalid, 16, "Invalid input detected at '^' marker. Group must be 1-255"},
		{Exec, Administrator, "show vrrp group +5", Invalid, 16, "Invalid input detected at '^' marker. Group must be 1-255"},
		{Exec, Administrator, "show vrrp brief brief", Invalid, 16, "Invalid input detected at '^' marker. Expected group or interface"},
		{Exec, Administrator, "show clock now", Invalid, 11, "Invalid input detected at '^' marker. Nothing more can follow"},
		{Exec, Administrator, "show clock |", Incomplete, 12, "Incomplete command: expected begin, compare, count, exclude, include, json, last, no-more, …"},
		{Exec, Administrator, "show clock | last 0", Invalid, 18, "Invalid input detected at '^' marker. Lines must be 1-1000000"},
		{Exec, Administrator, "enable secret", Invalid, 0, `Invalid input detected at '^' marker. "api user NAME level 9", in configure mode, creates an administrator`},
		{Exec, Administrator, "show standby brief", Invalid, 5, `Invalid input detected at '^' marker. "show vrrp" is the same here`},
		{ConfigRouter, Administrator, "delete priority", Invalid, 0, `Invalid input detected at '^' marker. "no" and the setting, in configure mode, removes it`},
		{Exec, Administrator, "hostname x", Invalid, 0, `Invalid input detected at '^' marker. "hostname" is a command of configure mode`},
		{Config, Administrator, "clear vrrp statistics", Invalid, 0, `Invalid input detected at '^' marker. "clear" is a command of exec mode: "do clear"`},
		{Config, Administrator, "priority 5", Invalid, 0, `Invalid input detected at '^' marker. "priority" is a setting of a virtual router: "interface NAME vrrp N" comes first`},
		{Config, Administrator, "interface eth0 vrrp 1 priority 0", Invalid, 31, "Invalid input detected at '^' marker. Priority must be 1-254"},
		{Config, Administrator, "interface eth0 show", Invalid, 15, "Invalid input detected at '^' marker. Expected default, no or vrrp"},
		{Config, Administrator, "interface a/b", Invalid, 10, "Invalid input detected at '^' marker. Not an interface name (1-15 characters)"},
		{Config, Administrator, "no hostname", Incomplete, -1, ""}, // legal
		{Config, Administrator, "no show", Invalid, 3, "Invalid input detected at '^' marker. Expected hostname or interface"},
		{ConfigRouter, Administrator, `description "x`, Invalid, 12, "Invalid input detected at '^' marker. The closing quote is missing"},
		{ConfigRouter, Administrator, "do configure now", Invalid, 13, "Invalid input detected at '^' marker. Expected exclusive or terminal"},
		{Exec, Viewer, "configure", Denied, 0, "Permission denied: this needs level 9 (administrator), yours is 0 (viewer)"},
		{Exec, Viewer, "cl", Denied, 0, "Permission denied: this needs level 5 (operator), yours is 0 (viewer)"},
		{Exec, 8, "configure", Denied, 0, "Permission denied: this needs level 9 (administrator), yours is 8 (operator)"},
		{Exec, Viewer, "confgure", Invalid, 0, ""},
	} {
		t.Run(string(tc.mode)+" "+tc.line, func(t *testing.T) {
			_, err := tree.Parse(tc.mode, tc.level, tc.line)
			if tc.offset < 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			if err.Kind != tc.kind || err.Offset != tc.offset || tc.text != "" && err.Error() != tc.text {
				t.Errorf("kind %d offset %d: %s", err.Kind, err.Offset, err)
			}
			if tc.level == Viewer && slices.Contains(err.Words, "configure") {
				t.Error("a viewer sees a command above the viewer's level")
			}
		})
	}
}

func TestComplete(t *testing.T) {
	tree := sample(t)
	values := func(kind, prefix string, line []Step) []Candidate {
		switch kind {
		case "interface":
			return []Candidate{{Text: "eth0"}, {Text: "eth1"}, {Text: "wan"}}
		case "group":
			return []Candidate{{Text: "1", Help: "on " + line[0].Value("interface")}, {Text: "12"}, {Text: "51"}}
		}
		return nil
	}
	for _, tc := range []struct {
		mode  Mode
		level Level
		line  string
		want  string
	}{
		{Exec, Administrator, "sh", "show"},
		{Exec, Administrator, "SHOW VR", "vrrp"},
		{Exec, Administrator, "show vrrp ", "brief detail explain group history interface statistics <cr>"},
		{Exec, Administrator, "show vrrp brief ", "group interface <cr>"},
		{Exec, Administrator, "show vrrp brief interface e", "eth0 eth1"},
		{Exec, Administrator, "show vrrp brief interface eth0 group 1", "1 12"},
		{Exec, Administrator, "show vrrp brief group ", "1 12 51 <1-255>"},
		{Exec, Administrator, "show vrrp brief group 9", "<1-255>"},
		{Exec, Administrator, "show vrrp brief group 999", ""},
		{Exec, Administrator, "show clock | c", "compare count"},
		{Exec, Administrator, "show clock | include ", "<regexp>"},
		{Exec, Administrator, "show clock | include a b", "<regexp>"},
		{Exec, Administrator, "show clock ", "<cr>"},
		{Exec, Administrator, "show nothing ", ""},
		{Exec, Viewer, "c", "compare"},
		{Exec, Viewer, "show s", "sessions"},
		{Config, Administrator, "interface eth0 vrrp 1 pr", "preempt priority"},
		{Config, Administrator, "interface eth0 ", "default no vrrp <cr>"},
		{Config, Administrator, "no interface eth0 vrrp 1 p", "preempt priority"},
		{ConfigRouter, Administrator, "int", "interface"},
		{ConfigRouter, Administrator, "iftype ", "ether macvlan"},
		{ConfigRouter, Administrator, "do conf", "configure confirm"},
		{ConfigRouter, Administrator, `description "x`, "<text>"},
		{ConfigRouter, Administrator, "priority ", "<1-254>"},
	} {
		t.Run(string(tc.mode)+" "+tc.line, func(t *testing.T) {
			found, _ := tree.Complete(tc.mode, tc.level, tc.line, values)
			var words []string
			for _, c := range found {
				words = append(words, c.Text)
			}
			if diff := cmp.Diff(tc.want, strings.Join(words, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMistakesInTheTable checks that mistakes in the table are found when it is compiled.
func TestMistakesInTheTable(t *testing.T) {
	for name, commands := range map[string][]Command{
		"same syntax":   {{ID: "a", Modes: []Mode{Exec}, Syntax: "x [y]"}, {ID: "b", Modes: []Mode{Exec}, Syntax: "x"}},
		"open bracket":  {{ID: "a", Modes: []Mode{Exec}, Syntax: "x [y"}},
		"stray bracket": {{ID: "a", Modes: []Mode{Exec}, Syntax: "x y]"}},
		"open value":    {{ID: "a", Modes: []Mode{Exec}, Syntax: "x <y"}},
		"unknown type":  {{ID: "a", Modes: []Mode{Exec}, Syntax: "x <y:z>"}},
		"empty range":   {{ID: "a", Modes: []Mode{Exec}, Syntax: "x <y:5-1>"}},
		"empty choice":  {{ID: "a", Modes: []Mode{Exec}, Syntax: "x a||b"}},
		"unknown mode":  {{ID: "a", Modes: []Mode{"dream"}, Syntax: "x"}},
		"wrong no":      {{ID: "a", Modes: []Mode{Config}, Syntax: "x", No: "x ["}},
	} {
		if _, err := Compile(commands, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{
		"", "plain", "two words", `a"b`, `back\slash`, "pipe|d", "tab\tnew\nline\r", "é€日", "\x00\x1b[2J", "\u009b", "!x", "a\\", `\n`, `"`,
	} {
		q := Quote(s)
		segments := lex("x " + q)
		if len(segments) != 1 || len(segments[0].tokens) != 2 || segments[0].tokens[1].text != s {
			t.Errorf("%q is written %s, which reads %+v", s, q, segments)
		}
		for _, r := range q {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("%q is written with a control character: %q", s, q)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"show vrrp brief | inc x", `description "a\"`, "interface eth0 vrrp 1 priority 5", "no |", `"`, "do do"} {
		f.Add(s)
	}
	tree := sample(f)
	f.Fuzz(func(t *testing.T, line string) {
		for _, m := range []Mode{Exec, Config, ConfigIf, ConfigRouter} {
			inv, err := tree.Parse(m, Administrator, line)
			switch {
			case err != nil && (err.Offset < 0 || err.Offset > len(line)):
				t.Errorf("offset %d of %q", err.Offset, line)
			case err == nil && inv.Last().Command == nil:
				t.Errorf("%q is no command", line)
			}
			if err != nil && err.Error() == "" {
				t.Errorf("%q: silent error", line)
			}
			_, _ = tree.Complete(m, Administrator, line, nil)
		}
	})
}

var update = flag.Bool("update", false, "rewrite golden files")

func TestReference(t *testing.T) {
	const golden = "testdata/reference.md"
	var b bytes.Buffer
	if err := sample(t).Reference(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkParse(b *testing.B) {
	tree := sample(b)
	for b.Loop() {
		if _, err := tree.Parse(Config, Administrator, "interface eth0 vrrp 51 priority 200"); err != nil {
			b.Fatal(err)
		}
	}
}
