//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// install puts a copy of the program under test at a path, in place of what is there: another file
// of the same name, as packages do it.
func install(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(bin)
	if err == nil {
		err = os.WriteFile(path+".new", b, 0o755)
	}
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
	pid, since := v.PID(), time.Now()
	if r := v.Run("restart"); r.Status != 0 {
		t.Fatalf("restart: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
	}
	if !v.Running() || v.PID() != pid {
		t.Fatalf("%v does not go on", v.Process)
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

// TestRestart holds that a restart of the Master loses no ping, and that nobody changes state by a restart of the Master
// or of the Backup, whatever the peer is; and that what was taken over is given back in the end.
func TestRestart(t *testing.T) {
	require(t)
	for _, test := range []struct {
		peer  string
		group lab.Group
	}{
		{"keepalived", lab.Group{VRID: vrid, Version: 3, Interval: time.Second}},
		{"keepalived", lab.Group{VRID: vrid, Version: 2, Interval: time.Second, Macvlan: true}},
		{"vrrpsh", lab.Group{VRID: vrid, Version: 3, Interval: time.Second, Macvlan: true}},
	} {
		name := fmt.Sprintf("%s v%d macvlan %t", test.peer, test.group.Version, test.group.Macvlan)
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
			ping := l.Ping(lab.VIP)
			ping.WaitAnswer(time.Now(), patience)
			ours.WaitState("Master", patience)
			wire.WaitMaster("r1", time.Now(), patience)

			settled := time.Now()
			index := l.Routers[0].Run("ip", "-o", "addr", "show", "to", lab.VIP)
			for range 3 {
				install(t, program)
				restart(t, ours)
				wire.WaitMaster("r1", time.Now(), patience)
			}
			exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", ours.PID()))
			if err != nil || exe != program {
				t.Errorf("the process runs %q, want %q (%v)", exe, program, err)
			}
			ping.WaitAnswer(time.Now(), patience)
			if o := ping.Longest(settled); o.Length() > 0 {
				t.Errorf("pings were lost for %v", o.Length())
			}
			if got := l.Routers[0].Run("ip", "-o", "addr", "show", "to", lab.VIP); got != index {
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
			ours.WaitState("Master", 0)

			// What refuses the configuration does not get to run.
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

			// It still takes over, and gives everything back.
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
