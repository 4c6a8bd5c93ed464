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
