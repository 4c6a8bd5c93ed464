// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// install replaces the file at a path by a copy of the program under test, as a new file, like package
// managers. Another process writes it: a program that another test starts meanwhile would briefly inherit
// a descriptor open for writing, and such a file cannot be executed.
func install(t *testing.T, path string) {
	t.Helper()
	_, err := exec.Command("cp", bin, path+".new").Output()
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// restart restarts a router and waits until the new process answers.
func restart(t *testing.T, v *lab.Vrrpsh) {
	t.Helper()
	pid, since := 0, time.Now()
	if v.Process != nil { // started by the test
		pid = v.PID()
	}
	if r := v.Run("restart"); r.Status != 0 {
		t.Fatalf("restart: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
	}
	if pid != 0 && (!v.Running() || v.PID() != pid) {
		t.Fatalf("%v has ended", v.Process)
	}
	lab.Until(t, patience, "the new process", func() error {
		var version struct{ Started time.Time }
		r := v.Exec("", "show version | json")
		if err := json.Unmarshal([]byte(r.Stdout), &version); err != nil {
			return fmt.Errorf("%w: %q %q", err, r.Stdout, r.Stderr)
		}
		if version.Started.Before(since) {
			return errNotYet
		}
		return nil
	})
}

// checkSilence checks that no virtual router was silent for longer than its Backup waits, and logs the longest silence.
func checkSilence(t *testing.T, adverts []lab.Advert, limit time.Duration) {
	t.Helper()
	last := make(map[uint8]time.Time)
	var longest time.Duration
	for _, a := range adverts {
		if at, ok := last[a.VRID]; ok {
			longest = max(longest, a.Time.Sub(at))
		}
		last[a.VRID] = a.Time
	}
	t.Logf("the longest time between two adverts of one of %d virtual routers: %v, Master_Down_Interval %v", len(last), longest, limit)
	if longest >= limit {
		t.Errorf("nothing was heard for %v: a Backup takes over after %v", longest, limit)
	}
}

// checkPings checks that every ping since a time was answered.
func checkPings(t *testing.T, ping *lab.Pinger, since time.Time) {
	t.Helper()
	ping.WaitAnswer(time.Now(), patience)
	if n := ping.Lost(since); n > 0 {
		t.Errorf("%d of %d pings were lost; none was answered in time for %v", n, ping.Sent(), ping.Longest(since).Length())
	}
}

// TestRestart checks, with each peer, that a restart of the Master loses no ping, that no router changes state when the Master
// or the Backup restarts, and that a stop afterwards restores the kernel.
func TestRestart(t *testing.T) {
	require(t)
	for _, test := range []struct {
		peer  string
		group lab.Group
	}{
		{"keepalived", lab.Group{VRID: vrid, Version: 3, Interval: time.Second}},
		{"keepalived", lab.Group{VRID: vrid, Version: 2, Interval: time.Second, Macvlan: true, Secret: "sesame"}},
		{"keepalived", lab.Group{VRID: vrid, Version: 3, Interval: time.Second, Macvlan: true, IPv6: true}},
		{"vrrpsh", lab.Group{VRID: vrid, Version: 3, Interval: time.Second, Macvlan: true}},
		{"vrrpsh", lab.Group{VRID: vrid, Version: 3, Interval: time.Second, IPv6: true}},
	} {
		name := fmt.Sprintf("%s v%d IPv6 %t macvlan %t", test.peer, test.group.Version, test.group.IPv6, test.group.Macvlan)
		t.Run(name, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 2)
			wire := l.Capture()
			program := filepath.Join(l.Dir, "vrrpsh")
			install(t, program)
			before := l.Routers[0].Snapshot()
			ours := l.Vrrpsh(program, l.Routers[0], test.group)
			var peer lab.Router = l.Vrrpsh(bin, l.Routers[1], test.group)
			if test.peer == "keepalived" {
				peer = l.Keepalived(l.Routers[1], test.group)
			}
			start := time.Now()
			ours.SetPriority(200)
			peer.SetPriority(100)
			ours.Start()
			peer.Start()
			wire.WaitMaster("r1", start, patience)
			target := lab.VIP
			if test.group.IPv6 {
				target = lab.Far // reached through the link-local virtual address
			}
			ping := l.Ping(target)
			ping.WaitAnswer(time.Now(), patience)
			ours.WaitState("Master", patience)
			wire.WaitMaster("r1", time.Now(), patience)

			settled := time.Now()
			index := l.Routers[0].Run("ip", "-o", "addr", "show", "to", test.group.VIP())
			for range 3 {
				install(t, program)
				restart(t, ours)
				wire.WaitMaster("r1", time.Now(), patience)
			}
			exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", ours.PID()))
			if err != nil || exe != program {
				t.Errorf("the process runs %q, want %q (%v)", exe, program, err)
			}
			checkPings(t, ping, settled)
			if got := l.Routers[0].Run("ip", "-o", "addr", "show", "to", test.group.VIP()); got != index {
				t.Errorf("the address was\n%sand is\n%s", index, got)
			}
			for _, a := range wire.Adverts("r2", settled) {
				t.Errorf("the peer has taken over: %v", a)
			}
			for _, a := range wire.Adverts("r1", settled) {
				if a.Priority != 200 {
					t.Errorf("%v", a)
				}
			}
			checkSilence(t, wire.Adverts("r1", settled), test.group.MasterDown(100))
			ours.WaitState("Master", 0)

			// A program that refuses the configuration does not take over.
			config := ours.ConfigText()
			l.File(filepath.Base(ours.Config), config+"nonsense = 1\n")
			if r := ours.Run("restart"); r.Status != 1 || !strings.Contains(r.Stderr, "nonsense") {
				t.Errorf("with a fault in the file: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
			}
			l.File(filepath.Base(ours.Config), config)

			// The Backup.
			since := time.Now()
			ours.SetPriority(50)
			wire.WaitMaster("r2", since, patience)
			ours.WaitState("Backup", patience)
			wire.WaitMaster("r2", time.Now(), patience)
			settled = time.Now()
			for range 3 {
				restart(t, ours)
			}
			limit := time.Now().Add(test.group.MasterDown(50))
			for seen := settled; seen.Before(limit); {
				seen = wire.WaitMaster("r2", seen.Add(time.Nanosecond), patience).Time
			}
			for _, a := range wire.Adverts("r1", settled) {
				t.Errorf("the Backup has taken over: %v", a)
			}
			ours.WaitState("Backup", 0)

			// It still takes over, and restores everything when it stops.
			since = time.Now()
			peer.Kill()
			wire.WaitMaster("r1", since, patience)
			ours.WaitState("Master", patience)
			restart(t, ours)
			ours.Stop()
			if diff := cmp.Diff(before, l.Routers[0].Snapshot()); diff != "" {
				t.Errorf("the namespace after a clean stop (-before +after):\n%s", diff)
			}
		})
	}
}

// TestRestartMany checks the same for 250 virtual routers, while a commit waits for its confirmation, and what
// attached users see.
func TestRestartMany(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	group := lab.Group{VRID: vrid, Version: 3, Interval: time.Second}
	tables := func(priority int) string {
		var b strings.Builder
		b.WriteString(group.Table(uint8(priority)))
		for n := 1; n <= 250; n++ {
			if n == vrid {
				continue
			}
			fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\npriority = %d\nvip = \"10.1.0.%d/16\"\n", n, priority, n)
			if n%2 == 0 {
				b.WriteString("iftype = \"macvlan\"\n")
			}
		}
		return b.String()
	}
	ours := l.VrrpshFile(bin, l.Routers[0], tables(200))
	peer := l.VrrpshFile(bin, l.Routers[1], tables(100))
	count := func(v *lab.Vrrpsh, state string) {
		t.Helper()
		lab.Until(t, 2*patience, v.Name+" has 250 times "+state, func() error {
			all, err := v.TryStatus()
			n := 0
			for _, s := range all {
				if s.State == state {
					n++
				}
			}
			if n != 250 {
				return errors.Join(fmt.Errorf("%d of %d", n, len(all)), err)
			}
			return nil
		})
	}
	ours.Start()
	count(ours, "Master")
	peer.Start()
	count(peer, "Backup")
	ping := l.Ping(lab.VIP)
	ping.WaitAnswer(time.Now(), patience)

	settled := time.Now()
	ours.Script("configure", "interface eth0 vrrp 51 description provisional", "commit confirmed 10", "end")
	attached := onTerminal(t, l.Routers[0].Command(t.Context(), bin, "-s", ours.Socket))
	attached.shows("#")
	restart(t, ours)
	attached.shows("the router is restarting: connect again")
	attached.ends(5)
	if out := ours.Show("show", "commit"); !strings.Contains(out, "confirm") {
		t.Errorf("after the restart no commit waits for its confirmation:\n%s", out)
	}
	ours.Script("configure", "commit", "end")
	if out := ours.Show("show", "running-config"); !strings.Contains(out, "provisional") {
		t.Errorf("the confirmed commit is not in\n%s", out)
	}
	restart(t, peer)
	restart(t, ours)
	// Long enough for a Backup that does not hear the Master to take over.
	limit := time.Now().Add(group.MasterDown(100))
	for seen := settled; seen.Before(limit); {
		seen = wire.WaitMaster("r1", seen.Add(time.Nanosecond), patience).Time
	}
	checkPings(t, ping, settled)
	if taken := wire.Adverts("r2", settled); len(taken) > 0 {
		t.Errorf("the peer has taken over: %d adverts, the first %v", len(taken), taken[0])
	}
	checkSilence(t, wire.Adverts("r1", settled), group.MasterDown(100))
	count(ours, "Master")
	count(peer, "Backup")
}

