// SPDX-License-Identifier: GPL-3.0-only

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

	"vrrpsh/e2e/lab"
)

// TestTracking makes this router lose Master through a file, a route, a script and interfaces, and become Master again.
// keepalived takes over meanwhile. The test also checks the events that the hook received.
func TestTracking(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	group := lab.Group{VRID: vrid, Version: 3, Interval: 100 * time.Millisecond}
	r1 := l.Routers[0]

	// Programs must belong to root, in directories that no other user may write to.
	dir, err := os.MkdirTemp("/var/lib", "vrrpsh-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("weight", "0\n", 0o644)
	write("check", "#!/bin/sh\nexec test -e "+path("good")+"\n", 0o755)
	write("good", "", 0o644)
	write("hook", "#!/bin/sh\ncat >> "+path("told")+"\n", 0o755)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r1.Run("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.2")
	for _, n := range []string{"0", "1"} {
		r1.IP("link add up"+n+" type veth peer name far"+n, "link set far"+n+" up", "link set up"+n+" up")
	}

	group.Extra = "track = [{ object = \"weight\" }, { object = \"route\", decrement = 150 }, { object = \"check\" }, " +
		"{ object = \"uplink\", decrement = 150 }, { object = \"vital\" }]\n"
	ours := l.VrrpshFile(bin, r1, group.Table(200)+
		fmt.Sprintf("[[track]]\nname = \"weight\"\nfile = %q\n", path("weight"))+
		"[[track]]\nname = \"route\"\nroute = \"198.51.100.0/24\"\n"+
		fmt.Sprintf("[[track]]\nname = \"check\"\nscript = [%q]\ninterval = \"100ms\"\nfall = 1\nrise = 1\n", path("check"))+
		"[[track]]\nname = \"uplink\"\ninterface = \"up0\"\n[[track]]\nname = \"vital\"\ninterface = \"up1\"\n"+
		fmt.Sprintf("[[notify]]\nname = \"hook\"\ncommand = [%q]\nevents = [\"transition\"]\nuser = \"root\"\n", path("hook")))
	group.Extra = ""
	peer := l.Keepalived(l.Routers[1], group)
	start := time.Now()
	peer.SetPriority(100)
	ours.Start()
	ours.WaitReady()
	wire.WaitMaster("r1", start, patience)
	peer.Start()

	for _, change := range []struct {
		name       string
		state      string // state of the virtual router while the object is down
		fail, mend func()
	}{
		{"file", "Backup", func() { write("weight", "-150\n", 0o644) }, func() { write("weight", "0\n", 0o644) }},
		{"route", "Backup", func() { r1.Run("ip", "route", "del", "198.51.100.0/24") },
			func() { r1.Run("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.2") }},
		{"script", "Init", func() { _ = os.Remove(path("good")) }, func() { write("good", "", 0o644) }},
		{"interface with a decrement", "Backup", func() { r1.IP("link set far0 down") }, func() { r1.IP("link set far0 up") }},
		{"interface", "Init", func() { r1.IP("link set up1 down") }, func() { r1.IP("link set up1 up") }},
		{"interface that vanishes", "Init", func() { r1.IP("link del up1") }, func() {
			r1.IP("link add up1 type veth peer name far1", "link set far1 up", "link set up1 up")
		}},
	} {
		since := time.Now()
		wire.WaitMaster("r1", since, patience)
		change.fail()
		wire.WaitMaster("r2", since, patience)
		ours.WaitState(change.state, patience)
		since = time.Now()
		change.mend()
		wire.WaitMaster("r1", since, patience)
		ours.WaitState("Master", patience)
	}
	if out := ours.Show("show", "track"); strings.Count(out, "State is up") != 5 {
		t.Errorf("show track:\n%s", out)
	}

	// The events of the hook, in order: each change from and to Master.
	ours.Stop()
	b, err := os.ReadFile(path("told"))
	if err != nil {
		t.Fatal(err)
	}
	states, last := "", uint64(0)
	for d := json.NewDecoder(strings.NewReader(string(b))); d.More(); {
		var event struct {
			Seq   uint64
			Event string
			To    string
		}
		if err := d.Decode(&event); err != nil {
			t.Fatal(err)
		}
		if event.Seq <= last {
			t.Errorf("event %d after %d", event.Seq, last)
		}
		last = event.Seq
		states += event.To + " "
	}
	want := "Backup Master Backup Master Backup Master Init Backup Master " + // file, route, script
		"Backup Master Init Backup Master Init Backup Master Init " // interfaces, the end
	if states != want {
		t.Errorf("the hook received %q, want %q", states, want)
	}
}
