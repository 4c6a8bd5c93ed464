// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// family holds the children that this process has started. This process must wait for their descendants that have lost their parent.
var family = struct {
	sync.Mutex
	adopts sync.Once
	live   map[int]*controlGroup // by process ID; for programs, this is also the ID of their process group
}{live: make(map[int]*controlGroup)}

// supervise runs a command to its end, and then ends the processes that the command started: those in its process group, those in
// its control group if there is one, and those that have lost their parent.
func supervise(command func() *exec.Cmd) error {
	family.adopts.Do(func() {
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
	leave(pid)
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

// leave removes a child that has ended and that this process has waited for.
func leave(pid int) {
	family.Lock()
	defer family.Unlock()
	delete(family.live, pid)
}

// Start starts a child of this process that is not a program. Otherwise the child would be killed at the end of any program, as
// something that a program has left behind. start starts the child and returns its process ID. The caller calls ended when it has
// waited for the child.
func Start(start func() (pid int, err error)) (ended func(), err error) {
	family.Lock() // otherwise the new child could be taken for an orphan
	defer family.Unlock()
	pid, err := start()
	if err != nil {
		return nil, err
	}
	family.live[pid] = nil
	return func() { leave(pid) }, nil
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
