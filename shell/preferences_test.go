// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vrrpsh/conf"
)

// TestSuggestionsAreRemembered: for each user, also after a restart of the router.
func TestSuggestionsAreRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "preferences")
	bob := User{Name: "bob", Level: conf.Viewer, Source: "ssh"}
	start := func() *Env {
		env, _ := newEnv(t, sampleFile)
		var err error
		if env.Preferences, err = OpenPreferences(path); err != nil {
			t.Fatal(err)
		}
		return env
	}
	wants := func(env *Env, u User, want bool) {
		t.Helper()
		if got := newSession(t, env, u).Suggestions(); got != want {
			t.Errorf("%s has suggestions: %t", u.Name, got)
		}
	}
	env := start()
	wants(env, admin, true)
	must(t, newSession(t, env, bob), "terminal suggestions off")
	wants(env, bob, false)
	wants(env, admin, true)
	env = start()
	wants(env, bob, false)
	wants(env, admin, true)
	must(t, newSession(t, env, bob), "terminal suggestions on")
	wants(start(), bob, true)

	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPreferences(path)
	if err == nil || !p.suggestions("bob") {
		t.Errorf("a broken file: %v", err)
	}

	// If they cannot be stored, the session has them all the same, and the user is told.
	env.Preferences = &Preferences{path: filepath.Join(t.TempDir(), "missing", "preferences"), users: map[string]preference{}}
	s := newSession(t, env, bob)
	if out, st := run(t, s, "terminal suggestions off"); st != Failed || !strings.Contains(out, "for this session only") || s.Suggestions() {
		t.Errorf("status %d: %s", st, out)
	}
	wants(env, bob, true)
}
