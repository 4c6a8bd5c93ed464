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
	// orphanLimit is how long it is tried to end what a program has left.
	orphanLimit = time.Second
	orphanPause = time.Millisecond
	// unawaited is how long a process of this user that has ended is left to who may wait for it.
	unawaited = 10 * time.Second
)

// endOrphans ends what programs have started and has lost its parent, and what that has started, but for what is in the process group
// of a program that runs.
func endOrphans() {
	for limit := time.Now().Add(orphanLimit); ; time.Sleep(orphanPause) {
		if !killOrphans() || time.Now().After(limit) {
			return
		}
	}
}

// killOrphans kills the orphans that there are; true: there are more to wait for.
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
		more = more || err == nil // it ends in a moment, or its children are orphans now
		if got == pid {
			delete(family.doomed, pid) // the number may be another's by now
		}
	}
	forget(family.doomed, children)
	forget(family.ended, children)
	return more
}

// forget removes from a map what are no children any more.
func forget[V any](m map[int]V, children []int) {
	for pid := range m {
		if !slices.Contains(children, pid) {
			delete(m, pid)
		}
	}
}

// orphaned tells whether a child of this process was started by a program that it has run. This process runs other commands,
// too: those are this very program, this user's, and in this process group or one of their own.
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
		return true // another user's, which are hidden
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return true
	}
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	switch {
	case err == nil:
		own, err := os.Executable()
		return err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != filepath.Base(own)
	case errors.Is(err, fs.ErrNotExist): // it has ended
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

// childrenOf returns the children of a process; nil where the kernel does not tell.
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
