package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	xterm "golang.org/x/term"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/engine/driver"
	"vrrpsh/platform"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/process"
	runner "vrrpsh/platform/program"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
	"vrrpsh/shell/remote/sshd"
)

// thisHost is what the configuration of a real router is for.
const thisHost = conf.Host(runtime.GOOS)

// load reads and validates the configuration file. The flags prevail.
func load(f flags) (*conf.Config, error) {
	format, err := f.configFormat()
	if err != nil {
		return nil, err
	}
	c, err := thisHost.LoadFile(f.config, format)
	if err != nil {
		return nil, err
	}
	f.override(&c.General)
	return c, nil
}

// runRouter runs the router until a signal, or until the user of its console leaves; in the
// background when it shall be a daemon.
func runRouter(ctx context.Context, f flags, asDaemon bool) (err error) {
	self, err := process.Self()
	if err != nil {
		return err
	}
	inherited, inheritErr := process.Inherited()
	var parent *process.Parent
	if asDaemon && inherited == nil {
		if parent = process.InBackground(); parent == nil {
			return process.Background()
		}
		defer func() {
			if err != nil {
				parent.Failed(err)
			}
		}()
	}
	// Whoever reads the log may end: that is no reason for the router to do so, and writing fails then.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	format, err := f.configFormat()
	if err != nil {
		return err
	}
	config, err := load(f)
	if err != nil {
		return err
	}
	general := config.General
	path, err := filepath.Abs(f.config)
	if err != nil {
		return err
	}
	if asDaemon {
		if err := process.Enter(general.WorkingDir); err != nil {
			return err
		}
	}
	interactive := !asDaemon && xterm.IsTerminal(int(os.Stdin.Fd())) && xterm.IsTerminal(int(os.Stdout.Fd()))
	j := journal.New(logOutput(interactive))
	defer j.Close()
	effective := func(g conf.General) conf.General {
		f.override(&g)
		return inEffect(g, asDaemon)
	}
	if err := j.Configure(logSettings(effective(config.General))); err != nil {
		return err
	}
	log := j.Logger()

	if file := effective(general).PID; file != "" {
		pid, err := process.Claim(file)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pid.Release()) }()
	}
	// The socket comes first: while another router answers on it, nothing in the
	// kernel may be taken for the remains of a crash.
	control, handover, err := takeOver(inherited, general.ControlSocket, log)
	if err != nil {
		return err
	}
	defer control.Close()
	if inheritErr != nil {
		log.Warn("what the process before has left is lost: starting anew", "error", inheritErr)
	}
	p := &program{
		self: self, flags: f, general: general, config: config, control: control, hangup: hangup, parent: parent,
		interactive: interactive,
		options: routerOptions{
			host: thisHost, path: path, format: format, stateDir: general.StateDir, journal: j, effective: effective,
		},
	}
	for {
		p.options.handover = handover
		if handover, err = p.run(ctx, log); handover == nil {
			return err
		}
		j.Flush()
		err := p.succeed(handover)
		log.Error("the router could not be restarted: this process goes on", "error", err)
	}
}

// reload opens the log files again and makes the configuration file the running
// configuration, whenever it is asked to.
func (r *router) reload(ctx context.Context, asked <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		if err := r.journal.Reopen(); err != nil {
			r.log.Error("a log file cannot be opened again: it is written to as before", "error", err)
		}
		before := r.manager.Running().ID
		switch rev, err := r.manager.Reload(ctx, conf.Info{User: "system", Source: "SIGHUP", Comment: "reload of the file"}); {
		case err != nil:
			r.log.Error("configuration file refused: nothing has changed", "error", err)
		case rev.ID == before:
			r.log.Info("configuration file read: it has not changed")
		default:
			r.log.Info("configuration file read and applied", "revision", rev.ID)
			r.warn(rev.Config)
		}
	}
}

// healthy is nil while the engine answers.
func (r *router) healthy(ctx context.Context) error {
	_, err := r.env.View.Snapshot(ctx)
	return err
}

// warn logs what is legal in a configuration but probably not meant.
func (r *router) warn(c *conf.Config) {
	for _, warning := range c.Warnings {
		r.log.Warn(warning)
	}
}

// router is a running router: its engine, configuration, shell and API.
type router struct {
	env      *shell.Env
	engine   *driver.Driver
	manager  *conf.Manager
	journal  *journal.Journal
	log      *slog.Logger
	api      *api.API
	shells   *remote.Server
	listener *api.Listener
	ssh      *sshd.Server
	// failed delivers the error with which the engine ended by itself.
	failed chan error
	cancel context.CancelFunc
	done   chan struct{}
}

