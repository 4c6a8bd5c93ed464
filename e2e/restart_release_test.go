// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// firstRelease is the last commit whose hand-overs do not name the releases that understand them, and that cannot be asked whether it
// understands one.
const firstRelease = "8ca10e6291821530d6bb93d4c62e6f1bb6e9d90a"

// buildCommit returns a program built from a commit of this repository. It is built once and kept beside Go's build cache.
func buildCommit(t *testing.T, dir, commit string) string {
	t.Helper()
	kept := dir
	if caches, err := os.UserCacheDir(); err == nil {
		kept = filepath.Join(caches, "vrrpsh-e2e")
	}
	program := filepath.Join(kept, "vrrpsh-"+commit+"-"+runtime.GOARCH)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	must := func(what string, cmd *exec.Cmd) []byte {
		t.Helper()
		out, err := cmd.Output()
		if err != nil {
			if exit := new(exec.ExitError); errors.As(err, &exit) {
				err = fmt.Errorf("%w\n%s", err, exit.Stderr)
			}
			t.Fatalf("%s the commit %s: %v", what, commit, err)
		}
		return out
	}
	src := filepath.Join(dir, "src")
	if err := errors.Join(os.Mkdir(src, 0o755), os.MkdirAll(kept, 0o755)); err != nil {
		t.Fatal(err)
	}
	// As root git only trusts repositories that belong to root.
	unpack := exec.Command("tar", "-x", "-C", src)
	unpack.Stdin = bytes.NewReader(must("this needs git and a clone with all of its history, which has",
		exec.Command("git", "-c", "safe.directory=*", "-C", "..", "archive", "--format=tar", commit)))
	must("unpack", unpack)
	build := exec.Command("go", "build", "-ldflags", "-X main.version=1.0", "-o", filepath.Join(dir, "first"), ".")
	build.Dir = src
	must("build", build)
	temporary := fmt.Sprintf("%s.%d", program, os.Getpid())
	must("keep", exec.Command("cp", filepath.Join(dir, "first"), temporary))
	if err := os.Rename(temporary, program); err != nil {
		t.Fatal(err)
	}
	return program
}

// releaseTables are virtual routers of all kinds.
const releaseTables = `
[[track]]
name = "lo"
interface = "lo"

[[track]]
name = "net"
route = "192.0.2.0/24"

[[track]]
name = "check"
script = ["/bin/false"]

[[notify]]
command = ["/bin/true"]

[[vrouter]]
group = 51
interface = "eth0"
vip = "192.0.2.100"
version = 3
priority = %[1]d
preemption = true
track = [{ object = "lo", decrement = 10 }, { object = "check", decrement = 1 }]

[[vrouter]]
group = 52
interface = "eth0"
vips = ["2001:db8::100", "fe80::100"]
iftype = "macvlan"
priority = %[1]d
preemption = true

[[vrouter]]
group = 53
interface = "eth0"
vip = "192.0.2.103"
iftype = "macvlan"
vifname = "vrrp3"
auth_type = "p1-t8-shake256"
auth_secret = "sesame"
priority = %[1]d
preemption = true
accept_mode = false

[[vrouter]]
group = 54
interface = "eth0"
vip = "192.0.2.104"
priority = %[2]d
preemption = true
track = [{ object = "net", decrement = 1 }]

[[vrouter]]
group = 55
interface = "eth0"
vip = "192.0.2.105"
version = 3
priority = %[1]d
preemption = true
unicast_peers = ["%[3]s"]
`

const releaseRoute = `
[[protocols.static]]
route = "198.51.100.0/24"
nh = "192.0.2.10"
`

