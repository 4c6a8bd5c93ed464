// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileBehindAnothersLink: whoever owns a directory or link on the way to a file chooses the file, even if only root can write to it.
func TestFileBehindAnothersLink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a directory of another user")
	}
	const other = 65534
	dir := t.TempDir()
	path := func(elements ...string) string { return filepath.Join(append([]string{dir}, elements...)...) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path("ours"), []byte("a line"), 0o600))
	must(os.Mkdir(path("theirs"), 0o755))
	must(os.Symlink(path("ours"), path("theirs", "link")))
	must(os.Symlink("theirs/link", path("through")))
	must(os.Symlink(".", path("here")))
	must(os.Symlink("here/ours", path("fine")))
	must(os.Chown(path("theirs"), other, other))
	must(os.Symlink("ours", path("their-link")))
	must(os.Lchown(path("their-link"), other, other))
	must(os.Symlink("loop", path("loop")))
	for name, want := range map[string]string{
		"ours": "", "fine": "", "here/./here/ours": "",
		"theirs/link": "belongs to another user", "through": "belongs to another user", "their-link": "belongs to another user",
		"theirs/../ours": "belongs to another user", "loop": "too many", "here": "is not a file", "ours/../ours": "not a directory",
	} {
		data, err := readOwned(dir+"/"+name, []uint32{0}, toUse)
		switch {
		case want == "" && (err != nil || string(data) != "a line"):
			t.Errorf("%s: %q, %v", name, data, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
