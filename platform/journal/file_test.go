// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A log in a directory such as /tmp must not lead to a file of root.
func TestForeignLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "log")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(link)
	if err != nil {
		t.Fatalf("a link of our own: %v", err)
	}
	_ = f.f.Close()
	if os.Geteuid() != 0 {
		t.Skip("only root can change the owner of a link")
	}
	if err := os.Lchown(link, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(link); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("another user's link: %v", err)
	}
}
