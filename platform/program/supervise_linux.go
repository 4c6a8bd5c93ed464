// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// family knows the programs that run. What they have started, and has lost its parent, is this process's to wait for.
var family struct {
	sync.Mutex
	adopts sync.Once
	live   map[int]*controlGroup // programs, by process ID, which is their process group's
	// doomed are children that are known to be none of this process's own, and ended those of this user that have ended and that nobody
	// has waited for, since then.
	doomed map[int]bool
	ended  map[int]time.Time
}

// supervise runs a command to its end, and ends what it has started with it: what is in its process group, in its control
// group where there can be one, and what has lost its parent.
func supervise(command func() *exec.Cmd) error {
	family.adopts.Do(func() {
		family.live, family.doomed, family.ended = make(map[int]*controlGroup), make(map[int]bool), make(map[int]time.Time)
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // without it, what left its process group is lost sight of
	})
	cmd, group, err := start(command)
	if err != nil {
		return err
	}
	pid := cmd.Process.Pid
	await(pid)
	_ = syscall.Kill(-pid, syscall.SIGKILL) // not waited for yet, so that the number is still its own
	group.kill()
	endOrphans()
	err = cmd.Wait()
	family.Lock()
	delete(family.live, pid)
	family.Unlock()
	endOrphans() // of what was killed
	group.remove()
	return err
}

// start starts a command in a control group of its own if it can be.
func start(command func() *exec.Cmd) (*exec.Cmd, *controlGroup, error) {
	family.Lock() // an orphan is a child that is not known
	defer family.Unlock()
	group := newControlGroup()
	cmd := command()
	if group != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.dir.Fd())
	}
	err := cmd.Start()
	if err != nil && group != nil { // the kernel does not do that
		group.remove()
		group, cmd = nil, command()
		err = cmd.Start()
	}
	if err != nil {
		return nil, nil, err
	}
	family.live[cmd.Process.Pid] = group
	return cmd, group, nil
}

// await waits until a child has ended, and leaves it to be waited for.
func await(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}