// TestRestartFromTheFirstRelease checks that this release replaces the first one without a lost ping or a transition, with a
// commit that waits for its confirmation; that the first release does not replace this one, since it cannot be asked whether it
// understands the hand-over; that the first release continues when another one cannot understand its hand-over; and that it
// understands the state that this one would hand back.
func TestRestartFromTheFirstRelease(t *testing.T) {
	require(t)
	parallel(t)
	l := lab.New(t, 2)
	first := buildCommit(t, l.Dir, firstRelease)
	this := strings.TrimSpace(l.Routers[0].Run(bin, "version"))
	wire := l.Capture()
	before := l.Routers[0].Snapshot()
	program := filepath.Join(l.Dir, "vrrpsh")
	put := func(source string) {
		t.Helper()
		if out, err := exec.Command("cp", source, program+".new").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := os.Rename(program+".new", program); err != nil {
			t.Fatal(err)
		}
	}
	script := func(name, text string) string {
		path := l.File(name, "#!/bin/sh\n"+text)
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put(first)
	ours := l.VrrpshFile(program, l.Routers[0], fmt.Sprintf(releaseTables, 200, 90, "192.0.2.2")+releaseRoute)
	peer := l.VrrpshFile(bin, l.Routers[1], fmt.Sprintf(releaseTables, 100, 110, "192.0.2.1"))
	tell := l.VrrpshAt(bin, l.Routers[0], ours.Socket) // the installed program is not always a vrrpsh
	ours.Start()
	ours.WaitReady()
	peer.Start()
	checkStates := func(when string) {
		t.Helper()
		lab.Until(t, patience, when+": Master of all but group 54", func() error {
			all, err := ours.TryStatus()
			if err != nil {
				return err
			}
			for _, s := range all {
				if (s.State == "Master") == (s.Group == 54) || s.State == "Init" {
					return fmt.Errorf("%+v", all)
				}
			}
			return nil
		})
	}
	checkStates("at first")
	wire.WaitMaster("r2", time.Now(), patience) // of 54
	pings := []*lab.Pinger{l.Ping(lab.VIP), l.Ping(lab.Far)}
	for _, p := range pings {
		p.WaitAnswer(time.Now(), patience)
	}
	checkStates("before the restarts")
	tell.Script("configure", "interface eth0 vrrp 51 description provisional", "commit confirmed 10", "end")
	settled, pid := time.Now(), ours.PID()
	told := known(t, tell)

	restarts := func(when, source string) {
		t.Helper()
		put(source)
		since := time.Now()
		if r := tell.Run("restart"); r.Status != 0 {
			t.Fatalf("%s: exit status %d\n%s%s", when, r.Status, r.Stdout, r.Stderr)
		}
		lab.Until(t, patience, when+": an advert and the API", func() error {
			for _, a := range wire.Adverts("r1", since) {
				if a.VRID == vrid {
					_, err := ours.TryStatus()
					return err
				}
			}
			return errNotYet
		})
		checkStates(when)
		if !ours.Running() || ours.PID() != pid {
			t.Fatalf("%s: process %d has ended", when, pid)
		}
		if diff := cmp.Diff(told, known(t, tell)); diff != "" {
			t.Errorf("%s: history (-before +after):\n%s", when, diff)
		}
	}
	runs := func(when, want string) {
		t.Helper()
		if got := tell.Show("show", "version"); !strings.Contains(got, want+"\n") {
			t.Errorf("%s: it runs\n%s", when, got)
		}
	}

	// installed returns a release that claims to be able to take over, and then runs another program with the hand-over changed by a sed script.
	installed := func(edit, program string) string {
		return script("installed", strings.NewReplacer("COPY", filepath.Join(l.Dir, "document"), "EDIT", edit, "PROGRAM", program).Replace(
			`case $1 in version) echo vrrpsh 9 ;; check*) ;; *)
fds=${VRRPSH_SUCCESSOR#* }
document=/proc/self/fd/${fds% *}
sed 'EDIT' $document >COPY
cat COPY >$document
exec PROGRAM "$@" ;; esac
`))
	}

	runs("at first", "vrrpsh 1.0")
	restarts("the first release to one that does not understand the hand-over", installed(`s/^{/{"Nonsense":1,/`, bin))
	runs("given back", "vrrpsh 1.0")
	if text := ours.Log(); !strings.Contains(text, `unknown field \"Nonsense\"`) {
		t.Errorf("the log says\n%s", text)
	}
	restarts("the first release to this one", bin)
	runs("after that", this)
	if out := tell.Show("show", "commit"); !strings.Contains(out, "confirm") {
		t.Errorf("no commit waits for its confirmation:\n%s", out)
	}
	tell.Script("confirm")

	put(first)
	const refused = `% The router was not restarted: vrrpsh 1.0 cannot take over from this release ` +
		`(vrrpsh: unknown command "check-handover" for "vrrpsh"): to run it, stop the router and start it again, which is a failover`
	if r := tell.Run("restart"); r.Status != 1 || strings.TrimSpace(r.Stdout+r.Stderr) != refused {
		t.Errorf("this release to the first: exit status %d\n%s%s", r.Status, r.Stdout, r.Stderr)
	}
	checkStates("refused")
	runs("refused", this)

	for _, p := range pings {
		checkPings(t, p, settled)
	}
	// The first release gets the hand-over of this one, as when this one cannot continue and hands back. It removes addresses with
	// the prefix length of the host before it adds its own, so that a ping in those milliseconds may be lost.
	restarts("back to the first release", installed("", first))
	runs("given back", "vrrpsh 1.0")
	if text := ours.Log(); strings.Contains(text, "starting anew") {
		t.Errorf("the log says\n%s", text)
	}
	back := time.Now()
	restarts("once more to this one", bin)

	// Long enough for a Backup that does not hear the Master to take over.
	limit := time.Now().Add(4 * time.Second)
	for seen := settled; seen.Before(limit); {
		seen = wire.WaitMaster("r2", seen.Add(time.Nanosecond), patience).Time
	}
	checkStates("in the end")
	for _, p := range pings {
		checkPings(t, p, back)
	}
	for _, a := range wire.Adverts("r1", settled) {
		if a.VRID == 54 || a.Priority == 0 {
			t.Errorf("%v", a)
		}
	}
	for _, a := range wire.Adverts("r2", settled) {
		if a.VRID != 54 {
			t.Errorf("the peer has taken over: %v", a)
		}
	}
	checkSilence(t, wire.Adverts("r1", settled), 3*time.Second)
	ours.Stop()
	if diff := cmp.Diff(before, l.Routers[0].Snapshot()); diff != "" {
		t.Errorf("the namespace after a clean stop (-before +after):\n%s", diff)
	}
}

// known returns the part of a router's history that no restart changes: the transitions of each virtual router.
func known(t *testing.T, v *lab.Vrrpsh) map[string]any {
	t.Helper()
	var groups []struct {
		Group       int
		Cause       string
		Since       string
		Transitions any
		Statistics  struct {
			Since  string
			Became int            `json:"became_master"`
			By     map[string]int `json:"transitions"`
		}
	}
	if err := json.Unmarshal([]byte(v.Show("show", "vrrp", "|", "json")), &groups); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]any)
	for _, g := range groups {
		all[fmt.Sprint(g.Group)] = g
	}
	if len(all) != 5 {
		t.Fatalf("%d virtual routers", len(all))
	}
	return all
}
