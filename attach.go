// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"vrrpsh/platform/process"
	"vrrpsh/router"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
	"vrrpsh/shell/term"
)

// socketPath is the path of the flag, the environment or the default, in this order. It is not read from the
// configuration, since users who attach may not be able to read that file.
func (f flags) socketPath() string {
	if f.socket != "" {
		return f.socket
	}
	if path := os.Getenv("VRRPSH_SOCKET"); path != "" {
		return path
	}
	return defaultSocket
}

// attach runs the shell of the running router in this terminal.
func attach(ctx context.Context, f flags) error {
	ctx, stop := untilHangup(ctx)
	defer stop()
	c, err := remote.Dial(ctx, f.socketPath())
	if err != nil {
		fmt.Fprintln(os.Stderr, "vrrpsh:", err)
		return exitStatus(shell.Unreachable)
	}
	return converse(ctx, c)
}

// converse runs a conversation in this terminal, or as a script if standard
// input is not a terminal.
func converse(ctx context.Context, c shell.Conversation) error {
	defer c.Close()
	if !xterm.IsTerminal(int(os.Stdin.Fd())) {
		return status(shell.Script(ctx, c, readUntil(ctx, os.Stdin), shell.IO{Out: os.Stdout, Err: os.Stderr}, false))
	}
	return onTerminal(ctx, c, historyFile())
}

// loginName is the name under which this program is a login shell, or sshd's ForceCommand.
const loginName = "vrrpsh-login"

// loginShell attaches to the running router under sshd. With -c COMMAND, or if the client of a
// ForceCommand requested a command, it executes only that command.
func loginShell(ctx context.Context, args []string) error {
	var f flags
	command, forced := os.LookupEnv("SSH_ORIGINAL_COMMAND")
	for ; len(args) > 0; args = args[1:] {
		switch {
		case args[0] == "-l": // login shells must accept it
		case len(args) == 1:
			return fmt.Errorf("%s accepts only -c COMMAND and -s SOCKET, not %q", loginName, args[0])
		case args[0] == "-s":
			f.socket, args = args[1], args[1:]
		case args[0] == "-c":
			// If both the ForceCommand and the login shell are this program, -c has the ForceCommand.
			words := strings.Fields(args[1])
			if !forced && (len(words) == 0 || filepath.Base(words[0]) != loginName) {
				command = args[1]
			}
			args = args[1:]
		default:
			return fmt.Errorf("%s accepts only -c COMMAND and -s SOCKET, not %q", loginName, args[0])
		}
	}
	if strings.TrimSpace(command) == "" {
		return attach(ctx, f)
	}
	return executeOn(ctx, f, func(c shell.Conversation, out shell.IO) shell.Status {
		if strings.ContainsAny(command, "\r\n") {
			return shell.Script(ctx, c, strings.NewReader(command), out, false)
		}
		return executeLine(ctx, c, command, out)
	})
}

// executeOn runs commands on the running router, and prints only data.
func executeOn(ctx context.Context, f flags, run func(shell.Conversation, shell.IO) shell.Status) error {
	c, err := remote.Dial(ctx, f.socketPath())
	if err != nil {
		fmt.Fprintln(os.Stderr, "vrrpsh:", err)
		return exitStatus(shell.Unreachable)
	}
	defer c.Close()
	return status(run(c, shell.IO{Out: os.Stdout, Err: os.Stderr}))
}

// executeLine runs one command, in this terminal if the command needs one and there is one.
func executeLine(ctx context.Context, c shell.Conversation, line string, out shell.IO) shell.Status {
	if !shell.NeedsTerminal(line) || !xterm.IsTerminal(int(os.Stdin.Fd())) || !xterm.IsTerminal(int(os.Stdout.Fd())) {
		return c.Execute(ctx, line, out)
	}
	ctx, stop := untilHangup(ctx)
	defer stop()
	done, err := term.RunLine(ctx, c, line, term.Options{})
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "vrrpsh:", err)
		return shell.Failed
	}
	return done
}

// untilHangup returns a context that ends with the terminal. A router without a terminal uses SIGHUP to reload.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// terminalGrace is how long the end of a terminal session may take.
const terminalGrace = time.Second / 2

// onTerminal runs a conversation in this terminal, with the history of its user.
func onTerminal(ctx context.Context, c shell.Conversation, history string) error {
	err := converseOn(ctx, c, history)
	switch {
	case errors.Is(err, term.ErrLost):
		return exitStatus(shell.Unreachable) // the terminal has shown the reason
	case errors.Is(err, term.ErrHangup), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil // a requested end, or the terminal is gone
	default:
		return err
	}
}

// converseOn is term.Run with the history of the user of this terminal.
func converseOn(ctx context.Context, c shell.Conversation, history string) error {
	// Restore the mode even of a stopped or unread terminal.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(terminalGrace, term.Restore) })()
	return term.Run(ctx, c, term.Options{HistoryFile: history})
}

func historyFile() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return home + "/.vrrpsh_history"
}

