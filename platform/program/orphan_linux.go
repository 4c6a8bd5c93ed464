// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// orphanLimit is how long the router tries to end the processes that a program left behind.
	orphanLimit = time.Second
	orphanPause = time.Millisecond
)

// endOrphans ends the descendants of programs that have lost their parent, and their descendants, except those in the process
// group of a running program.
func endOrphans() {
	for limit := time.Now().Add(orphanLimit); ; time.Sleep(orphanPause) {
		if !killOrphans() || time.Now().After(limit) {
			return
		}
	}
}

// killOrphans kills the present orphans. more means that there are others to wait for.
func killOrphans() (more bool) {
	family.Lock()
	defer family.Unlock()
	for _, pid := range childrenOf(os.Getpid()) {
		if _, live := family.live[pid]; live || !orphaned(pid) {
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		more = more || err == nil // the process ends in a moment, or its children are orphans now
	}
	return more
}

// orphaned reports whether a child that this process has not started itself belongs to no running program.
func orphaned(pid int) bool {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return false
	}
	if _, live := family.live[group]; live {
		return false
	}
	if name := controlGroupOf(pid); name != "" {
		for _, g := range family.live {
			if g != nil && filepath.Base(g.path) == name {
				return false
			}
		}
	}
	return true
}

// childrenOf returns the children of a process; nil if the kernel does not list them.
func childrenOf(pid int) []int {
	lists, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		return nil
	}
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}