type routerOptions struct {
	system   platform.System
	host     conf.Host // zero for simulated routers
	path     string
	format   conf.Format
	stateDir string
	journal  *journal.Journal
	// effective fills in what the flags and the mode make of the general settings.
	effective func(conf.General) conf.General
	lab       shell.Lab
	// run runs the programs of the configuration; nil for simulated routers.
	run func(context.Context, runner.Program) (string, error)
	// capture shows the packets of an interface; nil for simulated routers.
	capture func(ctx context.Context, iface string, fn func(at time.Time, b []byte)) error
	// handover is what the process before has left; nil: there was none.
	handover *driver.Handover
	restart  func(context.Context) (string, error) // see shell.Env
}

// startRouter starts the engine and makes the configuration file the running
// configuration.
func startRouter(ctx context.Context, o routerOptions) (*router, error) {
	log := o.journal.Logger()
	d := driver.New(driver.Options{System: o.system, Logger: log, Handover: o.handover, Run: o.run})
	// The engine outlives ctx: a stop ends the sessions and the listeners first.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &router{
		engine: d, journal: o.journal, log: log, failed: make(chan error, 1), cancel: cancel, done: make(chan struct{}),
	}
	go func() {
		defer close(r.done)
		if err := d.Run(running); err != nil {
			log.Error("engine stopped", "error", err)
			r.failed <- err
		}
	}()

	gate := login.NewGate(time.Now)
	applied := &applier{engine: d, journal: o.journal, effective: o.effective, realtime: o.host != ""}
	r.api = api.New(api.Options{
		View: d, Version: version, Logger: log, Gate: gate,
		Config: applied.running.Load, File: applied.file,
		General: func() conf.General { return o.effective(applied.running.Load().General) },
	})
	r.listener = api.NewListener(r.api.Remote(), log)
	applied.listener = r.listener
	sessions := shell.NewSessions()
	manager, err := conf.Open(ctx, conf.Options{
		Host: o.host, Path: o.path, Format: o.format, StateDir: o.stateDir,
		Applier: applied, Notify: sessions.Committed, Awaiting: sessions.Awaiting,
	})
	if err != nil {
		r.stop()
		return nil, err
	}
	r.manager = manager
	applied.manager.Store(manager)
	r.warn(manager.Running().Config)
	for _, note := range manager.Running().Notes {
		log.Warn(note)
	}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "vrrpsh"
	}
	r.env = &shell.Env{
		View: d, Control: d, Tap: d, Load: loadOf(d), Capture: o.capture, Manager: manager, Hostname: hostname, Version: version,
		Started: time.Now(), Path: o.path, Format: o.format, Log: log, Journal: o.journal,
		Sessions: sessions, Restart: o.restart, Lab: o.lab,
	}
	r.shells = remote.Handler(func(p remote.Peer) (shell.Conversation, error) {
		level := levelOf(p, manager.Running().Config)
		return shell.New(r.env, shell.User{
			Name: p.Username, Level: level, Source: "control socket",
			Valid: func(c *conf.Config) bool { return levelOf(p, c) == level },
		}), nil
	})
	r.ssh = sshd.New(sshd.Options{
		Config: applied.running.Load, Gate: gate, Log: log, Shells: r.shells,
		NewSession: func(u conf.User, source string) shell.Conversation {
			return shell.New(r.env, shell.User{Name: u.Name, Level: u.Level, Source: "ssh " + source, Valid: u.In})
		},
		Terminal: func(user string) *exec.Cmd { return terminal(filepath.Join(o.stateDir, "shell_history", user)) },
	})
	applied.ssh.Store(r.ssh)
	if err := r.ssh.Apply(manager.Running().Config.SSH); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// levelOf is what a user of the control socket may do.
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

// terminal returns this program as the terminal of a session: see terminalCommand.
func terminal(history string) *exec.Cmd {
	self := "/proc/self/exe" // this very version, whatever has replaced it on the disk
	if !exists(self) {
		self, _ = os.Executable()
	}
	cmd := exec.Command(self, "terminal", history)
	cmd.Args[0] = "vrrpsh"
	return cmd
}

// stop ends sessions and listeners, then the engine, which hands over and
// leaves the kernel as it found it.
func (r *router) stop() {
	if r.shells != nil {
		_ = r.shells.Close()
	}
	r.closeListeners()
	r.cancel()
	<-r.done
}

// leave ends sessions and listeners, then the engine, which leaves everything to another.
func (r *router) leave(ctx context.Context) (*driver.Handover, error) {
	_ = r.shells.Restart()
	r.closeListeners()
	h, err := r.engine.HandOver(ctx)
	r.cancel()
	<-r.done
	return h, err
}