// TestRestartWithKernelWork restarts a router just after it became Master, while 250 macvlans are still being installed: adverts
// continue meanwhile, and the Backup takes nothing over.
func TestRestartWithKernelWork(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	const interval = 200 * time.Millisecond
	tables := func(priority int) string {
		var b strings.Builder
		for n := 1; n <= 250; n++ {
			fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\npriority = %d\nvip = \"10.1.0.%d/16\"\niftype = \"macvlan\"\n"+
				"advertise_interval = %q\npreemption = true\n", n, priority, n, interval)
		}
		return b.String()
	}
	ours, peer := l.VrrpshFile(bin, l.Routers[0], tables(200)), l.VrrpshFile(bin, l.Routers[1], tables(100))
	masters := func(v *lab.Vrrpsh) int {
		all, err := v.TryStatus()
		if err != nil {
			return -1
		}
		n := 0
		for _, s := range all {
			if s.State == "Master" {
				n++
			}
		}
		return n
	}
	until := func(v *lab.Vrrpsh, want int) {
		t.Helper()
		lab.Until(t, 2*patience, fmt.Sprintf("%s is Master of %d", v.Name, want), func() error {
			if n := masters(v); n != want {
				return fmt.Errorf("it is Master of %d", n)
			}
			return nil
		})
	}
	peer.Start()
	until(peer, 250)
	ours.Start()
	until(ours, 250)
	since := time.Now()
	restart(t, ours)
	until(ours, 250)
	until(peer, 0)
	wire.WaitMaster("r1", time.Now().Add(10*interval), patience)
	adverts := wire.Adverts("r1", since)
	checkSilence(t, adverts, lab.Group{Version: 3, Interval: interval}.MasterDown(100))
	for _, a := range wire.Adverts("r2", since.Add(interval)) {
		t.Fatalf("the peer has taken over: %v", a)
	}
}

