// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// commandTimeout limits the time of helper commands.
const commandTimeout = 2 * time.Minute

// Namespace is one named network namespace of a Lab.
type Namespace struct {
	// Name is the name for "ip netns".
	Name string
	// Role is the role of the namespace in its lab: "r1", "host". For routers and the host it is also the name of their
	// port on the bridge.
	Role string
	// Addr is the IPv4 address of eth0, without a prefix length. Empty in the bridge's namespace.
	Addr string

	lab *Lab
}

// Addr6 is the global IPv6 address of eth0.
func (n *Namespace) Addr6() string {
	_, station, _ := strings.Cut(n.Addr, "192.0.2.")
	return "2001:db8::" + station
}

// Command returns a command that will run inside the namespace. Like all programs that a Lab starts, it
// does not outlive this process.
func (n *Namespace) Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.Name}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Try runs a command inside the namespace and returns its standard output. The error contains the
// standard error.
func (n *Namespace) Try(argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	return output(n.Command(ctx, argv...), "")
}

// Run is Try for commands that must not fail.
func (n *Namespace) Run(argv ...string) string {
	n.lab.tb.Helper()
	out, err := n.Try(argv...)
	if err != nil {
		n.lab.tb.Fatalf("%s: %v", n.Role, err)
	}
	return out
}

// IP runs lines of iproute2 commands, without the leading "ip", as one batch.
func (n *Namespace) IP(lines ...string) {
	n.lab.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", "-n", n.Name, "-batch", "-")
	if _, err := output(cmd, strings.Join(lines, "\n")+"\n"); err != nil {
		n.lab.tb.Fatalf("%s: %v", n.Role, err)
	}
}

// Do calls fn on a thread that is inside the namespace. Sockets that fn opens stay in the namespace, but
// goroutines that fn starts do not run in it.
func (n *Namespace) Do(fn func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own namespace: %w", err)
	}
	defer func() { _ = unix.Close(home) }()
	there, err := unix.Open("/run/netns/"+n.Name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open namespace %s: %w", n.Name, err)
	}
	defer func() { _ = unix.Close(there) }()
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace %s: %w", n.Name, err)
	}
	err = fn()
	// A thread that cannot return to its namespace stays locked, so that no other goroutine ever runs on it.
	if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
		return fmt.Errorf("leave namespace %s: %w", n.Name, back)
	}
	runtime.UnlockOSThread()
	return err
}

// output runs cmd with input and returns its standard output.
func output(cmd *exec.Cmd, input string) (string, error) {
	var stdout, stderr strings.Builder
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err,
			strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
