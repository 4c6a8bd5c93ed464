// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package uml

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// bin is the vrrpsh under test.
var bin string

// guestBin is the environment variable that names the vrrpsh under test, in the guest only.
const guestBin = "VRRPSH_GUEST_BIN"

// tools are the programs that the tests run, with their Debian packages.
var tools = map[string]string{
	"cc":         "gcc",
	"ip":         "iproute2",
	"tc":         "iproute2",
	"modprobe":   "kmod",
	"linux.uml":  "user-mode-linux",
	"keepalived": "keepalived",
	"sysctl":     "procps",
}

const (
	// bootTime bounds the boot, which takes seconds. A guest that does not come up is started again, up to boots times.
	bootTime = time.Minute
	boots    = 3
	// modules are where the package has the modules of its kernel.
	modules = "/usr/lib/uml/modules"

	// What the guest writes to its console: that it is up, the exit status of the tests, and a wish to be suspended.
	upLine      = "guest: up"
	statusLine  = "guest: exit status "
	suspendLine = "guest: suspend for "
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	flag.Parse()
	if bin = os.Getenv(guestBin); bin == "" {
		return host(m)
	}
	// The tests wait for routers most of the time.
	_ = flag.Set("test.parallel", "6")
	_, teardown, err := lab.Setup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uml:", err)
		return 1
	}
	defer teardown()
	return m.Run()
}

// host runs the tests in a guest, and returns their exit status.
func host(m *testing.M) int {
	missing := lab.Missing(tools)
	switch {
	case flag.Lookup("test.list").Value.String() != "":
		return m.Run()
	case missing != "" && os.Getenv("VRRPSH_E2E") == "require":
		fmt.Fprintln(os.Stderr, "uml: required, but cannot run:", missing)
		return 1
	case missing != "":
		fmt.Fprintln(os.Stderr, "uml: the tests in User Mode Linux are skipped:", missing)
		return 0
	}
	dir, err := os.MkdirTemp("", lab.Prefix+"uml-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "uml:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	bin = os.Getenv("VRRPSH_BIN")
	if bin == "" {
		bin = filepath.Join(dir, "vrrpsh")
		if out, err := exec.Command("go", "build", "-o", bin, "vrrpsh").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "uml: build vrrpsh: %v\n%s", err, out)
			return 1
		}
	}
	for range boots {
		var status int
		if status, err = boot(ctx, dir); err == nil {
			return status
		}
		fmt.Fprintln(os.Stderr, "uml:", err)
		if !errors.Is(err, errNotUp) || ctx.Err() != nil {
			break
		}
	}
	return 1
}

// boot runs this test binary in a guest with the same flags, and returns its exit status.
func boot(ctx context.Context, dir string) (int, error) {
	library := filepath.Join(dir, "xstate.so")
	if out, err := exec.Command("cc", "-O2", "-shared", "-fPIC", "-o", library, "testdata/xstate.c").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("compile %s: %w\n%s", library, err, out)
	}
	initial := filepath.Join(dir, "init")
	script, err := initScript(dir)
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(initial, []byte(script), 0o755); err != nil {
		return 0, err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "linux.uml", "mem=512M", "rootfstype=hostfs", "root=/dev/root", "ro", "quiet",
		"init="+initial, "con=null", "con0=fd:0,fd:1", "uml_dir="+dir)
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+library)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	// The guest's processes are children of the kernel's.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	booting := time.AfterFunc(bootTime, cancel)
	up := false
	status := follow(out, cmd.Process.Pid, func() { up = booting.Stop() })
	_ = cmd.Wait() // the guest's own status says nothing
	switch {
	case !up:
		return 0, errNotUp
	case status < 0:
		return 0, fmt.Errorf("the guest ended before its tests: %v", cmd.ProcessState)
	}
	return status, nil
}

var errNotUp = errors.New("the guest does not come up")

// follow prints what the guest writes, does what it wants, and returns the exit status of its tests, or −1. It calls up
// when the guest has booted.
func follow(out io.Reader, pid int, up func()) int {
	status := -1
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if text, ok := strings.CutPrefix(line, statusLine); ok {
			status, _ = strconv.Atoi(text)
			continue
		}
		if line == upLine {
			up()
			continue
		}
		if text, ok := strings.CutPrefix(line, suspendLine); ok {
			if d, err := time.ParseDuration(text); err == nil {
				_ = syscall.Kill(pid, syscall.SIGSTOP)
				time.Sleep(d)
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
			continue
		}
		if status < 0 {
			fmt.Println(line)
		}
	}
	return status
}

// initScript is the guest's first process. It has the machine's files, read-only, and writes to memory.
func initScript(dir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	// modprobe finds the modules in DIR/lib/modules.
	if err := os.MkdirAll(filepath.Join(dir, "lib"), 0o755); err != nil {
		return "", err
	}
	if err := os.Symlink(modules, filepath.Join(dir, "lib", "modules")); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	probe := filepath.Join(dir, "modprobe")
	if err := os.WriteFile(probe, fmt.Appendf(nil, "#!/bin/sh\nexec modprobe -d %s \"$@\"\n", dir), 0o755); err != nil {
		return "", err
	}
	var args []string
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "test.run", "test.skip", "test.v", "test.count", "test.failfast", "test.timeout", "test.short":
			args = append(args, "-"+f.Name+"="+quote(f.Value.String()))
		}
	})
	return fmt.Sprintf(`#!/bin/sh
export PATH=%s HOME=/root TMPDIR=/run/tmp %s=%s
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/tmp /run/netns
mount --bind /dev/null /dev/console
echo %s > /proc/sys/kernel/modprobe
ip link set lo up
cd %s
echo '%s'
%s %s
echo '%s'$?
halt -f
`, quote(os.Getenv("PATH")), guestBin, quote(bin), quote(probe), quote(here), upLine, quote(self), strings.Join(args, " "), statusLine), nil
}

// quote makes a text one word of the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// suspend has the machine stop the whole guest for a time, as a hypervisor does, and returns when the guest runs again.
func suspend(t *testing.T, d time.Duration) {
	t.Helper()
	before := time.Now()
	fmt.Printf("%s%v\n", suspendLine, d)
	lab.Until(t, 20*time.Second, "the guest is suspended", func() error {
		now := time.Now()
		if now.Sub(before) < d/2 {
			before = now
			return fmt.Errorf("it still runs")
		}
		return nil
	})
}
