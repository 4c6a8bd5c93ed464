// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/native"
	"vrrpsh/platform/process"
	"vrrpsh/platform/program"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

// ThisHost is the kind of host that a real router's configuration applies to.
const ThisHost = conf.Host(runtime.GOOS)

// Program is the router as requested on the command line.
type Program struct {
	Version string
	Path    string // of the configuration file
	Format  conf.Format
	// Override applies the command line to the general settings; the command line has precedence.
	Override func(*conf.General)
	// Daemon runs the router in the background.
	Daemon bool
	// Console connects the user of this process's terminal to the router until the user leaves or the context ends; nil: no
	// terminal.
	Console func(context.Context, shell.Conversation) error
}

// run is a running Program: the state that exists before and after a Router.
type run struct {
	Program
	self    process.Program
	general conf.General // at the start
	control *net.UnixListener
	pid     *process.PIDFile // nil: no PID file
	hangup  chan os.Signal
	parent  *process.Parent
	options Options
	// inherited is the state left by the previous program; nil: none.
	inherited *process.Inheritance
}

// Run runs the router until a signal, or until the user of its console leaves.
func (p Program) Run(ctx context.Context) (err error) {
	process.SaveMemory()
	process.KeepDescriptors()
	process.SetUmask()
	inherited, inheritErr := process.Inherited()
	r := &run{Program: p, inherited: inherited}
	defer func() {
		if err != nil && inherited != nil {
			err = r.giveUp(err)
		}
		err = errors.Join(err, r.close())
	}()
	if r.self, err = process.Self(); err != nil {
		return err
	}
	var parent *process.Parent
	if p.Daemon && inherited == nil {
		if parent = process.InBackground(); parent == nil {
			return process.Background()
		}
		defer func() {
			if err != nil {
				parent.Failed(err)
			}
		}()
	}
	// A reader of the log may go away. Catch SIGPIPE, so that the write fails and the router keeps running.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	config, err := ThisHost.LoadFile(p.Path, p.Format)
	missing := errors.Is(err, fs.ErrNotExist)
	if missing { // the first commit writes it
		_, config, err = conf.Load(p.Path, nil, conf.TOML)
	}
	if err != nil {
		return err
	}
	effective := func(g conf.General) conf.General {
		p.Override(&g)
		return inEffect(g, p.Daemon)
	}
	general := effective(config.General)
	r.general = general
	path, err := filepath.Abs(p.Path)
	if err != nil {
		return err
	}
	// A failure outside the virtual routers must not end running ones.
	var without []error
	minor := func(err error) error {
		if err != nil && inherited != nil {
			without = append(without, err)
			return nil
		}
		return err
	}
	if p.Daemon {
		if err := minor(process.Enter(general.WorkingDir)); err != nil {
			return err
		}
	}
	j := journal.New(p.logOutput())
	defer j.Close()
	_ = j.Configure(logSettings(general)) // a log that cannot be opened is reported and retried as a part of the configuration
	log := j.Logger()
	if missing {
		log.Warn("no configuration file yet: the first commit writes it", "file", path)
	}

	if general.PID != "" {
		r.pid, err = inherited.Claim(general.PID)
		if err := minor(err); err != nil {
			return err
		}
	}
	for _, err := range without {
		log.Error("part of the configuration is not in effect, but the virtual routers run; another restart tries again", "error", err)
	}
	// Claim the socket first: while another router answers on it, nothing in the kernel may be treated as left over from a crash.
	control, handover, err := takeOver(inherited, general.ControlSocket, log)
	if err != nil {
		return err
	}
	r.control = control
	if inheritErr != nil {
		log.Warn("the state of the previous process is lost: starting anew", "error", inheritErr)
	}
	if inherited != nil && inherited.Returned != "" {
		log.Error("the installed release cannot take over: the previous release keeps running", "error", inherited.Returned)
	}
	r.hangup, r.parent = hangup, parent
	r.options = Options{
		Version: p.Version, Host: ThisHost, Path: path, Format: p.Format, StateDir: general.StateDir,
		Journal: j, Effective: effective, Capture: native.Capture, Run: program.Run, Inspect: native.Inspect,
		Connects: native.Connects, Neighbors: native.Neighbors, Traffic: native.Traffic,
		NotForwarding: func(iface string, family vrrp.Family) string {
			return native.NotForwarding(iface, platform.Family(family))
		},
	}
	for {
		r.options.Handover = handover
		handover, err = r.once(ctx, log)
		j.Flush()
		switch {
		case handover == nil:
			return err
		case err != nil:
			log.Error("this release cannot take over: returning to the previous release", "error", err)
			j.Flush()
			err = r.giveBack(handover, err)
			log.Error("cannot return to the previous release: starting again", "error", err)
			inherited.ReleasePredecessor(r.control, r.pid)
			continue
		}
		if ctx.Err() != nil { // stopping: another turn removes what is left in the kernel
			continue
		}
		err := r.succeed(handover)
		log.Error("restart failed: this process keeps running", "error", err)
	}
}

