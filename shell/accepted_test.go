// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/platform/recorded"
)

// TestAcceptedFiles checks that every configuration that a release has accepted is shown as before, without secrets,
// and that the commands that a release made of it, secrets included, still give the same configuration.
func TestAcceptedFiles(t *testing.T) {
	files, err := filepath.Glob("../conf/testdata/accepted/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".toml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			env, _ := newEnv(t, string(data))
			s := newSession(t, env, admin)
			for command, suffix := range map[string]string{
				"show running-config": ".masked", "show running-config toml": ".masked.toml", "show running-config json": ".masked.json",
			} {
				got := must(t, s, command)
				if diff := cmp.Diff(recorded.Content(t, filepath.Join("testdata", "accepted", name+suffix), got), got); diff != "" {
					t.Errorf("%s (-recorded +got):\n%s", command, diff)
				}
			}

			commands, err := os.ReadFile(filepath.Join("testdata", "accepted", name+".commands"))
			if err != nil {
				t.Fatal(err)
			}
			empty, _ := newEnv(t, "")
			s = newSession(t, empty, admin)
			must(t, s, append(append([]string{"configure terminal"}, strings.Split(string(commands), "\n")...), "commit", "end")...)
			if diff := cmp.Diff(valuesOf(t, env), valuesOf(t, empty)); diff != "" {
				t.Errorf("typed, the configuration means something else (-file +typed):\n%s", diff)
			}
		})
	}
}

// valuesOf returns the values of a router's configuration.
func valuesOf(t *testing.T, env *Env) string {
	t.Helper()
	c := env.Manager.Running().Config
	b, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range c.API.Users {
		b = fmt.Appendf(b, "\n%s %x", u, u.Fingerprint())
	}
	return string(b)
}
