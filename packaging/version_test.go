// SPDX-License-Identifier: GPL-3.0-only

package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// released returns the newest release of the change log.
func released(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$`).FindSubmatch(b)
	if m == nil {
		t.Fatal("the change log has no release")
	}
	return string(m[1])
}

// TestVersion checks that the program reports the newest release of the change log.
func TestVersion(t *testing.T) {
	if got, want := run(t, bin, "version"), "vrrpsh "+released(t)+"\n"; got != want {
		t.Errorf("version %q, want %q", got, want)
	}
}

// TestVersionFromGit checks the suffix that a checkout adds to the release: none without a tag or at the tag, then the number
// of commits, in the order of Debian versions.
func TestVersionFromGit(t *testing.T) {
	need(t, "git")
	top := t.TempDir()
	release := released(t)
	for to, from := range map[string]string{"main.go": "../main.go", "packaging/version.sh": "version.sh"} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(top, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		t.Helper()
		run(t, append([]string{"git", "-C", top, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
	}
	version := func(form string) string {
		t.Helper()
		got := strings.TrimSpace(run(t, "sh", filepath.Join(top, "packaging", "version.sh")))
		if !regexp.MustCompile("^" + regexp.QuoteMeta(release) + form + "$").MatchString(got) {
			t.Errorf("version %q, want %s%s", got, release, form)
		}
		return got
	}
	commit := func() { git("commit", "-q", "--allow-empty", "-m", "a change") }

	version("") // an unpacked archive
	git("init", "-q")
	git("add", ".")
	commit()
	version("")
	git("tag", "v0.0.1") // of another release
	untagged := []string{version("")}
	for range 2 {
		commit()
		untagged = append(untagged, version(fmt.Sprintf(`\+%d\.g[0-9a-f]+`, len(untagged))))
	}
	git("tag", "v"+release)
	order := []string{version("")}
	for range 2 {
		commit()
	}
	order = append(order, version(`\+2\.g[0-9a-f]+`))
	for range 9 {
		commit()
	}
	order = append(order, version(`\+11\.g[0-9a-f]+`), release+".1")
	if err := os.WriteFile(filepath.Join(top, "main.go"), []byte("var version = \""+release+"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	version(`\+11\.g[0-9a-f]+\.dirty`)

	need(t, "dpkg")
	for i := range len(untagged) - 1 {
		run(t, "dpkg", "--compare-versions", untagged[i], "lt", untagged[i+1])
	}
	for i := range len(order) - 1 {
		run(t, "dpkg", "--compare-versions", order[i], "lt", order[i+1])
	}
}
