// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"strings"
	"testing"
	"time"
)

// watching is the time limit for commands that run until they are interrupted.
const watching = 20 * time.Millisecond

// FuzzLine executes anything that a client may send as a command, as a viewer: the session continues, prints only text that a terminal can
// show, and changes nothing.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		"show vrrp brief", "show vrrp | include ^eth | count", "sh run | sec vrrp", "show version | include (a|b)*c | exclude x | last 3 | json",
		"configure", "terminal length 5", "show history commits | save /tmp/x", "api user bob level 9 password x", `show | "`, "show vrrp group 256", "?", "do do do",
	} {
		f.Add(line)
	}
	env, _ := newEnv(f, sampleFile)
	before := env.Manager.Running().ID
	f.Fuzz(func(t *testing.T, line string) {
		s := New(env, viewer)
		defer func() { _ = s.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), watching)
		defer cancel()
		var out strings.Builder
		s.Execute(ctx, line, IO{Out: &out, Err: &out})
		s.Complete(line)
		s.Help(line)
		for _, r := range out.String() {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q prints %q", line, out.String())
			}
		}
		if env.Manager.Running().ID != before {
			t.Fatalf("%q has committed", line)
		}
	})
}
