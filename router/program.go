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
	// Console connects the users of this process's terminal to the router, one after the other; logIn begins the conversation of the
	// next. It returns whether a user has asked to stop the router; otherwise the terminal has gone, or the context has ended.
	// nil: no terminal.
	Console func(ctx context.Context, logIn func() shell.Conversation) (stop bool, err error)
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

// Run runs the router until a signal, or until a user stops it.
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
	defer func() { err = withRights(err) }() // before the parent is told
	// A reader of the log may go away. Catch SIGPIPE, so that the write fails and the router keeps running.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	config, err := load(ctx, p.Path, p.Format)
	missing := errors.Is(err, fs.ErrNotExist)
	if missing { // the first commit writes it
		_, config, err = conf.Load(p.Path, nil, conf.TOML)
	}
	if ctx.Err() != nil && inherited == nil {
		return nil // stopped before there is anything to stop
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
		Hint: func(iface string, family vrrp.Family) string { return native.Hint(iface, platform.Family(family)) },
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

// load reads the configuration file until ctx ends: a file that is a pipe may take its time.
func load(ctx context.Context, path string, format conf.Format) (*conf.Config, error) {
	type result struct {
		config *conf.Config
		err    error
	}
	read := make(chan result, 1)
	go func() {
		config, err := ThisHost.LoadFile(path, format)
		read <- result{config, err}
	}()
	select {
	case r := <-read:
		return r.config, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// withRights adds to an error of an unprivileged process what a router needs.
func withRights(err error) error {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return fmt.Errorf("%w\na router needs root; or CAP_NET_ADMIN, CAP_NET_RAW, and a control_socket and a state_dir that its user may write to", err)
	}
	return err
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
	restart, shutdown := make(chan struct{}, 1), make(chan struct{}, 1)
	options.Shutdown = func() {
		select {
		case shutdown <- struct{}{}:
		default: // it stops already
		}
	}
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
		"file", p.options.Path)
	apiState, sshState := listening(r.manager.Running().Config, r.manager.Missing())
	log.Info("listening", "control_socket", p.general.ControlSocket, "api", apiState, "ssh", sshState)
	p.parent.Ready()
	var service process.Service
	service.Ready()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go service.Watch(ctx, r.healthy)
	go r.reload(ctx, p.hangup)

	restarting, err := p.wait(ctx, r, restart, shutdown)
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
func (p *run) wait(ctx context.Context, r *Router, restart, shutdown <-chan struct{}) (restarting bool, err error) {
	var left chan consoleEnd
	answered := false // a command has ordered the end, and writes its output
	if p.Console != nil {
		inside, leave := context.WithCancel(ctx)
		left = make(chan consoleEnd, 1)
		users := &consoles{turn: make(chan struct{}, 1)}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			stop, err := p.Console(inside, func() shell.Conversation { return &console{r.Console(), users} })
			left <- consoleEnd{stop, err}
		}()
		defer func() {
			if answered {
				users.await(consoleGrace)
			}
			leave()
			select {
			case <-gone:
			case <-time.After(consoleGrace): // the console writes to a stopped terminal
			}
		}()
	}
	for {
		select {
		case <-ctx.Done():
			r.log.Info("router stops")
			return false, nil
		case end := <-left:
			if end.err == nil && !end.stop && ctx.Err() == nil {
				r.log.Warn("the terminal of the console has gone: the router runs without a console")
				continue
			}
			return false, end.err
		case err := <-r.failed:
			return false, err
		case <-restart:
			answered = true
			return true, nil
		case <-shutdown:
			answered = true
			r.log.Info("router stops: a user has stopped it")
			return false, nil
		}
	}
}

// consoleEnd is the result of Program.Console.
type consoleEnd struct {
	stop bool
	err  error
}

// consoles are the sessions on the router's console, one after the other.
type consoles struct {
	turn chan struct{} // holds a value while a command runs
}

// console is one of them.
type console struct {
	*shell.Session
	all *consoles
}

// Execute implements shell.Conversation.
func (c *console) Execute(ctx context.Context, line string, io shell.IO) shell.Status {
	c.all.turn <- struct{}{}
	defer func() { <-c.all.turn }()
	return c.Session.Execute(ctx, line, io)
}

// await waits until the running command (usually the one that ordered the end) has written its output. No further command
// runs.
func (c *consoles) await(limit time.Duration) {
	select {
	case c.turn <- struct{}{}:
	case <-time.After(limit):
	}
}