func execCommand(f *flags) *cobra.Command {
	var file string
	var keepGoing bool
	cmd := &cobra.Command{
		Use:   "exec [COMMAND...]",
		Short: "Run commands on the running router: the arguments, a file, or standard input",
		Long: `exec runs one command, joined from the arguments, or the lines of a file or of
standard input. It writes only data to standard output, and errors to standard error.

Exit status: 0 done, 1 the command failed, 2 it did not parse, 3 commit rejected,
4 locked or stale, 5 no router reachable.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in := os.Stdin
			if file != "" && file != "-" {
				opened, err := openUntil(cmd.Context(), file)
				if err != nil {
					return err
				}
				defer opened.Close()
				in = opened
			}
			return executeOn(cmd.Context(), *f, func(c shell.Conversation, out shell.IO) shell.Status {
				if len(args) > 0 {
					return executeLine(cmd.Context(), c, strings.Join(args, " "), out)
				}
				return shell.Script(cmd.Context(), c, readUntil(cmd.Context(), in), out, keepGoing)
			})
		},
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, last string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f.words(cmd.Context(), strings.Join(append(args, last), " ")), cobra.ShellCompDirectiveNoFileComp
	}
	// Words after the first one belong to the command, even if they look like flags.
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&file, "file", "f", "", "read the commands from `file`; -: standard input")
	cmd.Flags().BoolVar(&keepGoing, "keep-going", false, "continue after a failed command")
	return cmd
}

// openUntil opens a file to read. It stops waiting for the other end of a pipe when ctx ends; a signal then ends the program.
func openUntil(ctx context.Context, path string) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	opened := make(chan result, 1)
	go func() {
		f, err := os.Open(path)
		opened <- result{f, err}
	}()
	select {
	case r := <-opened:
		return r.f, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readUntil returns a reader that ends with ctx, even while r waits for input.
func readUntil(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err)
	}()
	return out
}

// completionTime limits how long the completion of a command waits for the router.
const completionTime = 2 * time.Second

// words returns the possible last words of a command, in the terms of the user's shell: from the running router, or without the names and
// values that only a router knows.
func (f flags) words(ctx context.Context, line string) []cobra.Completion {
	if ctx == nil { // as the completion of the user's shell calls it
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	var found []shell.Suggestion
	if c, err := remote.Dial(ctx, f.socketPath()); err == nil {
		found = c.Complete(line)
		_ = c.Close()
	} else {
		found = shell.Complete(line)
	}
	var words []cobra.Completion
	for _, s := range found {
		if s.Literal {
			words = append(words, cobra.CompletionWithDesc(s.Text, s.Help))
		}
	}
	return words
}

// socketOf adds a flag to a command for the service manager, which knows the process of the router but not its control socket.
func socketOf(cmd *cobra.Command, f *flags) *cobra.Command {
	pid := cmd.Flags().Int("pid", 0, "`process` ID of the router, to find its control socket (Linux)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *pid == 0 {
			return nil
		}
		paths, err := process.Listeners(*pid)
		if err == nil && len(paths) == 0 {
			err = fmt.Errorf("process %d has no control socket", *pid)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "vrrpsh:", err)
			return exitStatus(shell.Unreachable)
		}
		f.socket = paths[0]
		return nil
	}
	return cmd
}

// restartCommand restarts the running router and waits for the new process.
func restartCommand(f *flags) *cobra.Command {
	return socketOf(&cobra.Command{
		Use:   "restart",
		Short: "Replace the running router with the installed release, without interruption",
		Long: `restart replaces the running router with a new process of the installed program: the
virtual routers stay Master or Backup, their addresses stay installed, and the process
ID stays the same. Attached shells must connect again.

First the installed program checks the configuration file; if it refuses the file, the
old process keeps running. restart needs root or an administrator of the router.

Exit status: 0 the new process answers, 1 the old process keeps running, 5 no router reachable.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return inTurn(cmd.Context(), f, "restart", "show version | include ^vrrpsh")
		},
	}, f)
}

// reloadCommand has the running router read its configuration file.
func reloadCommand(f *flags) *cobra.Command {
	return socketOf(&cobra.Command{
		Use:   "reload",
		Short: "Make the configuration file, edited by hand, the running configuration",
		Long: `reload has the running router read its configuration file and commit the changes, and
reopen its log files, as SIGHUP does. A file with a fault is refused as a whole. reload
needs root or an administrator of the router.

Exit status: 0 done, 1 the file was refused, 3 it cannot run, 5 no router reachable.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return inTurn(cmd.Context(), f, "load startup-config") },
	}, f)
}

// inTurn runs each line in a session of its own, as the first one may end its session, up to the first that fails.
func inTurn(ctx context.Context, f *flags, lines ...string) error {
	for _, line := range lines {
		if err := executeOn(ctx, *f, func(c shell.Conversation, out shell.IO) shell.Status { return c.Execute(ctx, line, out) }); err != nil {
			return err
		}
	}
	return nil
}

// terminalCommand is router.TerminalCommand: it connects a terminal with the session on descriptor 3.
func terminalCommand() *cobra.Command {
	return &cobra.Command{
		Use: router.TerminalCommand + " HISTORY-FILE [LINE]", Hidden: true, Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilHangup(cmd.Context())
			defer stop()
			f := os.NewFile(3, "session")
			conn, err := net.FileConn(f)
			if err != nil {
				return err
			}
			_ = f.Close()
			c, err := remote.Attach(conn)
			if err != nil {
				return err
			}
			defer c.Close()
			if len(args) > 1 {
				return status(executeLine(ctx, c, args[1], shell.IO{Out: os.Stdout, Err: os.Stderr}))
			}
			return onTerminal(ctx, c, args[0])
		},
	}
}
