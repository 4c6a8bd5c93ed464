// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// comparison is the maximum time that the kernel state may be wrong: see "Repair" in docs/operations.md.
const comparison = 31 * time.Second

// failing runs a program under strace, which makes system calls fail.
func failing(inject string) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		at := slices.Index(c.Args, bin)
		name, _, _ := strings.Cut(inject, ":")
		// -D: the program stays the child.
		c.Args = slices.Insert(c.Args, at, "strace", "-D", "-qq", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace="+name, "-e", "inject="+inject)
	}
}

// TestRequestsToTheKernelFail makes requests to the kernel fail (those of netlink use sendto) at various points in the life of a
// router: the kernel state always becomes what the router shows, and nothing is left at the end.
func TestRequestsToTheKernelFail(t *testing.T) {
	require(t)
	// A request that fails once is sent again at once; that does not help if several fail in a row. strace counts per thread.
	for _, when := range []string{"1", "3", "10", "1..3", "2..4", "3..6", "4..7", "5..8", "6..9", "8..11", "10..13", "13..16", "17..20"} {
		t.Run("the requests "+when, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 2)
			r1, r2 := l.Routers[0], l.Routers[1]
			before := r1.Snapshot()
			vips := map[string]string{lab.VIP: "eth0", "192.0.2.102": "standby52", "203.0.113.103": "eth0"}
			tables := func(priority int) string {
				var b strings.Builder
				for n, iftype := range []string{ether, macvlan, ether} {
					vip := []string{lab.VIP, "192.0.2.102", "203.0.113.103/24"}[n]
					fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\npriority = %d\npreemption = true\n"+
						"advertise_interval = \"200ms\"\niftype = %q\nvip = %q\n", 51+n, priority, iftype, vip)
				}
				return b.String()
			}
			ours, peer := l.VrrpshFile(bin, r1, tables(200)), l.VrrpshFile(bin, r2, tables(100))
			// has waits until r1 has all virtual addresses, or none.
			has := func(when string, all bool) {
				t.Helper()
				start := time.Now()
				lab.Until(t, comparison, fmt.Sprintf("%s: r1 has all virtual addresses: %t", when, all), func() error {
					for vip, vif := range vips {
						if on := r1.Holds(vip); on != vif && all || on != "" && !all {
							return fmt.Errorf("%s is on %q", vip, on)
						}
						if on := r2.Holds(vip); on == "" && !all {
							return fmt.Errorf("r2 has no %s", vip)
						}
					}
					return nil
				})
				if took := time.Since(start); took > 5*time.Second {
					t.Logf("%s: after %v", when, took.Round(time.Millisecond))
				}
			}
			// commit may be refused at most once, with an error message.
			commit := func(lines ...string) {
				t.Helper()
				script := strings.Join(append(append([]string{"configure"}, lines...), "commit", "end"), "\n") + "\n"
				for attempt := 1; ; attempt++ {
					r := ours.Exec(script)
					if r.Status == 0 {
						return
					}
					t.Logf("%q: %s%s", lines, r.Stdout, r.Stderr)
					if attempt == 2 {
						t.Fatalf("%q was refused again", lines)
					}
				}
			}
			priorities := func(priority int) (lines []string) {
				for group := 51; group <= 53; group++ {
					lines = append(lines, fmt.Sprintf("interface eth0 vrrp %d priority %d", group, priority))
				}
				return lines
			}
			ready := func() error {
				_, err := ours.TryStatus()
				return err
			}

			peer.Start()
			lab.Until(t, patience, "the peer answers", func() error { _, err := peer.TryStatus(); return err })
			ours.StartWith(failing("sendto:error=ENOBUFS:when=" + when))
			lab.Until(t, patience, "r1 answers, or reports that it cannot start", func() error {
				if !ours.Running() {
					return nil
				}
				return ready()
			})
			if !ours.Running() {
				if status := ours.Wait(patience); status == 0 || !strings.Contains(ours.Log(), "no buffer space available") {
					t.Errorf("it ended at the start with exit status %d:\n%s", status, ours.Log())
				}
				t.Log("it did not start")
				ours.Start()
				lab.Until(t, patience, "r1 answers", ready)
			}
			has("at the start", true)
			commit(priorities(50)...)
			has("with another priority", false)
			commit("interface eth0 vrrp 54 vip 192.0.2.104", "interface eth0 vrrp 54 iftype macvlan")
			commit("interface eth0", "no vrrp 54")
			commit(priorities(200)...)
			has("with the former priority", true)
			restart(t, ours)
			has("after a restart", true)
			lab.Until(t, comparison, "the route to the subnet is there", func() error {
				if routes := r1.Run("ip", "route", "show", "proto", "112"); !strings.Contains(routes, "203.0.113.0/24 dev eth0") {
					return fmt.Errorf("the routes are\n%s", routes)
				}
				return nil
			})
			lab.Until(t, comparison, "nothing is left of group 54", func() error {
				if links := strings.Join(r1.Links(), " "); strings.Contains(links, "standby54") {
					return errors.New(links)
				}
				return nil
			})
			ours.Signal(syscall.SIGTERM)
			status := ours.Wait(20 * time.Second)
			if diff := cmp.Diff(before, r1.Snapshot()); diff != "" || status != 0 {
				t.Errorf("exit status %d; the namespace after the stop (-before +after):\n%s", status, diff)
			}
		})
	}
}

// TestStopThatCannotRemove checks that a router that cannot remove its kernel state reports it, in the log and by its exit status, and
// that the next start removes it.
func TestStopThatCannotRemove(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	before := r1.Snapshot()
	group := fast
	group.Macvlan = true
	v := l.VrrpshFile(bin, r1, group.Table(200))
	v.Start()
	v.WaitState("Master", patience)
	lab.Until(t, patience, "the address is there", func() error {
		if r1.Holds(lab.VIP) == "" {
			return errNotYet
		}
		return nil
	})
	tracer := l.Start(r1, "strace", "strace", "-qq", "-f", "-p", strconv.Itoa(v.PID()), "-o", "/dev/null", "-e", "trace=sendto", "-e", "inject=sendto:error=ENOBUFS")
	lab.Until(t, patience, "it is traced", func() error {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.PID()))
		if err == nil && strings.Contains(string(status), "TracerPid:\t0\n") {
			err = errNotYet
		}
		return err
	})
	v.Signal(syscall.SIGTERM)
	if status := v.Wait(20 * time.Second); status != 1 || !strings.Contains(v.Log(), "vrrpsh: stop: ") || !strings.Contains(v.Log(), "IPv4 virtual router 51 on eth0") {
		t.Errorf("exit status %d, and the log says\n%s", status, v.Log())
	}
	tracer.Wait(patience)
	if r1.Holds(lab.VIP) == "" {
		t.Error("the address is gone, so nothing was tested")
	}
	v.Start()
	v.WaitState("Master", patience)
	v.Stop()
	if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
		t.Errorf("the namespace after a clean stop (-before +after):\n%s", diff)
	}
}
