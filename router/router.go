// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/process"
	"vrrpsh/platform/program"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
	"vrrpsh/shell/remote/sshd"
)

// TerminalCommand is the command of this program that the SSH server runs for each terminal. Standard input is a
// pseudo-terminal, file descriptor 3 leads to the session, and the arguments are the history file and, if the terminal executes
// only one line, that line.
const TerminalCommand = "terminal"

// Router is a running router: its engine, configuration, shell, API and SSH server.
type Router struct {
	env      *shell.Env
	engine   *driver.Driver
	manager  *conf.Manager
	journal  *journal.Journal
	log      *slog.Logger
	api      *api.API
	shells   *remote.Server
	listener *api.Listener
	ssh      *sshd.Server
	// failed delivers the error of an engine that ended on its own.
	failed chan error
	cancel context.CancelFunc
	done   chan struct{}
}

// Options are the parts and settings of a router.
type Options struct {
	Version  string
	System   platform.System
	Host     conf.Host // zero for simulated routers
	Path     string    // of the configuration file
	Format   conf.Format
	StateDir string
	Journal  *journal.Journal
	// Effective applies the command line and the mode to the general settings; nil: the router runs in the foreground,
	// without a command line.
	Effective func(conf.General) conf.General
	Lab       shell.Lab
	// Run executes the programs of the configuration; nil for simulated routers.
	Run func(context.Context, program.Program) (string, error)
	// Capture passes the packets of an interface to fn; nil for simulated routers.
	Capture func(ctx context.Context, iface string, fn func(at time.Time, b []byte)) error
	// Inspect returns the host settings that obstruct IPv4 virtual routers on an interface, with their addresses on
	// macvlans or, if none is given, on the interface itself; nil for simulated routers.
	Inspect func(iface string, macvlans ...string) []string
	// Connects, Hint and NotForwarding are those of shell.Env; not for simulated routers.
	Connects      bool
	Hint          func(iface string, family vrrp.Family) string
	NotForwarding func(iface string, family vrrp.Family) string
	// Neighbors and Traffic return what the shell shows of the host; nil for simulated routers.
	Neighbors func() ([]platform.Neighbor, error)
	Traffic   func() ([]platform.Traffic, error)
	// Handover is the state left by the previous process; nil: none.
	Handover *driver.Handover
	// Successor makes a failing Start leave the state that it took over to another program: see unfitError.
	Successor bool
	Restart   func(context.Context) (string, error) // see shell.Env
	Shutdown  func()                                // see shell.Env
}

