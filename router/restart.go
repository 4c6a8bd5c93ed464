// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"vrrpsh/engine/driver"
	"vrrpsh/platform/native"
	"vrrpsh/platform/process"
	"vrrpsh/platform/program"
	"vrrpsh/shell/remote"
)

// takeOver returns the control socket and the state that the engine continues with: those of the previous program of this
// process, if there was one and its state is readable. The previous control socket stays open until this router has settled,
// even if the configuration now names another one.
func takeOver(in *process.Inheritance, path string, log *slog.Logger) (*net.UnixListener, *driver.Handover, error) {
	var handover *driver.Handover
	if in != nil {
		var err error
		if handover, err = driver.ReadHandover(in.Document, native.Left()); err != nil {
			if in.Returnable() { // the previous program continues
				return nil, nil, err
			}
			log.Warn("cannot read the state of the previous process: starting anew", "error", err)
		}
		if in.Listener != nil && in.Listener.Addr().String() == path {
			return in.Listener, handover, nil
		}
	}
	l, err := remote.Listen(path)
	if err != nil && in != nil && in.Listener != nil {
		log.Error("cannot open the new control socket: the previous one stays in use", "error", err)
		return in.Listener, handover, nil
	}
	return l, handover, err
}

// another returns a listener on the same socket that can be closed independently.
func another(l *net.UnixListener) (net.Listener, error) {
	f, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer f.Close()
	return net.FileListener(f)
}

// CheckHandover checks whether this release understands a hand-over.
func CheckHandover(r io.Reader) error {
	document, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = driver.ReadHandover(document, native.Left())
	return err
}

// checkLimit is the maximum time that the installed program may take to read the configuration.
const checkLimit = 20 * time.Second

// HandoverCommand is the command of this program that reads a hand-over from standard input and fails if it does not understand
// it. The first releases lack this command.
const HandoverCommand = "check-handover"

// ask requests a restart if the installed program runs here, understands the hand-over and accepts the configuration. It returns
// the version text of the installed program.
func (p *run) ask(ctx context.Context, restart chan<- struct{}) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	what, err := said(ctx, p.self.Command("version"))
	if err != nil {
		return "", err
	}
	specimen, err := driver.Specimen(native.Left())
	if err != nil {
		return "", err
	}
	if err := process.TryDocument(p.options.StateDir, specimen); err != nil {
		return "", fmt.Errorf("the state cannot be handed over: %w", err)
	}
	understood := p.self.Command(HandoverCommand)
	understood.Stdin = bytes.NewReader(specimen)
	if _, err := said(ctx, understood); err != nil {
		return "", fmt.Errorf("%s cannot take over from this release (%w): to run it, stop the router and start it again, which is a failover", what, err)
	}
	if _, err := os.Stat(p.options.Path); err == nil {
		if _, err := said(ctx, p.self.Command("check", "-c", p.options.Path, "-g", p.options.Format.String())); err != nil {
			return "", err
		}
	}
	select {
	case restart <- struct{}{}:
		return what, nil
	default:
		return "", errors.New("a restart is already in progress")
	}
}

// said returns the output of a command; if the command fails, the error holds what it wrote to standard error.
func said(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	ended, err := program.Start(func() (int, error) {
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		return cmd.Process.Pid, nil
	})
	if err != nil {
		return "", err
	}
	defer ended()
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

// succeed replaces this process with the installed program. It returns only on failure.
func (p *run) succeed(h *driver.Handover) error {
	document, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return p.self.Succeed(p.options.StateDir, document, p.control, p.pid)
}

// giveBack replaces this process with the previous program. It returns only on failure.
func (p *run) giveBack(h *driver.Handover, reason error) error {
	before, err := driver.ReadHandover(p.inherited.Document, nil)
	if err != nil {
		return err
	}
	document, err := h.MarshalFor(before.Version)
	if err != nil {
		return err
	}
	return p.inherited.Return(document, reason)
}

// unfitError is the reason why a successor cannot take over.
type unfitError struct {
	err  error
	left *driver.Handover // the state for another program to continue with
}

func (e *unfitError) Error() string { return e.err.Error() }