func (r *router) closeListeners() {
	if r.ssh != nil {
		r.ssh.Close()
	}
	if r.listener != nil {
		r.listener.Close()
	}
	if r.manager != nil {
		r.manager.Close()
	}
}

// control is what the control socket serves: the shell, and the API without sessions.
func (r *router) control() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(remote.Path, r.shells)
	mux.Handle("/", r.api.Local())
	return mux
}

// applier makes a validated configuration the running one, in the engine, the log and
// the API's listener.
type applier struct {
	engine    *driver.Driver
	journal   *journal.Journal
	effective func(conf.General) conf.General
	ssh       atomic.Pointer[sshd.Server] // nil until sessions can be served
	listener  *api.Listener
	running   atomic.Pointer[conf.Config]
	manager   atomic.Pointer[conf.Manager] // nil until the first configuration is applied

	realtime bool                // on a real host
	urgent   conf.RealtimeConfig // as it was applied last
}

var _ conf.Applier = (*applier)(nil)

// file returns the running configuration as it is in its file; nil at the start.
func (a *applier) file() *conf.File {
	if m := a.manager.Load(); m != nil {
		return m.Running().File
	}
	return nil
}

// Apply implements conf.Applier.
func (a *applier) Apply(ctx context.Context, c *conf.Config) error {
	if err := a.engine.Apply(ctx, c.Engine); err != nil {
		return err
	}
	if err := a.journal.Configure(logSettings(a.effective(c.General))); err != nil {
		return err
	}
	a.hurry(ctx, c.Realtime)
	// From the first answer of a listener on, the API knows its users.
	a.running.Store(c)
	if err := a.listener.Apply(c.API); err != nil {
		return err
	}
	if s := a.ssh.Load(); s != nil {
		return s.Apply(c.SSH)
	}
	return nil
}

// hurry gives the engine its priority. Without the right to do so the router is as good as it can be.
func (a *applier) hurry(ctx context.Context, want conf.RealtimeConfig) {
	if !a.realtime || want == a.urgent {
		return
	}
	r := process.Realtime{Priority: want.Priority, LockMemory: want.LockMemory}
	onThread := func(f func() error) error { return a.engine.OnThread(ctx, f) }
	if err := r.SetPriority(onThread); err != nil {
		a.journal.Logger().Warn("realtime.priority has no effect", "error", err)
	}
	if err := r.SetMemory(); err != nil {
		a.journal.Logger().Warn("realtime.lock_memory has no effect", "error", err)
	}
	a.urgent = want
}

// inEffect returns general settings with the files that they mean.
func inEffect(g conf.General, asDaemon bool) conf.General {
	if asDaemon {
		g.PID = cmp.Or(g.PID, conf.DefaultPID)
		g.MainLog = cmp.Or(g.MainLog, conf.DefaultMainLog)
	}
	for _, file := range []*string{&g.PID, &g.MainLog, &g.ErrorLog} {
		*file = inDir(g.WorkingDir, *file)
	}
	return g
}

// logSettings is what general settings say about the log.
func logSettings(g conf.General) journal.Settings {
	s := journal.Settings{Debug: g.Debug, UTC: g.TimeZone == "utc", Main: g.MainLog, Errors: g.ErrorLog}
	s.TimeFormat, _ = journal.ParseTimeFormat(g.TimeFormat) // was validated
	return s
}

// inDir returns a path that is relative to dir, if it is relative.
func inDir(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// logOutput keeps log lines out of the console, where a user is typing.
func logOutput(interactive bool) io.Writer {
	if interactive {
		return nil
	}
	return os.Stderr
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

func historyFile() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return home + "/.vrrpsh_history"
}

// loadOf tells the shell how a driver's loop fares.
func loadOf(d *driver.Driver) func(context.Context) (shell.Load, error) {
	return func(ctx context.Context) (shell.Load, error) {
		r, err := d.Resources(ctx)
		if err != nil {
			return shell.Load{}, err
		}
		l := shell.Load{
			Received: r.Received, Sent: r.Sent, MaxLate: r.MaxLate.Seconds(), LongestTurn: r.LongestTurn.Seconds(),
			KernelQueue: r.KernelWaiting, AnnounceQueue: r.AnnouncementsWaiting,
		}
		for i, n := range r.Late {
			class := shell.LateClass{Count: n}
			if i < len(driver.LateBounds) {
				class.UpTo = driver.LateBounds[i].Seconds()
			}
			l.Late = append(l.Late, class)
		}
		return l, nil
	}
}
