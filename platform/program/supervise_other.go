// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package program

import (
	"os/exec"
	"syscall"
)

// supervise runs a command to its end, and then kills the other processes in its process group.
func supervise(command func() *exec.Cmd) error {
	cmd := command()
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return err
}

// Start starts a child of this process that is not a program: see supervise_linux.go. Here, the end of a program does not touch
// other processes than those in its process group.
func Start(start func() (pid int, err error)) (ended func(), err error) {
	_, err = start()
	return func() {}, err
}
