// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestSocketIsShared checks that a socket belongs to a group that exists, and that one that does not changes nothing.
func TestSocketIsShared(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a file to another group")
	}
	path := filepath.Join(t.TempDir(), "sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	owner := func() string {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Gid))
	}
	g, err := user.LookupGroupId("1")
	if err != nil {
		t.Skip("there is no other group")
	}
	share(path, g.Name)
	if got := owner(); got != g.Gid {
		t.Errorf("the socket belongs to group %s, want %s", got, g.Gid)
	}
	share(path, "no such group")
	if got := owner(); got != g.Gid {
		t.Errorf("then to group %s", got)
	}
}
