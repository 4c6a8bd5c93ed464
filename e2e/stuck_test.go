// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vrrpsh/e2e/lab"
)

// TestStopWhateverIsStuck stops routers while something is stuck: the reader of their log, the terminal of their
// console, a client of the shell, a hook. Each router is Master until then, ends in time after one or more signals,
// and leaves nothing behind.
func TestStopWhateverIsStuck(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	wire, r1 := l.Capture(), l.Routers[0]
	before := r1.Snapshot()
	group := fast
	group.Interval = 50 * time.Millisecond
	dir, err := os.MkdirTemp("/var/lib", "vrrpsh-e2e-") // a directory where programs are accepted
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hook := filepath.Join(dir, "hook")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntrap '' TERM HUP INT\ntouch "+hook+".ran\nsleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := group.Table(200) +
		fmt.Sprintf("[[notify]]\nname = \"hook\"\ncommand = [%q]\nuser = \"root\"\ntimeout = \"10m\"\n", hook)
	router := func() *lab.Vrrpsh {
		v := l.VrrpshFile(bin, r1, config)
		l.File(filepath.Base(v.Config), strings.Replace(v.ConfigText(), "debug = 3", "debug = 5", 1))
		return v
	}
	pipe := func() (read, write *os.File) {
		t.Helper()
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = read.Close(); _ = write.Close() })
		return read, write
	}
	// stuck waits until the unread data of a pipe stops growing.
	stuck := func(what string, read *os.File) {
		t.Helper()
		last, since := 0, time.Now()
		lab.Until(t, patience, what+" is full", func() error {
			n, err := unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ)
			if err != nil {
				return err
			}
			if n == 0 || n != last {
				last, since = n, time.Now()
				return fmt.Errorf("%d bytes", n)
			}
			if time.Since(since) < 5*group.Interval { // a line is logged for each advert
				return errNotYet
			}
			return nil
		})
	}
	end := func(v *lab.Vrrpsh) {
		t.Helper()
		wire.WaitMaster("r1", time.Now(), patience)
		start := time.Now()
		v.Signal(syscall.SIGTERM)
		v.Signal(syscall.SIGTERM)
		if status := v.Wait(patience); status != 0 {
			t.Errorf("exit status %d", status)
		}
		wire.WaitResign("r1", start, time.Second)
		if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
			t.Errorf("the namespace afterwards (-before +after):\n%s", diff)
		}
	}

	// No process reads the log or the answers for a client, and a hook does not end.
	read, write := pipe()
	if _, err := unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	v := router()
	v.StartWith(func(c *exec.Cmd) { c.Stderr = write })
	v.WaitState("Master", patience)
	stuck("the log", read)
	answers, client := pipe()
	commands := strings.NewReader(strings.Repeat("show running-config\n", 5000))
	l.StartWith(r1, "client", func(c *exec.Cmd) { c.Stdin, c.Stdout = commands, client }, bin, "-s", v.Socket, "exec")
	stuck("the client", answers)
	lab.Until(t, patience, "the hook runs", func() error { _, err := os.Stat(hook + ".ran"); return err })
	if text := v.Show("show", "vrrp", "brief"); !strings.Contains(text, "MASTER") {
		t.Errorf("show vrrp brief:\n%s", text)
	}
	end(v)

	// The reader of the log has ended.
	read, write = pipe()
	_ = read.Close()
	v = router()
	v.StartWith(func(c *exec.Cmd) { c.Stderr = write })
	v.WaitState("Master", patience)
	end(v)

	// The terminal of the console no longer reads.
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = master.Close() }()
	v = router()
	v.StartWith(func(c *exec.Cmd) {
		c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
		c.SysProcAttr.Setsid, c.SysProcAttr.Setctty = true, true
	})
	v.WaitState("Master", patience)
	if _, err := io.WriteString(master, "terminal length 0\r"+strings.Repeat("show running-config\r", 100)); err != nil {
		t.Fatal(err)
	}
	stuck("the terminal", master)
	end(v)
	_ = slave.Close()
}

// TestFullDisk checks that a router works while its state directory is full, and starts and restarts even if the directory cannot
// be written at all; addresses left by a killed router are removed, too.
func TestFullDisk(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	before := r1.Snapshot()
	v := l.VrrpshFile(bin, r1, fast.Table(200))
	if err := os.Mkdir(v.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", v.StateDir, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(v.StateDir, unix.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(v.StateDir, "all"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	master := func() {
		t.Helper()
		v.Start()
		v.WaitState("Master", patience)
		lab.Until(t, patience, "the address is there", func() error {
			if r1.Holds(lab.VIP) == "" {
				return errNotYet
			}
			return nil
		})
		if log := v.Log(); !strings.Contains(log, "the run state cannot be written") || !strings.Contains(log, "the commit history is not complete") {
			t.Errorf("the log does not report it:\n%s", log)
		}
	}
	master()
	if out := v.Script("configure", "hostname other", "commit", "end"); !strings.Contains(out, "until the router stops") {
		t.Errorf("a commit without a history:\n%s", out)
	}
	if text := v.ConfigText(); !strings.Contains(text, `hostname = "other"`) {
		t.Errorf("the configuration file after a commit:\n%s", text)
	}
	restarts := func() {
		t.Helper()
		restart(t, v)
		v.WaitState("Master", 0)
		if log := v.Log(); strings.Contains(log, "restart failed") {
			t.Errorf("the log says\n%s", log)
		}
	}
	restarts()
	v.Stop()
	if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
		t.Errorf("the namespace after a clean stop (-before +after):\n%s", diff)
	}
	master()
	v.Kill()
	if err := unix.Mount("none", v.StateDir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	master()
	restarts()
	v.Stop()
	if ifname := r1.Holds(lab.VIP); ifname != "" { // the old settings of the interface are lost
		t.Errorf("%s is left over on %s", lab.VIP, ifname)
	}
}

// TestReadOnlyState checks that a router whose state directory has become read-only still has its history, and
// continues its revision numbers.
func TestReadOnlyState(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	v := l.VrrpshFile(bin, l.Routers[0], fast.Table(200))
	if err := os.Mkdir(v.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", v.StateDir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(v.StateDir, unix.MNT_DETACH) })
	v.Start()
	v.WaitState("Master", patience)
	for _, name := range []string{"one", "two"} {
		v.Script("configure", "hostname "+name, "commit", "end")
	}
	v.Stop()
	if err := unix.Mount("none", v.StateDir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	v.Start()
	v.WaitState("Master", patience)
	if out := v.Script("configure", "hostname three", "commit", "end"); !strings.Contains(out, "until the router stops") {
		t.Errorf("a commit that cannot write the history:\n%s", out)
	}
	out := v.Show("show", "history", "commits")
	for _, number := range []string{"1", "2", "3", "4"} {
		if !regexp.MustCompile(`(?m)^\s*` + number + `\s+\d+\s`).MatchString(out) {
			t.Errorf("commit %s is not in\n%s", number, out)
		}
	}
	v.Stop()
}
