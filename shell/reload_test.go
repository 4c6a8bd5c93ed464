// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"
	"testing"

	"vrrpsh/conf"
)

// TestLoadStartup checks that a file edited by hand becomes the running configuration, or is refused as a whole.
func TestLoadStartup(t *testing.T) {
	env, _ := newEnv(t, "")
	s := newSession(t, env, admin)
	if out, status := run(t, s, "load startup-config"); status != Failed || out != "% This router has no configuration file\n" {
		t.Errorf("in a demo: status %d, %q", status, out)
	}
	env.Reload = env.Manager.(*conf.Manager).Reload
	if out := must(t, s, "load startup-config"); out != "The file has no changes\n" {
		t.Errorf("without changes: %q", out)
	}
	write := func(text string) {
		t.Helper()
		if err := conf.WriteFile(env.Path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write("nonsense = 1\n")
	if out, status := run(t, s, "load startup-config"); status == Done || !strings.Contains(out, "r1.toml:1: nonsense: unknown key") {
		t.Errorf("a file with a fault: status %d, %q", status, out)
	}
	write("hostname = \"r7\"\n")
	if out := must(t, s, "load startup-config"); out != "Commit 2 complete\n" {
		t.Errorf("a file with changes: %q", out)
	}
	if got := env.Manager.Running(); got.User != "admin" || got.Config.General.Hostname != "r7" {
		t.Errorf("running: %+v", got)
	}
}
