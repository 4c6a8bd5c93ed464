// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// A Go program cannot fork: a daemon is the program started again, in a session of its own,
// with readyEnv in its environment and the writing end of a pipe as readyFD. It writes "ready"
// there once it runs, or else why it does not.
const (
	readyEnv = "VRRPSH_BACKGROUND"
	readyFD  = 3
	ready    = "ready"
)

// Background starts this program again with the same arguments, detached from the terminal, and
// waits until it runs or has failed; the error is then its own. Standard input and output
// of the new process are /dev/null.
func Background() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return background(exec.Command(self, os.Args[1:]...))
}

func background(cmd *exec.Cmd) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = read.Close() }()
	cmd.Env = append(cmd.Environ(), readyEnv+"=1")
	cmd.ExtraFiles = []*os.File{write} // becomes readyFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	said, err := io.ReadAll(read)
	switch {
	case err != nil:
		return fmt.Errorf("start in the background: %w", err)
	case string(said) == ready:
		return cmd.Process.Release()
	case len(said) > 0:
		_ = cmd.Wait()
		return fmt.Errorf("%s", strings.TrimSpace(string(said)))
	default:
		return fmt.Errorf("the router ended before it was ready: %w", cmd.Wait())
	}
}

// inherited is how many descriptors a process is expected to be started with.
const inherited = 256

// KeepDescriptors keeps what this process has open, or was started with, from the programs that it runs: these may be
// another user's. Standard input, output and error are each program's own anyway.
func KeepDescriptors() {
	for fd := 3; fd < inherited; fd++ {
		syscall.CloseOnExec(fd) // what is not open stays closed
	}
}

// Parent is who started this process in the background and waits for it. A nil one is nobody.
type Parent struct{ pipe *os.File }

// InBackground returns the parent of a process that Background has started, else nil.
func InBackground() *Parent {
	if os.Getenv(readyEnv) == "" {
		return nil
	}
	_ = os.Unsetenv(readyEnv) // not for the programs that this one starts
	syscall.CloseOnExec(readyFD)
	return &Parent{os.NewFile(readyFD, "parent")}
}

// Ready tells the parent that the process runs. The parent ends then.
func (p *Parent) Ready() { p.say(ready) }

// Failed tells the parent why the process does not run. After Ready it does nothing.
func (p *Parent) Failed(err error) { p.say(err.Error()) }

func (p *Parent) say(what string) {
	if p == nil || p.pipe == nil {
		return
	}
	_, _ = io.WriteString(p.pipe, what) // a parent that is gone does not want to know
	_ = p.pipe.Close()
	p.pipe = nil
}

// umask is what programs expect. What this process itself keeps from others, it makes with modes that say so.
const umask = 0o022

// SetUmask gives this process and the programs that it runs the usual umask, whatever it was started with.
func SetUmask() { syscall.Umask(umask) }
