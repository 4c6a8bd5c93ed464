// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTablesAreMergedByName: rebase keeps the changes of two sessions to different objects, or to different
// settings of one object; load merge adds a file to the existing objects.
func TestTablesAreMergedByName(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a, b := newSession(t, env, admin), newSession(t, env, admin)
	must(t, b, "configure", "track one script /bin/one", "fall 2", "track two interface eth1", "track three file /w", "commit")
	must(t, a, "configure", "track one rise 2", "no track two", "notify page command /bin/page")
	must(t, b, "track one fall 3", "track three interval 5s")
	if _, status := run(t, b, "notify other events fault"); status == Done {
		t.Error("events of a notification that does not exist")
	}
	must(t, b, "notify other command /bin/other", "commit")
	if out := must(t, a, "rebase", "show changes"); out != `The candidate is now based on commit 3
 track one script /bin/one
+ rise 2
-track two interface eth1
+notify page command /bin/page
` {
		t.Errorf("rebased:\n%s", out)
	}
	must(t, a, "commit", "track one fall 9", "no track three")
	must(t, b, "discard", "track one fall 8", "track three interval 6s", "commit")
	out, status := run(t, a, "rebase")
	for _, want := range []string{`track one: fall: "fall 9" here, "fall 8" there`, "track three: removed here, changed there"} {
		if status != Locked || !strings.Contains(out, want) {
			t.Errorf("status %d, %q is missing in:\n%s", status, want, out)
		}
	}
	other := filepath.Join(t.TempDir(), "other.toml")
	text := "[[track]]\nname = \"one\"\nroute = \"10.0.0.0/8\"\n[[track]]\nname = \"four\"\ninterface = \"eth1\"\n" +
		"[[notify]]\nname = \"page\"\ntimeout = \"3s\"\n"
	if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := `-track one script /bin/one
+track one route 10.0.0.0/8
+track four interface eth1
 notify page command /bin/page
+ timeout 3s
`
	if diff := cmp.Diff(want, must(t, a, "discard", "load merge "+other, "show changes")); diff != "" {
		t.Error(diff)
	}
	must(t, a, "discard")
	must(t, b, "discard")
}
