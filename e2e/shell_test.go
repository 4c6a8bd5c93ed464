// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// TestMainJob runs the router, the shell and curl from a script, like an engineer, and checks that the commit is
// in the file and in the restarted router.
func TestMainJob(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	path := filepath.Join(l.Dir, "path")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bin, filepath.Join(path, "vrrpsh")); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/main-job.sh")
	if err != nil {
		t.Fatal(err)
	}
	v := l.VrrpshFile(bin, r1, fast.Table(200))
	out := r1.Run("env", "PATH="+path+":"+os.Getenv("PATH"), "bash", script, l.Dir)
	t.Log(out)
	section := func(name string) string {
		_, rest, _ := strings.Cut(out, "--- "+name+"\n")
		text, _, _ := strings.Cut(rest, "--- ")
		return text
	}
	rows, err := brief(section("brief"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []opinion{{State: "MASTER", Interface: "eth0", Priority: 200}}; !cmp.Equal(rows, want) {
		t.Errorf("show vrrp brief shows %+v, want %+v", rows, want)
	}
	var answer []lab.Status
	if err := json.Unmarshal([]byte(section("api")), &answer); err != nil || len(answer) != 1 || answer[0].Priority != 50 {
		t.Errorf("after the commit the API returns %+v, %v, want priority 50", answer, err)
	}
	if text := v.ConfigText(); !strings.Contains(text, "priority = 50") {
		t.Errorf("the file after the commit has no priority 50:\n%s", text)
	}

	v.Start()
	v.WaitReady()
	status, err := v.TryStatus()
	if err != nil || len(status) != 1 || status[0].Priority != 50 {
		t.Errorf("after a restart the API returns %+v, %v, want priority 50", status, err)
	}
	v.Stop()
}

// TestConfiguredFromNothing starts without a file, configures a group in the shell and checks its adverts on the wire.
func TestConfiguredFromNothing(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	wire := l.Capture()
	v := l.VrrpshFile(bin, l.Routers[0], "")
	v.Start()
	v.WaitReady()
	start := time.Now()
	v.Script("configure", "interface eth0", "vrrp 51", "version 3", "vip "+lab.VIP, "priority 120", "preempt",
		"timers advertise 100ms", "iftype macvlan", "commit", "end")
	first := wire.WaitMaster("r1", start, patience)
	if first.Priority != 120 || first.Interval != 100*time.Millisecond || first.MAC.String() != lab.VirtualMAC(51).String() {
		t.Errorf("on the wire: %v", first)
	}
	l.Host.Run("ping", "-q", "-c", "1", "-W", "2", lab.VIP)
	v.Script("configure", "interface eth0", "no vrrp 51", "commit", "end")
	wire.WaitResign("r1", start, patience)
	lab.Until(t, 2*time.Second, "the address and the macvlan are gone", func() error {
		if v.Node().Holds(lab.VIP) != "" || len(v.Node().Links()) != 2 {
			return errNotYet
		}
		return nil
	})
	if text := v.ConfigText(); strings.Contains(text, "vrouter") {
		t.Errorf("the file still has a group:\n%s", text)
	}
	v.Stop()
}

// TestWrongCommand checks the exit statuses and the caret of the shell in scripts.
func TestWrongCommand(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	v := l.VrrpshFile(bin, l.Routers[0], "")
	v.Start()
	v.WaitReady()
	for _, tt := range []struct {
		input, args, want string
		status            int
	}{
		{"", "show vrpp brief", "^", 2},
		{"", "show vrrp brief", "", 0},
		{"configure\ninterface eth0 vrrp 51 priority 300\n", "", "^", 2},
		{"configure\ninterface eth0 vrrp 51 priority 50\ncommit\n", "", "vip", 3},
	} {
		r := v.Exec(tt.input, strings.Fields(tt.args)...)
		if r.Status != tt.status || !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("exec %q %q: exit status %d, want %d; standard error, want %q in it:\n%s",
				tt.args, tt.input, r.Status, tt.status, tt.want, r.Stderr)
		}
	}
	v.Stop()
	if r := v.Exec("", "show", "version"); r.Status != 5 || r.Stderr == "" {
		t.Errorf("without a router: exit status %d, want 5; standard error %q", r.Status, r.Stderr)
	}
}