// Start starts the engine and makes the configuration file the running configuration.
func Start(ctx context.Context, o Options) (*Router, error) {
	if o.Effective == nil {
		o.Effective = func(g conf.General) conf.General { return inEffect(g, false) }
	}
	log := o.Journal.Logger()
	uptime := func() time.Duration { _, up := process.Uptime(); return up }
	d := driver.New(driver.Options{System: o.System, Logger: log, Handover: o.Handover, Run: o.Run, Uptime: uptime})
	// The engine outlives ctx: a stop ends the sessions and the listeners first.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &Router{
		engine: d, journal: o.Journal, log: log, failed: make(chan error, 1), cancel: cancel, done: make(chan struct{}),
	}
	go func() {
		defer close(r.done)
		if err := d.Run(running); err != nil {
			log.Error("engine stopped", "error", err)
			r.failed <- err
		}
	}()

	sessions := shell.NewSessions()
	manager, err := conf.Open(conf.Options{
		Host: o.Host, Path: o.Path, Format: o.Format, StateDir: o.StateDir, Notify: sessions.Committed, Awaiting: sessions.Awaiting,
		Uptime: process.Uptime,
	})
	if err != nil {
		return nil, r.fail(ctx, err, o.Successor)
	}
	r.manager = manager
	config := func() *conf.Config { return manager.Running().Config }
	gate := login.NewGate(time.Now)
	r.api = api.New(api.Options{
		View: d, Version: o.Version, Logger: log, Gate: gate, Running: manager.Running, Load: loadOf(d), Sessions: sessions.Count, Missing: manager.Missing,
		General: func() conf.General { return o.Effective(config().General) },
	})
	r.listener = api.NewListener(r.api.Remote(), log, gate)
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "vrrpsh"
	}
	r.env = &shell.Env{
		View: d, Control: d, Tap: d, Load: loadOf(d), Capture: o.Capture, Manager: manager, Hostname: hostname, Version: o.Version,
		Started: time.Now(), Path: o.Path, Format: o.Format, Log: log, Journal: o.Journal,
		Sessions: sessions, Restart: o.Restart, Shutdown: o.Shutdown, Reload: r.reloadNow, Obstacles: inspector(o.Inspect).obstacles, Connects: o.Connects, Hint: o.Hint, NotForwarding: o.NotForwarding, Lab: o.Lab,
	}
	if o.StateDir != "" {
		if r.env.Preferences, err = shell.OpenPreferences(filepath.Join(o.StateDir, "shell_preferences")); err != nil {
			log.Warn("settings of terminals are not known", "error", err)
		}
	}
	r.env.Neighbors, r.env.Traffic = o.Neighbors, o.Traffic
	r.env.CheckPassword = func(ctx context.Context, source, user, password string) error {
		_, err := gate.Check(ctx, config().API.Users, source, user, password)
		return err
	}
	if o.Run != nil {
		r.env.RunProgram = runProgram
	}
	session := func(u shell.User) *shell.Session {
		c := config()
		u.Plain, u.CommitOnEnd = slices.Contains(c.API.Plain, u.Name), slices.Contains(c.API.CommitOnEnd, u.Name)
		return shell.New(r.env, u)
	}
	r.shells = remote.Handler(func(p remote.Peer) (shell.Conversation, error) {
		level := levelOf(p, config())
		return session(shell.User{
			Name: p.Username, Level: level, Source: "control socket",
			Valid: func(c *conf.Config) bool { return levelOf(p, c) == level },
		}), nil
	})
	r.shells.Complaints = login.NewComplaints(log, time.Now)
	r.shells.Administrator = func(p remote.Peer) bool { return levelOf(p, manager.Running().Config) >= conf.Administrator }
	r.ssh = sshd.New(sshd.Options{
		Config: config, Gate: gate, Log: log, Shells: r.shells,
		NewSession: func(u conf.User, source string) shell.Conversation {
			return session(shell.User{Name: u.Name, Level: u.Level, Source: "ssh " + source, Valid: u.In})
		},
		Terminal: func(user, line string) *exec.Cmd {
			return terminal(filepath.Join(o.StateDir, "shell_history", user), line)
		},
	})
	if err := manager.Start(ctx, r.parts(o)...); err != nil {
		return nil, r.fail(ctx, err, o.Successor)
	}
	r.warn(manager.Running())
	go r.retry(running)
	return r, nil
}

// fail ends a router that failed to start.
func (r *Router) fail(ctx context.Context, err error, successor bool) error {
	if successor && ctx.Err() == nil {
		if h, leaving := r.leave(ctx); leaving == nil {
			return &unfitError{err, h}
		}
	}
	return errors.Join(err, r.Stop())
}

// levelOf returns the level of a user of the control socket.
func levelOf(p remote.Peer, c *conf.Config) conf.Level {
	level := conf.Viewer
	if p.Owner() {
		level = conf.Administrator
	}
	for _, u := range c.API.Users {
		if u.Name == p.Username {
			level = max(level, u.Level)
		}
	}
	return level
}

// terminal returns the command that runs this program as the terminal of a session: see TerminalCommand.
func terminal(history, line string) *exec.Cmd {
	self := "/proc/self/exe" // this very version, even if the file on disk was replaced
	if _, err := os.Stat(self); err != nil {
		self, _ = os.Executable()
	}
	cmd := exec.Command(self, TerminalCommand, "--", history)
	if line != "" {
		cmd.Args = append(cmd.Args, line)
	}
	cmd.Args[0] = "vrrpsh"
	return cmd
}

// stopGrace is how long Stop waits for sessions, listeners and a running commit before it stops the engine.
const stopGrace = 5 * time.Second