// giveUp replaces this process with the previous program, for the reason given; nothing was touched so far. If that fails, giveUp
// removes from the kernel what the previous program left, so that another router can take over.
func (p *run) giveUp(reason error) error {
	in := p.inherited
	if in.Returnable() {
		reason = errors.Join(reason, in.Return(in.Document, reason))
	}
	dir := p.general.StateDir
	if dir == "" {
		dir = in.StateDir
	}
	system, err := native.New(native.Options{StateDir: dir})
	if err == nil {
		err = errors.Join(system.Recover(), system.Close())
	}
	return errors.Join(reason, err)
}

// GiveUp is for a process that fails before it runs a Program. It returns inherited state to the previous program; GiveUp returns
// only if there is none, or if that fails.
func GiveUp(reason error) error {
	if in, _ := process.Inherited(); in != nil {
		return (&run{inherited: in}).giveUp(reason)
	}
	return reason
}

// close releases the resources that the next process needs.
func (p *run) close() error {
	p.inherited.ReleasePredecessor(p.control, p.pid)
	if p.control != nil {
		_ = p.control.Close()
	}
	return p.pid.Release()
}

// logOutput keeps log lines out of the console, where a user is typing.
func (p Program) logOutput() io.Writer {
	if p.Console != nil {
		return nil
	}
	return os.Stderr
}

// once runs the router until the process or its console ends, or until a restart. On a restart it returns the state to hand over;
// if a successor cannot take over, it returns that state with the error.
func (p *run) once(ctx context.Context, log *slog.Logger) (handover *driver.Handover, err error) {
	system, err := native.New(native.Options{StateDir: p.general.StateDir, Logger: log})
	if err != nil {
		return nil, err
	}
	options := p.options
	options.System, options.Successor = system, p.inherited.Returnable()
	control, err := another(p.control)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	counted := api.Limit(control, remote.MaxConnections, remote.MaxUserConnections, remote.Source)
	restart := make(chan struct{}, 1)
	options.Restart = func(ctx context.Context) (string, error) {
		what, err := p.ask(ctx, restart)
		if err == nil {
			_ = control.Close() // new connections belong to the successor
		}
		return what, err
	}
	r, err := Start(ctx, options)
	var unfit *unfitError
	switch {
	case errors.As(err, &unfit):
		return unfit.left, unfit.err
	case err != nil && ctx.Err() != nil:
		log.Info("router stops before its start has finished")
		return nil, nil
	case err != nil:
		return nil, err
	}
	p.inherited.ReleasePredecessor(p.control, p.pid)
	stop := r.Stop
	defer func() {
		if stopErr := stop(); stopErr != nil {
			err = errors.Join(err, fmt.Errorf("stop: %w", stopErr))
		}
	}()

	server := api.NewServer(r.control(), log)
	server.ConnContext = remote.ConnContext
	go func() {
		if err := server.Serve(counted); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Error("control socket ended", "error", err)
		}
	}()
	defer server.Close()
	log.Info("router started", "version", p.Version, "process", os.Getpid(), "groups", len(r.manager.Running().Config.Engine.Routers),
		"file", p.options.Path, "socket", p.general.ControlSocket)
	p.parent.Ready()
	var service process.Service
	service.Ready()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go service.Watch(ctx, r.healthy)
	go r.reload(ctx, p.hangup)

	restarting, err := p.wait(ctx, r, restart)
	if !restarting || err != nil {
		service.Stopping()
		return nil, err
	}
	log.Info("router restarts", "program", p.self.Path)
	service.Reloading()
	stop = func() error { return nil }
	ending, cancelEnding := context.WithTimeout(ctx, time.Second)
	defer cancelEnding()
	_ = server.Shutdown(ending) // requests in progress may finish
	handover, err = r.leave(ctx)
	if err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	return handover, nil
}

// consoleGrace limits how long the console may take to end.
const consoleGrace = time.Second

// wait waits until the router must end, and reports whether it must restart.
func (p *run) wait(ctx context.Context, r *Router, restart <-chan struct{}) (restarting bool, err error) {
	var left chan error // receives the result when the user of the console leaves
	if p.Console != nil {
		inside, leave := context.WithCancel(ctx)
		left = make(chan error, 1)
		user := &console{Session: r.Console(), turn: make(chan struct{}, 1)}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			defer user.Close()
			left <- p.Console(inside, user)
		}()
		defer func() {
			if restarting {
				user.await(consoleGrace)
			}
			leave()
			select {
			case <-gone:
			case <-time.After(consoleGrace): // the console writes to a stopped terminal
			}
		}()
	}
	select {
	case <-ctx.Done():
		r.log.Info("router stops")
		return false, nil
	case err := <-left:
		return false, err
	case err := <-r.failed:
		return false, err
	case <-restart:
		return true, nil
	}
}

// console is the session on the router's console.
type console struct {
	*shell.Session
	turn chan struct{} // holds a value while a command runs
}

// Execute implements shell.Conversation.
func (c *console) Execute(ctx context.Context, line string, io shell.IO) shell.Status {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	return c.Session.Execute(ctx, line, io)
}

// await waits until the running command (usually the one that ordered the restart) has written its output. No further command
// runs.
func (c *console) await(limit time.Duration) {
	select {
	case c.turn <- struct{}{}:
	case <-time.After(limit):
	}
}
