package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"runtime"
	"sync/atomic"
	"time"

	xterm "golang.org/x/term"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/platform"
	"vrrpsh/platform/native"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
	"vrrpsh/shell/term"
)

// thisHost is what the configuration of a real router is for.
const thisHost = conf.Host(runtime.GOOS)

// load reads and validates the configuration file.
func load(f flags) (*conf.Config, error) {
	format, err := f.configFormat()
	if err != nil {
		return nil, err
	}
	file, origin, err := conf.ReadFile(f.config, format)
	if err != nil {
		return nil, err
	}
	return thisHost.Validate(file, origin)
}

// runRouter runs the router in the foreground until a signal, or until the user
// of its console leaves.
func runRouter(ctx context.Context, f flags, debugSet bool) error {
	format, err := f.configFormat()
	if err != nil {
		return err
	}
	config, err := load(f)
	if err != nil {
		return err
	}
	if f.socket != "" {
		config.General.ControlSocket = f.socket
	}
	if debugSet {
		config.General.Debug = f.debug
	}
	interactive := xterm.IsTerminal(int(os.Stdin.Fd())) && xterm.IsTerminal(int(os.Stdout.Fd()))
	log := slog.New(slog.NewTextHandler(logOutput(interactive), &slog.HandlerOptions{Level: logLevel(config.General.Debug)}))

	// The socket comes first: while another router answers on it, nothing in the
	// kernel may be taken for the remains of a crash.
	control, err := remote.Listen(config.General.ControlSocket)
	if err != nil {
		return err
	}
	defer control.Close()
	system, err := native.New(native.Options{StateDir: config.General.StateDir, Logger: log})
	if err != nil {
		return err
	}
	if err := system.Recover(); err != nil {
		return fmt.Errorf("recovering from an earlier run: %w", err)
	}
	r, err := startRouter(ctx, routerOptions{
		system: system, host: thisHost, path: f.config, format: format, stateDir: config.General.StateDir, log: log,
	})
	if err != nil {
		return err
	}
	defer r.stop()

	server := api.NewServer(r.control(), log)
	server.ConnContext = remote.ConnContext
	go func() {
		if err := server.Serve(control); !errors.Is(err, http.ErrServerClosed) {
			log.Error("control socket ended", "error", err)
		}
	}()
	defer server.Close()
	log.Info("router started", "version", version, "groups", len(config.Engine.Routers), "socket", config.General.ControlSocket)

	if interactive {
		console := shell.New(r.env, shell.User{Name: userName(), Level: conf.Administrator, Source: "console"})
		defer console.Close()
		return term.Run(ctx, console, term.Options{HistoryFile: historyFile()})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.failed:
		return err
	}
}

// router is a running router: its engine, configuration, shell and API.
type router struct {
	env      *shell.Env
	api      *api.API
	shells   *remote.Server
	listener *api.Listener
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
	log      *slog.Logger
	lab      shell.Lab
}

// startRouter starts the engine and makes the configuration file the running
// configuration.
func startRouter(ctx context.Context, o routerOptions) (*router, error) {
	d := driver.New(driver.Options{System: o.system, Logger: o.log})
	// The engine outlives ctx: a stop ends the sessions and the listeners first.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &router{failed: make(chan error, 1), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := d.Run(running); err != nil {
			o.log.Error("engine stopped", "error", err)
			r.failed <- err
		}
	}()

	applied := &applier{engine: d}
	r.api = api.New(api.Options{View: d, Version: version, Logger: o.log, Config: applied.running.Load})
	r.listener = api.NewListener(r.api.Remote(), o.log)
	applied.listener = r.listener
	sessions := shell.NewSessions()
	manager, err := conf.Open(ctx, conf.Options{
		Host: o.host, Path: o.path, Format: o.format, StateDir: o.stateDir,
		Applier: applied, Notify: sessions.Committed,
	})
	if err != nil {
		r.stop()
		return nil, err
	}
	for _, warning := range manager.Running().Config.Warnings {
		o.log.Warn(warning)
	}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "vrrpsh"
	}
	r.env = &shell.Env{
		View: d, Control: d, Manager: manager, Hostname: hostname, Version: version,
		Started: time.Now(), Path: o.path, Format: o.format, Log: o.log,
		Sessions: sessions, Lab: o.lab,
	}
	r.shells = remote.Handler(func(p remote.Peer) (shell.Conversation, error) {
		level := conf.Viewer
		if p.Owner() {
			level = conf.Administrator
		}
		for _, u := range manager.Running().Config.API.Users {
			if u.Name == p.Username {
				level = max(level, u.Level)
			}
		}
		return shell.New(r.env, shell.User{Name: p.Username, Level: level, Source: "control socket"}), nil
	})
	return r, nil
}

// stop ends sessions and listeners, then the engine, which hands over and
// leaves the kernel as it found it.
func (r *router) stop() {
	if r.shells != nil {
		_ = r.shells.Close()
	}
	if r.listener != nil {
		r.listener.Close()
	}
	r.cancel()
	<-r.done
}

// control is what the control socket serves: the shell, and the API without sessions.
func (r *router) control() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(remote.Path, r.shells)
	mux.Handle("/", r.api.Local())
	return mux
}

// applier makes a validated configuration the running one, in the engine and in
// the API's listener.
type applier struct {
	engine   engine.Applier
	listener *api.Listener
	running  atomic.Pointer[conf.Config]
}

var _ conf.Applier = (*applier)(nil)

// Apply implements conf.Applier.
func (a *applier) Apply(ctx context.Context, c *conf.Config) error {
	if err := a.engine.Apply(ctx, c.Engine); err != nil {
		return err
	}
	// From the first answer of a listener on, the API knows its users.
	a.running.Store(c)
	return a.listener.Apply(c.API)
}

func logLevel(debug int) slog.Level {
	if debug > 0 {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// logOutput keeps log lines out of the console, where a user is typing.
func logOutput(interactive bool) io.Writer {
	if interactive {
		return io.Discard
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