// Stop ends sessions and listeners, then the engine, which hands over and restores the kernel state. A stuck client or
// commit does not delay the engine beyond stopGrace.
// The error says what is left in the kernel.
func (r *Router) Stop() error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		r.close((*remote.Server).Close)
	}()
	select {
	case <-closed:
	case <-time.After(stopGrace):
		r.log.Warn("a session or a commit does not end: stopping without it")
	}
	r.cancel()
	<-r.done
	select {
	case err := <-r.failed:
		return err
	default:
		return nil
	}
}

// leave ends sessions and listeners, then the engine, which leaves the kernel state to another program.
func (r *Router) leave(ctx context.Context) (*driver.Handover, error) {
	r.close((*remote.Server).Restart)
	// A signal now must not lose state that only the hand-over records.
	h, err := r.engine.HandOver(context.WithoutCancel(ctx))
	r.cancel()
	<-r.done
	return h, err
}

// close ends sessions with the given method, and closes the listeners.
func (r *Router) close(sessions func(*remote.Server) error) {
	if r.manager == nil { // the configuration was refused: there are no sessions
		return
	}
	_ = sessions(r.shells)
	r.ssh.Close()
	r.listener.Close()
	r.manager.Close()
}

// reload runs reloadNow on every request.
func (r *Router) reload(ctx context.Context, asked <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		_, _ = r.reloadNow(ctx, conf.Info{User: "system", Source: "SIGHUP", Comment: "reload of the file"}) // it is logged
	}
}

// reloadNow reopens the log files and makes the configuration file the running configuration. The error says why the file was refused.
func (r *Router) reloadNow(ctx context.Context, info conf.Info) (*conf.Revision, error) {
	if err := r.journal.Reopen(); err != nil {
		r.log.Error("cannot reopen a log file: logging to the open file continues", "error", err)
	}
	if err := r.listener.Renew(); err != nil {
		r.log.Error("cannot reload the certificate of the API: the previous one stays in use", "error", err)
	}
	before := r.manager.Running().ID
	rev, err := r.manager.Reload(ctx, info)
	switch {
	case err != nil:
		r.log.Error("configuration file refused: nothing has changed", "error", err)
	case rev.ID == before:
		r.log.Info("configuration file read: no changes")
		_ = r.manager.Retry(ctx) // the error is among the missing parts, which are logged
	default:
		r.log.Info("configuration file read and applied", "revision", rev.ID)
		r.warn(rev)
	}
	return rev, err
}

// healthy returns nil while the engine answers.
func (r *Router) healthy(ctx context.Context) error {
	_, err := r.env.View.Snapshot(ctx)
	return err
}

// warn logs the settings of a configuration that are legal but probably unintended, and the notes of its commit.
func (r *Router) warn(rev *conf.Revision) {
	for _, text := range slices.Concat(rev.Config.Warnings, rev.Notes) {
		r.log.Warn(text)
	}
}

// control returns the handler of the control socket: the shell, and the API without sessions.
func (r *Router) control() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(remote.Path, r.shells)
	mux.Handle("/", r.api.Local())
	return mux
}

// Console returns a session for the user who runs this process.
func (r *Router) Console() *shell.Session {
	return shell.New(r.env, shell.User{Name: userName(), Level: conf.Administrator, Source: shell.Console})
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// loadOf returns a function that reports the load of a driver's loop.
func loadOf(d *driver.Driver) func(context.Context) (report.Load, error) {
	return func(ctx context.Context) (report.Load, error) {
		r, err := d.Resources(ctx)
		if err != nil {
			return report.Load{}, err
		}
		l := report.Load{
			Received: r.Received, Lost: r.Lost, Sent: r.Sent, TotalLate: r.TotalLate.Seconds(), MaxLate: r.MaxLate.Seconds(), LongestTurn: r.LongestTurn.Seconds(),
			KernelQueue: r.KernelWaiting, AnnounceQueue: r.AnnouncementsWaiting, KernelFault: r.KernelFault,
		}
		for i, n := range r.Late {
			class := report.LateClass{Count: n}
			if i < len(driver.LateBounds) {
				class.UpTo = driver.LateBounds[i].Seconds()
			}
			l.Late = append(l.Late, class)
		}
		return l, nil
	}
}
