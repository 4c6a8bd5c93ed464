// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vrrpsh/e2e/lab"
)

// TestDaemon runs the router as a daemon with every general directive of the file: it starts only once, the
// sniffer sees it, it reloads or refuses its file on SIGHUP, its logs can be rotated, and it leaves nothing behind.
func TestDaemon(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	dir := filepath.Join(l.Dir, "work")
	general := fmt.Sprintf(`debug = 3
time_zone = "utc"
time_format = "short"
pid = "router.pid"
working_dir = %q
main_log = "main.log"
error_log = "error.log"
client_api = "disabled"
hostname = "r1"
control_socket = %q
state_dir = %q
[api]
host = "127.0.0.1:7080"
`, dir, filepath.Join(l.Dir, "r1.sock"), filepath.Join(l.Dir, "state"))
	g := lab.Group{VRID: 51, Version: 2, Interval: 1e9}
	config := l.File("daemon.toml", general+g.Table(200))
	v := l.VrrpshAt(bin, r1, filepath.Join(l.Dir, "r1.sock"))
	file := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err.Error()
		}
		return string(b)
	}

	start := []string{bin, "-m2", "-c", config}
	r1.Run(start...)
	pid, err := strconv.Atoi(strings.TrimSpace(file("router.pid")))
	if err != nil {
		t.Fatal(err)
	}
	ended := func() error {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d is still there", pid)
		}
		return nil
	}
	t.Cleanup(func() {
		if ended() != nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if text := v.Show("show", "version"); !strings.Contains(text, "r1 uptime") { // at once: it was ready
		t.Errorf("show version:\n%s", text)
	}
	if out, err := r1.Try("curl", "-s", "http://127.0.0.1:7080/health"); err == nil { // client_api
		t.Errorf("the disabled API answers %q", out)
	}
	if at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || at != dir {
		t.Errorf("the working directory is %q, %v", at, err)
	}
	if session, err := syscall.Getpgid(pid); err != nil || session != pid {
		t.Errorf("process %d is in group %d, %v", pid, session, err)
	}
	if out, err := r1.Try(start...); err == nil || !strings.Contains(out+err.Error(), fmt.Sprintf("another router is running with process ID %d", pid)) {
		t.Errorf("a second router: %v\n%s", err, out)
	}

	// The host's sniffer sees the Master, without faults.
	sniffer := l.Start(l.Host, "sniffer", bin, "-m0", "-i", "eth0", "--json")
	type packet struct {
		Source   string   `json:"source"`
		Group    int      `json:"group"`
		Priority int      `json:"priority"`
		Faults   []string `json:"faults"`
	}
	sees := func(priority int) {
		t.Helper()
		lab.Until(t, patience, fmt.Sprintf("the sniffer sees priority %d", priority), func() error {
			lines := bufio.NewScanner(strings.NewReader(sniffer.Log()))
			for lines.Scan() {
				var p packet
				if json.Unmarshal(lines.Bytes(), &p) == nil && p.Group == 51 && p.Priority == priority {
					if p.Source != r1.Addr || len(p.Faults) != 0 {
						t.Fatalf("the sniffer reports %s", lines.Text())
					}
					return nil
				}
			}
			return errNotYet
		})
	}
	sees(200)
	says := func(name, text string) {
		t.Helper()
		lab.Until(t, patience, name+" says "+text, func() error {
			if got := file(name); !strings.Contains(got, text) {
				return errors.New(got)
			}
			return nil
		})
	}
	says("main.log", `msg="became Master" interface=eth0 family=IPv4 group=51`)

	hangup := func(tables string) {
		t.Helper()
		l.File("daemon.toml", tables)
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	// A renamed log is reopened under its name, and the changes of the file take effect.
	if err := os.Rename(filepath.Join(dir, "main.log"), filepath.Join(dir, "main.log.1")); err != nil {
		t.Fatal(err)
	}
	hangup(general + g.Table(150))
	says("main.log", "configuration file read and applied")
	sees(150)
	if text := v.Show("show", "history", "commits"); !strings.Contains(text, "SIGHUP") {
		t.Errorf("show history commits:\n%s", text)
	}
	// A file with a fault changes nothing.
	hangup(general + g.Table(120) + "priority = 300\n")
	says("error.log", "configuration file refused: nothing has changed")
	if text := v.Show("show", "running-config"); !strings.Contains(text, "priority 150") {
		t.Errorf("show running-config:\n%s", text)
	}
	if text := v.Show("show", "logging", "last", "20"); !strings.Contains(text, "error: configuration file refused") {
		t.Errorf("show logging:\n%s", text)
	}
	if strings.Contains(file("error.log"), "level=info") {
		t.Errorf("error.log:\n%s", file("error.log"))
	}
	if transitions := strings.Count(file("main.log.1")+file("main.log"), "became "); transitions != 2 {
		t.Errorf("%d transitions in the log", transitions)
	}
	// The log settings change, too.
	hangup(strings.Replace(general, `"short"`, `"rfc2822"`, 1) + g.Table(150))
	says("main.log", ` +0000" level=info msg="configuration file read and applied"`)

	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, patience, "the daemon has ended", ended)
	sees(0)
	says("main.log", `msg="became Init"`)
	if _, err := os.Stat(filepath.Join(dir, "router.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the PID file is still there: %v", err)
	}
	// The command prints the reason if the daemon cannot start.
	l.File("daemon.toml", general+"[[vrouter]]\ngroup = 0\n")
	if out, err := r1.Try(start...); err == nil || !strings.Contains(out+err.Error(), "daemon.toml:15: vrouter[0].group") {
		t.Errorf("a wrong file: %v\n%s", err, out)
	}
}
