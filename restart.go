package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/engine/driver"
	"vrrpsh/platform/native"
	"vrrpsh/platform/process"
	runner "vrrpsh/platform/program"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

// program is this process as it runs a router: what there is before the router, and after it.
type program struct {
	self        process.Program
	flags       flags
	general     conf.General
	config      *conf.Config
	control     *net.UnixListener
	hangup      chan os.Signal
	parent      *process.Parent
	interactive bool
	options     routerOptions
}

// takeOver returns the control socket and what the engine goes on with: those of the program that
// ran in this process before, if there was one and it can be understood.
func takeOver(in *process.Inheritance, path string, log *slog.Logger) (*net.UnixListener, *driver.Handover, error) {
	var handover *driver.Handover
	if in != nil {
		var err error
		if handover, err = driver.ReadHandover(in.Document); err != nil {
			log.Warn("what the process before has left is not understood: starting anew", "error", err)
		}
		if in.Listener.Addr().String() == path {
			return in.Listener, handover, nil
		}
		_ = in.Listener.Close() // the configuration has another one by now
	}
	l, err := remote.Listen(path)
	return l, handover, err
}

// run runs the router until the process or its console ends, or until it shall be restarted: then
// it returns what is handed over.
func (p *program) run(ctx context.Context, log *slog.Logger) (*driver.Handover, error) {
	system, err := native.New(native.Options{StateDir: p.general.StateDir, Logger: log})
	if err != nil {
		return nil, err
	}
	if p.options.handover == nil {
		if err := system.Recover(); err != nil {
			return nil, fmt.Errorf("recovering from an earlier run: %w", err)
		}
	}
	options := p.options
	options.system, options.capture, options.run = system, native.Capture, runner.Run
	control, err := another(p.control)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	restart := make(chan struct{}, 1)
	options.restart = func(ctx context.Context) (string, error) {
		what, err := p.ask(ctx, restart)
		if err == nil {
			_ = control.Close() // who comes from now on is the successor's
		}
		return what, err
	}
	r, err := startRouter(ctx, options)
	if err != nil && ctx.Err() != nil {
		log.Info("router stops before it has started")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stop := r.stop
	defer func() { stop() }()

	server := api.NewServer(r.control(), log)
	server.ConnContext = remote.ConnContext
	go func() {
		if err := server.Serve(control); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Error("control socket ended", "error", err)
		}
	}()
	defer server.Close()
	log.Info("router started", "version", version, "process", os.Getpid(), "groups", len(p.config.Engine.Routers),
		"file", p.options.path, "socket", p.general.ControlSocket)
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
	stop = func() {}
	ending, cancelEnding := context.WithTimeout(ctx, time.Second)
	defer cancelEnding()
	_ = server.Shutdown(ending) // requests may end
	handover, err := r.leave(ctx)
	if err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	return handover, nil
}

// wait waits for an end, and tells whether that is a restart.
func (p *program) wait(ctx context.Context, r *router, restart <-chan struct{}) (restarting bool, err error) {
	if p.interactive {
		inside, leave := context.WithCancel(ctx)
		defer leave()
		asked := make(chan struct{})
		go func() {
			select {
			case <-restart:
				close(asked)
				leave()
			case <-inside.Done():
			}
		}()
		console := shell.New(r.env, shell.User{Name: userName(), Level: conf.Administrator, Source: shell.Console})
		defer console.Close()
		err := onTerminal(inside, console, historyFile())
		select {
		case <-asked:
			return true, nil
		default:
			return false, err
		}
	}
	select {
	case <-ctx.Done():
		r.log.Info("router stops")
		return false, nil
	case err := <-r.failed:
		return false, err
	case <-restart:
		return true, nil
	}
}

// another returns a listener on the same socket that can be closed by itself.
func another(l *net.UnixListener) (net.Listener, error) {
	f, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer f.Close()
	return net.FileListener(f)
}

// checkLimit is how long the installed program may take to read the configuration.
const checkLimit = 20 * time.Second

// ask asks for a restart, if the installed program runs here and accepts the configuration. It
// returns what that says it is.
func (p *program) ask(ctx context.Context, restart chan<- struct{}) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	what, err := said(ctx, p.self.Command("version"))
	if err != nil {
		return "", err
	}
	if exists(p.options.path) {
		if _, err := said(ctx, p.self.Command("check", "-c", p.options.path, "-g", p.flags.format)); err != nil {
			return "", err
		}
	}
	select {
	case restart <- struct{}{}:
		return what, nil
	default:
		return "", errors.New("it restarts already")
	}
}

// said returns what a command prints; it is its error if it fails.
func said(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	if err := cmd.Wait(); err != nil {
		if text := strings.TrimSpace(errs.String()); text != "" {
			return "", errors.New(text)
		}
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return strings.TrimSpace(out.String()), nil
}

// succeed puts the installed program in this one's place. It returns if that cannot be done.
func (p *program) succeed(h *driver.Handover) error {
	document, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return p.self.Succeed(p.general.StateDir, document, p.control)
}

// restartCommand restarts the running router and waits for the new process.
func restartCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "restart",
		Short: "Run the installed release in place of the running one, without an interruption",
		Long: `restart puts a new process of the installed program in the place of the running router:
the virtual routers stay Master or Backup, their addresses stay where they are, and the
process ID is the same. Attached shells have to connect again.

First the installed program checks the configuration file; if it refuses it, the router
goes on as it is. It needs root, or an administrator of the router.

Exit status: 0 the new process answers, 1 the router goes on as it is, 5 no router reachable.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := shell.IO{Out: os.Stdout, Err: os.Stderr}
			for _, line := range []string{"restart", "show version | include ^vrrpsh"} {
				c, err := remote.Dial(cmd.Context(), f.socketPath())
				if err != nil {
					fmt.Fprintln(os.Stderr, "vrrpsh:", err)
					return exitStatus(shell.Unreachable)
				}
				done := c.Execute(cmd.Context(), line, out)
				_ = c.Close()
				if done != shell.Done {
					return status(done)
				}
			}
			return nil
		},
	}
}
