// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"runtime"
	"strings"
	"testing"

	"vrrpsh/completions"
)

// allocated returns the number of octets that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestPatternsAreBounded(t *testing.T) {
	for _, text := range []string{
		"MASTER", `^eth[0-9]+\.100 .*(Up|up)`, `([0-9]{1,3}\.){3}[0-9]{1,3}`, `(?i)\bvlan ?(10|20|30)\b`, `(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4})`,
		strings.Repeat("x", maxPattern), strings.Repeat(`\pL`, maxPattern/3), "^(?:" + strings.Repeat(`\pL|`, 60) + "x)$", `(a|b){40,50}`, `x{200}`,
	} {
		var err error
		cost := allocated(func() { _, err = CompilePattern(text) })
		if err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
		if cost > 6<<20 {
			t.Errorf("%.40q takes %d kB", text, cost>>10)
		}
	}
	for _, text := range []string{
		"x{1000}x{1000}", "((x{10}){10}){10}", "(x{1,999}|y)", "((a{30}|b{30}){9})", strings.Repeat("x", maxPattern+1), strings.Repeat("x{1000}", 3000),
	} {
		var err error
		cost := allocated(func() { _, err = CompilePattern(text) })
		if err == nil || !strings.HasPrefix(err.Error(), "the regular expression is too l") || len(err.Error()) > 200 {
			t.Errorf("%.40q: %v", text, err)
		}
		if cost > 200<<10 {
			t.Errorf("refusing %.40q takes %d kB", text, cost>>10)
		}
	}
}

// TestLinesCostLittle checks that a line costs the router little, however long it is and whichever key follows.
func TestLinesCostLittle(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, viewer)
	const limit = 8 << 20
	for name, line := range map[string]string{
		"repeats":              "show version | include " + strings.Repeat("x{1000}", 3000) + " | include " + strings.Repeat("x{1000}", 3000),
		"one repeat":           "show version | include (x{1000}){1000}",
		"many small ones":      "show version" + strings.Repeat(" | include \\pL", 3000),
		"many pipes":           "show version" + strings.Repeat("|last 1000", 6000),
		"bars":                 "show version" + strings.Repeat("|", 60000),
		"words":                strings.Repeat("show ", 12000),
		"do":                   strings.Repeat("do ", 20000),
		"quotes":               strings.Repeat(`"`, 60000),
		"backslashes":          strings.Repeat(`\`, 60000),
		"one word":             strings.Repeat("x", 60000),
		"a name":               "show vrrp interface " + strings.Repeat("x", 60000),
		"characters of colour": "show version | include " + strings.Repeat("é", 30000),
	} {
		t.Run(name, func(t *testing.T) {
			out := IO{Out: &strings.Builder{}, Err: &strings.Builder{}}
			for what, f := range map[string]func(){
				"Enter":         func() { s.Execute(t.Context(), line, out) },
				"Tab":           func() { s.Complete(line) },
				"Tab, a blank":  func() { s.Complete(line + " ") },
				"question mark": func() { s.Help(line) },
			} {
				if cost := allocated(f); cost > limit {
					t.Errorf("%s takes %d kB", what, cost>>10)
				}
			}
		})
	}
}

func TestNumberOfPipes(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, viewer)
	must(t, s, "show version"+strings.Repeat(" | include r", completions.MaxPipes))
	out, status := run(t, s, "show version"+strings.Repeat(" | include r", completions.MaxPipes+1))
	if status != BadSyntax || !strings.Contains(out, "At most 8 pipes") {
		t.Errorf("status %d: %s", status, out)
	}
}