// TestWrongFile checks that a faulty file prevents the start: one line per fault with its place, status 1, nothing touched.
func TestWrongFile(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	before := r1.Snapshot()
	path := l.File("wrong.toml", `state_dir = "`+l.Dir+`/state"
[[vrouter]]
group = 0
interface = "eth0"
vip = "192.0.2.100"
priority = 300

[[vrouter]]
group = 7
interface = "eth0"
vip = "192.0.2.333"
speed = 3
`)
	p := l.Start(r1, "wrong", bin, "-m1", "-c", path, "-s", l.Dir+"/wrong.sock")
	if status := p.Wait(5 * time.Second); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	faults := strings.Split(strings.TrimSpace(p.Log()), "\n")
	for _, want := range [][]string{
		{"wrong.toml:3", "group", "0", "1", "255"},
		{"wrong.toml:6", "priority", "300", "1", "254"},
		{"wrong.toml:11", "vip", "192.0.2.333"},
		{"wrong.toml:12", "speed"},
	} {
		found := 0
		for _, line := range faults {
			all := true
			for _, part := range want {
				all = all && strings.Contains(line, part)
			}
			if all {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d lines contain all of %q, want 1", found, want)
		}
	}
	if t.Failed() {
		t.Logf("printed:\n%s", p.Log())
	}
	if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
		t.Errorf("the namespace has changed (-before +after):\n%s", diff)
	}
	for _, left := range []string{"wrong.sock", "state"} {
		if _, err := os.Stat(filepath.Join(l.Dir, left)); err == nil {
			t.Errorf("%s was created", left)
		}
	}
}

// TestCommitThatCannotBeApplied checks a commit that the kernel refuses because a foreign interface
// has the macvlan's name: running configuration, file and kernel do not change.
func TestCommitThatCannotBeApplied(t *testing.T) {
	parallel(t)
	l, wire, v, _ := solo(t, fast)
	r1 := l.Routers[0]
	r1.IP("link add taken0 link eth0 type macvlan mode bridge", "link set taken0 up")
	lab.Until(t, 2*time.Second, "taken0 is settled", func() error {
		if out := r1.Run("ip", "-6", "-o", "addr", "show", "dev", "taken0"); !strings.Contains(out, "fe80:") || strings.Contains(out, "tentative") {
			return errNotYet
		}
		return nil
	})
	file, running, kernel := v.ConfigText(), v.Show("show", "running-config"), r1.Snapshot()
	start := time.Now()
	r := v.Exec(strings.Join([]string{"configure", "interface eth0", "vrrp 52", "vip 192.0.2.101", "iftype macvlan",
		"vifname taken0", "exit", "vrrp 51", "priority 77", "commit", "end"}, "\n") + "\n")
	if r.Status != 3 {
		t.Errorf("exit status %d, want 3\n%s%s", r.Status, r.Stdout, r.Stderr)
	}
	if !strings.Contains(r.Stderr, "taken0") {
		t.Errorf("the error does not name taken0:\n%s", r.Stderr)
	}
	if diff := cmp.Diff(file, v.ConfigText()); diff != "" {
		t.Errorf("the file has changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(running, v.Show("show", "running-config")); diff != "" {
		t.Errorf("the running configuration has changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(kernel, r1.Snapshot()); diff != "" {
		t.Errorf("the kernel has changed (-before +after):\n%s", diff)
	}
	// The router continues as before.
	next := wire.WaitMaster("r1", time.Now(), patience)
	for _, a := range wire.Adverts("r1", start) {
		if a.VRID != vrid || a.Priority == 0 {
			t.Errorf("meanwhile on the wire: %v", a)
		}
	}
	if next.Priority != 100 {
		t.Errorf("after the refused commit on the wire: %v", next)
	}
	v.Stop()
}
