// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// family holds the running programs. This process must wait for their descendants that have lost their parent.
var family struct {
	sync.Mutex
	adopts sync.Once
	live   map[int]*controlGroup // programs, by process ID, which is also the ID of the process group
	// doomed holds children that this process did not start itself. ended holds ended children of this user that nobody has
	// waited for, with the time at which they were found.
	doomed map[int]bool
	ended  map[int]time.Time
}

// supervise runs a command to its end, and then ends the processes that the command started: those in its process group, those in
// its control group if there is one, and those that have lost their parent.
func supervise(command func() *exec.Cmd) error {
	family.adopts.Do(func() {
		family.live, family.doomed, family.ended = make(map[int]*controlGroup), make(map[int]bool), make(map[int]time.Time)
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // without it, processes that left their process group would not be found
	})
	cmd, group, err := start(command)
	if err != nil {
		return err
	}
	pid := cmd.Process.Pid
	await(pid)
	_ = syscall.Kill(-pid, syscall.SIGKILL) // before Wait, so that no other process can have the ID
	group.kill()
	endOrphans()
	err = cmd.Wait()
	family.Lock()
	delete(family.live, pid)
	family.Unlock()
	endOrphans() // the children of the killed processes
	group.remove()
	return err
}

// start starts a command, if possible in its own control group.
func start(command func() *exec.Cmd) (*exec.Cmd, *controlGroup, error) {
	family.Lock() // otherwise the new child could be taken for an orphan
	defer family.Unlock()
	group := newControlGroup()
	cmd := command()
	if group != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.dir.Fd())
	}
	err := cmd.Start()
	if err != nil && group != nil { // the kernel may not support UseCgroupFD
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

// await waits until a child has ended, but leaves it for a later Wait.
func await(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}
