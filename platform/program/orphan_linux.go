// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	// unawaited is how long an ended process of this user is left to code that may still wait for it.
	unawaited = 10 * time.Second
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
	children := childrenOf(os.Getpid())
	for _, pid := range children {
		if _, live := family.live[pid]; live || !orphaned(pid) {
			continue
		}
		family.doomed[pid] = true
		_ = syscall.Kill(pid, syscall.SIGKILL)
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		more = more || err == nil // the process ends in a moment, or its children are orphans now
		if got == pid {
			delete(family.doomed, pid) // another process may have this ID by now
		}
	}
	forget(family.doomed, children)
	forget(family.ended, children)
	return more
}

// forget removes the processes from a map that are no longer children.
func forget[V any](m map[int]V, children []int) {
	for pid := range m {
		if !slices.Contains(children, pid) {
			delete(m, pid)
		}
	}
}

// orphaned reports whether a child of this process was started by a program that this process has run. This process also runs other
// commands: they run this same executable, as this user, in this process group or in their own.
func orphaned(pid int) bool {
	group, err := unix.Getpgid(pid)
	_, live := family.live[group]
	switch {
	case family.doomed[pid]:
		return true
	case err != nil:
		return false
	case live:
		return false
	}
	if name := controlGroupOf(pid); name != "" {
		for _, g := range family.live {
			if g != nil && filepath.Base(g.path) == name {
				return false
			}
		}
		return true
	}
	if group != pid && group != unix.Getpgrp() {
		return true
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil {
		return true // a process of another user, which is hidden
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return true
	}
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	switch {
	case err == nil:
		own, err := os.Executable()
		return err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != filepath.Base(own)
	case errors.Is(err, fs.ErrNotExist): // the process has ended
		since, known := family.ended[pid]
		if !known {
			since = time.Now()
			family.ended[pid] = since
		}
		return time.Since(since) > unawaited
	default:
		return true
	}
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
