// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// controlGroup is a control group (version 2) for a program. The program's descendants cannot leave it. nil: there is none.
type controlGroup struct {
	path string
	dir  *os.File
}

// groupPrefix begins the names of control groups.
const groupPrefix = "vrrpsh-program-"

// groupCount numbers the control groups of this process.
var groupCount atomic.Uint64

// newControlGroup creates a control group below that of this process; nil if this process may not do that.
func newControlGroup() *controlGroup {
	own := ownControlGroup()
	if own == "" {
		return nil
	}
	path := filepath.Join(own, fmt.Sprintf("%s%d-%d", groupPrefix, os.Getpid(), groupCount.Add(1)))
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil
	}
	g := &controlGroup{path: path}
	if _, err := os.Stat(filepath.Join(path, "cgroup.kill")); err == nil { // since Linux 5.14
		g.dir, err = os.Open(path)
		if err == nil {
			return g
		}
	}
	g.remove()
	return nil
}

// controlGroupOf returns the name of the program's control group that a process is in, or was in when it ended; "" if there is none.
func controlGroupOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	_, name, found := strings.Cut(string(text), "/"+groupPrefix)
	if !found {
		return ""
	}
	if end := strings.IndexAny(name, "/ \n"); end >= 0 {
		name = name[:end]
	}
	return groupPrefix + name
}

// sweep removes the control groups that killed routers left behind, and kills the processes in them.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, groupPrefix+"*")) // the pattern is valid
	for _, path := range left {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), groupPrefix), "-")
		if pid, err := strconv.Atoi(owner); err != nil || pid != os.Getpid() && unix.Kill(pid, 0) != unix.ESRCH {
			continue
		}
		g := &controlGroup{path: path}
		g.kill()
		g.remove()
	}
}

// kill kills all processes in the group.
func (g *controlGroup) kill() {
	if g != nil {
		_ = os.WriteFile(filepath.Join(g.path, "cgroup.kill"), []byte("1"), 0)
	}
}

// remove removes the group. This takes a moment after its processes were killed.
func (g *controlGroup) remove() {
	if g == nil {
		return
	}
	if g.dir != nil {
		_ = g.dir.Close()
	}
	for limit := time.Now().Add(orphanLimit); ; time.Sleep(orphanPause) {
		if err := unix.Rmdir(g.path); err != unix.EBUSY || time.Now().After(limit) {
			return
		}
	}
}

// ownControlGroup returns the directory of this process's control group; "" if no groups may be created there: the mount is
// read-only, or systemd has not delegated the group to this process (Delegate=).
var ownControlGroup = sync.OnceValue(func() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	var at string
	for line := range strings.Lines(string(groups)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			at = path
		}
	}
	for line := range strings.Lines(string(mounts)) {
		// proc(5): ID, parent, device, root, mount point, options, ..., "-", type
		fields := strings.Fields(line)
		_, kind, _ := strings.Cut(line, " - ")
		if len(fields) < 5 || !strings.HasPrefix(kind, "cgroup2 ") {
			continue
		}
		below, ok := strings.CutPrefix(at, strings.TrimSuffix(fields[3], "/"))
		if !ok {
			continue
		}
		dir := filepath.Join(fields[4], below)
		if _, err := os.Stat("/run/systemd/system"); err == nil && !delegated(dir) {
			return ""
		}
		if unix.Access(dir, unix.W_OK) != nil {
			return ""
		}
		sweep(dir)
		return dir
	}
	return ""
})

// delegated reports whether systemd has delegated a control group to the service in it.
func delegated(dir string) bool {
	value := make([]byte, 2)
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}
