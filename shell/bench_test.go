// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// thousands returns a session on a router with 4,000 groups on 16 interfaces.
func thousands(b *testing.B) *Session {
	b.Helper()
	var file strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&file, "[[vrouter]]\ngroup = %d\ninterface = \"eth%d\"\nvip = \"10.%d.%d.1/24\"\npriority = 120\n",
			i%250+1, i/250, i/250, i%250)
	}
	env, _ := newEnv(b, file.String())
	return newSession(b, env, admin)
}

func benchmarkLine(b *testing.B, lines ...string) {
	s := thousands(b)
	out := IO{Out: io.Discard, Err: io.Discard}
	for _, l := range lines[:len(lines)-1] {
		if s.Execute(b.Context(), l, out) != Done {
			b.Fatalf("%s fails", l)
		}
	}
	for b.Loop() {
		if s.Execute(b.Context(), lines[len(lines)-1], out) != Done {
			b.Fatal("fails")
		}
	}
}

func BenchmarkBrief(b *testing.B)            { benchmarkLine(b, "show vrrp brief") }
func BenchmarkBriefJSON(b *testing.B)        { benchmarkLine(b, "show vrrp brief | json") }
func BenchmarkDetail(b *testing.B)           { benchmarkLine(b, "show vrrp") }
func BenchmarkRunning(b *testing.B)          { benchmarkLine(b, "show running-config") }
func BenchmarkDetailOfOneGroup(b *testing.B) { benchmarkLine(b, "show vrrp group 7") }
func BenchmarkChanges(b *testing.B) {
	benchmarkLine(b, "configure", "interface eth3 vrrp 7 priority 9", "show changes")
}

func BenchmarkEditAndPrompt(b *testing.B) {
	s := thousands(b)
	out := IO{Out: io.Discard, Err: io.Discard}
	s.Execute(b.Context(), "configure", out)
	for i := 0; b.Loop(); i++ {
		if s.Execute(b.Context(), fmt.Sprintf("interface eth15 vrrp 250 priority %d", i%200+1), out) != Done {
			b.Fatal("fails")
		}
		_ = s.Prompt()
	}
}

func BenchmarkTabOnGroup(b *testing.B) {
	s := thousands(b)
	for b.Loop() {
		if len(s.Complete("show vrrp brief interface eth3 group 1")) < 100 {
			b.Fatal("groups are missing")
		}
	}
}

func BenchmarkCommitOfOneGroup(b *testing.B) {
	s := thousands(b)
	out := IO{Out: io.Discard, Err: io.Discard}
	s.Execute(b.Context(), "configure", out)
	for i := 0; b.Loop(); i++ {
		s.Execute(b.Context(), fmt.Sprintf("interface eth3 vrrp 7 priority %d", i%200+1), out)
		if st := s.Execute(b.Context(), "commit", out); st != Done {
			b.Fatal(st)
		}
	}
}