// TestRestartDaemon covers the process: the PID file, the messages to a service manager and bad releases. None of that
// affects the virtual routers.
func TestRestartDaemon(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	r1 := l.Routers[0]
	path := func(name string) string { return filepath.Join(l.Dir, name) }
	program, pidFile := path("vrrpsh"), path("router.pid")
	install(t, program)
	unfit := path("unfit")
	if out, err := exec.Command("go", "build", "-o", unfit, "./testdata/unfit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	hears := func(want ...string) {
		t.Helper()
		for len(want) > 0 {
			b := make([]byte, 1000)
			_ = manager.SetReadDeadline(time.Now().Add(patience))
			n, err := manager.Read(b)
			switch got := string(b[:n]); {
			case err != nil:
				t.Fatalf("the service manager does not receive %q: %v", want, err)
			case got == "WATCHDOG=1" && want[0] != got: // may come at any time
			case !strings.HasPrefix(got, want[0]):
				t.Fatalf("the service manager receives %q, want %q", got, want[0])
			default:
				want = want[1:]
			}
		}
	}
	group := lab.Group{VRID: vrid, Version: 3, Interval: time.Second}
	config := l.File("r1.toml", fmt.Sprintf("pid = %q\nmain_log = %q\nworking_dir = %q\nstate_dir = %q\ncontrol_socket = %q\n[api]\nhost = \"127.0.0.1:7080\"\n%s",
		pidFile, path("main.log"), path("work"), path("state"), path("r1.sock"), group.Table(200)))
	v := l.VrrpshAt(program, r1, path("r1.sock"))
	r1.Run("env", "NOTIFY_SOCKET="+path("notify"), "WATCHDOG_USEC=3000000", program, "-m2", "-c", config)
	hears("READY=1", "WATCHDOG=1")
	file := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	was := file(pidFile)
	pid, err := strconv.Atoi(strings.TrimSpace(was))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	v.WaitState("Master", patience)
	peer := l.Vrrpsh(bin, l.Routers[1], group)
	peer.Start()
	peer.WaitState("Backup", patience)
	ping := l.Ping(lab.VIP)
	ping.WaitAnswer(time.Now(), patience)

	// Another process waits for a moment in which the PID file is not locked.
	l.Start(r1, "nobody", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "flock", "--exclusive", pidFile, "sleep", "1000")
	lab.Until(t, patience, "another process has locked the PID file, or waits for it", func() error {
		locks, err := os.ReadFile("/proc/locks")
		if err == nil && !strings.Contains(string(locks), inodeOf(t, pidFile)) {
			err = errNotYet
		}
		return err
	})

	settled := time.Now()
	replace := func(text string) {
		t.Helper()
		err := os.WriteFile(program+".new", []byte(text), 0o755)
		if err == nil {
			err = os.Rename(program+".new", program)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tell := l.VrrpshAt(bin, r1, path("r1.sock")) // the installed program may not run
	for _, step := range []struct {
		what, program string
		status        int
		says, log     string // texts in the output of the command and in the log
		hears         []string
	}{
		{"a new release", "", 0, "Restarting as vrrpsh", "router restarts", []string{"RELOADING=1\nMONOTONIC_USEC=", "READY=1", "WATCHDOG=1"}},
		{"one that does not run here", "#!/bin/sh\necho no such machine >&2\nexit 3\n", 1, "no such machine", "", nil},
		{"one that is gone when it is needed", "#!/bin/sh\ncase $1 in check) rm $0 ;; *) echo release 2 ;; esac\n", 0, "Restarting as release 2",
			"restart failed: this process keeps running", []string{"RELOADING=1", "READY=1"}},
		{"one that cannot take over", file(unfit), 0, "Restarting as vrrpsh unfit",
			"the installed release cannot take over: the previous release keeps running\" error=\"it is unfit\"", []string{"RELOADING=1", "READY=1"}},
		{"the next one, from there", "", 0, "Restarting as vrrpsh", "", []string{"RELOADING=1", "READY=1"}},
	} {
		if step.program == "" {
			install(t, program)
		} else {
			replace(step.program)
		}
		r := tell.Run("restart")
		if r.Status != step.status || !strings.Contains(r.Stdout+r.Stderr, step.says) {
			t.Fatalf("%s: exit status %d\n%s%s", step.what, r.Status, r.Stdout, r.Stderr)
		}
		hears(step.hears...)
		tell.WaitState("Master", patience)
		if text := file(path("main.log")); !strings.Contains(text, step.log) {
			t.Errorf("%s: the log says\n%s", step.what, text)
		}
		if now := file(pidFile); now != was {
			t.Errorf("%s: the PID file has %q, want %q", step.what, now, was)
		}
		if out, err := r1.Try(bin, "-m2", "-c", config); err == nil || !strings.Contains(out+err.Error(), "another router is running with process ID "+strings.TrimSpace(was)) {
			t.Errorf("%s: a second router: %v\n%s", step.what, err, out)
		}
	}
	// A listener that cannot be opened must not end Master.
	var taken net.Listener
	err = r1.Do(func() (err error) { taken, err = net.Listen("tcp", "127.0.0.1:7081"); return err })
	if err != nil {
		t.Fatal(err)
	}
	l.File("r1.toml", strings.Replace(file(config), "7080", "7081", 1))
	if r := tell.Run("restart"); r.Status != 0 {
		t.Errorf("restart with a listener that cannot be opened: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
	}
	tell.WaitState("Master", patience)
	if text := file(path("main.log")); !strings.Contains(text, "part of the configuration is not in effect, but the virtual routers run") {
		t.Errorf("the log says\n%s", text)
	}
	hears("RELOADING=1", "READY=1")
	_ = taken.Close()
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, patience, "the API listens", func() error {
		_, err := r1.Try("curl", "-s", "http://127.0.0.1:7081/")
		return err
	})
	checkPings(t, ping, settled)
	for _, a := range wire.Adverts("r2", settled) {
		t.Errorf("the peer has taken over: %v", a)
	}
	checkSilence(t, wire.Adverts("r1", settled), group.MasterDown(100))
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
	lab.Until(t, patience, "the PID file is removed", func() error {
		if _, err := os.Stat(pidFile); err == nil {
			return errNotYet
		}
		return nil
	})
}

// inodeOf returns the identity of a file in the format of /proc/locks.
func inodeOf(t *testing.T, path string) string {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(":%d ", fi.Sys().(*syscall.Stat_t).Ino)
}

// TestRestartConsole checks that a user who restarts the router at its console gets the console of the new process in the same
// terminal.
func TestRestartConsole(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	v := l.VrrpshFile(bin, r1, lab.Group{VRID: vrid, Version: 3, Interval: time.Second}.Table(200))
	c := onTerminal(t, r1.Command(t.Context(), bin, "-m1", "-c", v.Config, "-s", v.Socket))
	c.shows("r1#")
	v.WaitState("Master", patience)
	ping := l.Ping(lab.VIP)
	ping.WaitAnswer(time.Now(), patience)
	settled := time.Now()
	c.types("configure\r")
	c.shows("r1(config)#")
	c.types("do restart\r")
	c.shows("1 session, 0 with uncommitted changes, will end. Proceed? [no] ")
	c.types("yes\r")
	c.shows("Restarting as vrrpsh")
	c.shows("r1#") // the candidate of the new process
	c.types("show vrrp brief\r")
	c.shows("MASTER")
	restart(t, v) // by another user
	c.types("show history commits\r")
	c.shows("r1#")
	c.types("shutdown router\r")
	c.shows("1 virtual router will give up Master.")
	checkPings(t, ping, settled)
	c.types("yes\r")
	c.ends(0)
}

// TestConsoleHangup: a console whose terminal goes, as with a lost SSH connection, does not take the router with it.
func TestConsoleHangup(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	v := l.VrrpshFile(bin, r1, lab.Group{VRID: vrid, Version: 3, Interval: time.Second}.Table(200))
	cmd := r1.Command(t.Context(), bin, "-m1", "-c", v.Config, "-s", v.Socket)
	cmd.SysProcAttr = nil // belongs to the terminal's session
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var shown strings.Builder
	for b := make([]byte, 4096); !strings.Contains(shown.String(), "r1#"); {
		n, err := terminal.Read(b)
		if err != nil {
			t.Fatalf("%v after %q", err, shown.String())
		}
		shown.Write(b[:n])
	}
	_ = terminal.Close() // nothing reads it, or it would stay open
	lab.Until(t, patience, "the router runs without a console", func() error {
		if out := v.Show("show", "logging"); !strings.Contains(out, "the router runs without a console") {
			return errors.New(out)
		}
		return nil
	})
	v.WaitState("Master", patience)
	if out := v.Show("show", "sessions"); strings.Contains(out, "console") {
		t.Errorf("the console's session is still there:\n%s", out)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the router ends with %v", err)
	}
}

// TestRestartGivesUp checks that a restart that fails after the point of no return does not leave the addresses of a dead
// router on the host: faults outside the virtual routers do not end them, and a router that cannot continue removes everything.
func TestRestartGivesUp(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	before := r1.Snapshot()
	path := func(name string) string { return filepath.Join(l.Dir, name) }
	program, config := path("vrrpsh"), path("r1.toml")
	group := lab.Group{VRID: vrid, Version: 3, Interval: 100 * time.Millisecond, Macvlan: true}
	general := func(pid, work, log, socket string) {
		t.Helper()
		l.File("r1.toml", fmt.Sprintf("pid = %q\nworking_dir = %q\nmain_log = %q\ncontrol_socket = %q\nstate_dir = %q\n%s",
			pid, work, log, socket, path("state"), group.Table(200)))
	}
	general(path("r1.pid"), path("work"), path("main.log"), path("r1.sock"))
	install(t, program)
	r1.Run(program, "-m2", "-c", config)
	b, err := os.ReadFile(path("r1.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	v := l.VrrpshAt(program, r1, path("r1.sock"))
	v.WaitState("Master", patience)

	general("/proc/no/r1.pid", "/proc/no", "/proc/no/main.log", "/proc/no/r1.sock")
	restart(t, v)
	v.WaitState("Master", patience)
	if out := r1.Run("ip", "-o", "addr", "show", "to", lab.VIP); !strings.Contains(out, lab.VIP) {
		t.Errorf("addresses: %s", out)
	}

	// The file is damaged after the installed release has accepted it: neither that release nor the previous one can read it.
	release := path("release")
	install(t, release)
	script := fmt.Sprintf("#!/bin/sh\ncase $1 in check) echo nonsense >>%s ;; version) echo release 2 ;; *) exec %s \"$@\" ;; esac\n", config, release)
	err = errors.Join(os.WriteFile(program+".new", []byte(script), 0o755), os.Rename(program+".new", program))
	if err != nil {
		t.Fatal(err)
	}
	tell := l.VrrpshAt(bin, r1, path("r1.sock"))
	if r := tell.Run("restart"); !strings.Contains(r.Stdout, "Restarting as release 2") {
		t.Fatalf("restart: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
	}
	lab.Until(t, patience, "the process ends", func() error {
		if syscall.Kill(pid, 0) == nil {
			return errNotYet
		}
		return nil
	})
	if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
		t.Errorf("the namespace afterwards (-before +after):\n%s", diff)
	}
	// And the next start succeeds.
	general(path("r1.pid"), path("work"), path("main.log"), path("r1.sock"))
	next := l.VrrpshFile(bin, r1, group.Table(200))
	next.Start()
	next.WaitState("Master", patience)
}
