// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vrrpsh/e2e/lab"
)

// TestDescriptorsAreKept checks that the router's programs inherit neither its descriptors nor those of its parent process,
// also after a restart, and that a restart leaves no additional descriptor open.
func TestDescriptorsAreKept(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	g := fast
	g.Macvlan = true
	v := l.VrrpshFile(bin, l.Routers[0], g.Table(200)+"[api]\nhost = \"127.0.0.1:7080\"\n[ssh]\nlisten = \"127.0.0.1:2222\"\n")
	v.Start()
	v.WaitState("Master", patience)
	// open returns the descriptors above standard error, with their targets.
	open := func() map[string]string {
		t.Helper()
		dir := fmt.Sprintf("/proc/%d", v.PID())
		files, err := os.ReadDir(dir + "/fdinfo")
		if err != nil {
			t.Fatal(err)
		}
		found := make(map[string]string)
		for _, f := range files {
			info, err := os.ReadFile(filepath.Join(dir, "fdinfo", f.Name()))
			if n, _ := strconv.Atoi(f.Name()); n <= 2 || err != nil {
				continue // it was closed meanwhile
			}
			what, _ := os.Readlink(filepath.Join(dir, "fd", f.Name()))
			found[f.Name()] = what
			for line := range strings.Lines(string(info)) {
				if text, ok := strings.CutPrefix(line, "flags:"); ok {
					flags, err := strconv.ParseInt(strings.TrimSpace(text), 8, 64)
					if err != nil || flags&unix.O_CLOEXEC == 0 {
						t.Errorf("descriptor %s, %s, is inherited by programs (flags %s)", f.Name(), what, strings.TrimSpace(text))
					}
				}
			}
		}
		return found
	}
	before := open()
	if len(before) < 8 {
		t.Errorf("only %d descriptors are open: %v", len(before), before)
	}
	for range 2 {
		if r := v.Run("restart"); r.Status != 0 {
			t.Fatalf("restart: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
		}
		v.WaitState("Master", patience)
	}
	lab.Until(t, patience, "as many descriptors are open as before", func() error {
		if after := open(); len(after) > len(before) {
			return fmt.Errorf("%d: %v; before %d: %v", len(after), after, len(before), before)
		}
		return nil
	})
	v.Stop()
}
