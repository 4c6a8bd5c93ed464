// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs in the background of a Lab.
type Process struct {
	Name string
	// Started is the time just before the program was executed.
	Started time.Time

	tb   testing.TB
	cmd  *exec.Cmd
	path string // of the log
	done chan struct{}

	mu  sync.Mutex
	err error
}

// Start runs a program inside a namespace, with standard input closed, and standard output and error in a
// log that is shown if the test fails.
func (l *Lab) Start(n *Namespace, name string, argv ...string) *Process {
	l.tb.Helper()
	return l.StartWith(n, name, nil, argv...)
}

// StartWith is Start, but set may change the command, for example to replace the log.
func (l *Lab) StartWith(n *Namespace, name string, set func(*exec.Cmd), argv ...string) *Process {
	l.tb.Helper()
	path := filepath.Join(l.Dir, n.Role+"-"+name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		l.tb.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	p := &Process{Name: n.Role + "/" + name, tb: l.tb, path: path, done: make(chan struct{})}
	p.cmd = n.Command(context.Background(), argv...)
	p.cmd.Dir = l.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if set != nil {
		set(p.cmd)
	}
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		l.tb.Fatal(err)
	}
	l.mu.Lock()
	l.procs = append(l.procs, p)
	l.mu.Unlock()
	go func() {
		err := p.cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(p.done)
	}()
	return p
}

// PID is the process ID: "ip netns exec" becomes the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the output of the program so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.path)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Signal sends a signal.
func (p *Process) Signal(sig syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.tb.Fatalf("%s: send %v: %v", p.Name, sig, err)
	}
}

// Wait waits for the end of the program and returns its exit status: −1 after a signal.
func (p *Process) Wait(limit time.Duration) int {
	p.tb.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		p.tb.Fatalf("%s: still running after %v", p.Name, limit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Running reports whether the program still runs.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the program at once (SIGKILL) and waits for its end. It does nothing if the program has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// status describes the state of the program.
func (p *Process) status() string {
	if p.Running() {
		return "running"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err.Error()
	}
	return "ended"
}

// run runs a command outside the lab's namespaces.
func run(argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	return output(exec.CommandContext(ctx, argv[0], argv[1:]...), "")
}

// ExitStatus returns the exit status in the error of a command, −1 if it has none.
func ExitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		return -1
	}
}

var _ fmt.Stringer = (*Process)(nil)

// String returns the name and process ID.
func (p *Process) String() string { return fmt.Sprintf("%s[%d]", p.Name, p.PID()) }
