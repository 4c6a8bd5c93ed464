package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"vrrpsh/router"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
	"vrrpsh/shell/term"
)

// socketPath is the flag's, or else that of the environment or the default: the configuration
// file may be unreadable for those who attach.
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

// converse runs a conversation in this terminal, or as a script when standard
// input is none.
func converse(ctx context.Context, c shell.Conversation) error {
	defer c.Close()
	if !xterm.IsTerminal(int(os.Stdin.Fd())) {
		return status(shell.Script(ctx, c, os.Stdin, shell.IO{Out: os.Stdout, Err: os.Stderr}, false))
	}
	return onTerminal(ctx, c, historyFile())
}

// loginName is the name under which this program is a login shell, or sshd's ForceCommand.
const loginName = "vrrpsh-login"

// loginShell attaches to the running router as sshd wants it: with -c COMMAND, or the command that
// the client of a ForceCommand has asked for, it executes that one.
func loginShell(ctx context.Context, args []string) error {
	var f flags
	command, forced := os.LookupEnv("SSH_ORIGINAL_COMMAND")
	for ; len(args) > 0; args = args[1:] {
		switch {
		case args[0] == "-l": // what a login shell may be told
		case len(args) == 1:
			return fmt.Errorf("as %s there are only -c COMMAND and -s SOCKET, not %q", loginName, args[0])
		case args[0] == "-s":
			f.socket, args = args[1], args[1:]
		case args[0] == "-c":
			// A ForceCommand of this name reaches a login shell of this name as its command.
			words := strings.Fields(args[1])
			if !forced && (len(words) == 0 || filepath.Base(words[0]) != loginName) {
				command = args[1]
			}
			args = args[1:]
		default:
			return fmt.Errorf("as %s there are only -c COMMAND and -s SOCKET, not %q", loginName, args[0])
		}
	}
	if strings.TrimSpace(command) == "" {
		return attach(ctx, f)
	}
	return executeOn(ctx, f, func(c shell.Conversation, out shell.IO) shell.Status {
		if strings.ContainsAny(command, "\r\n") {
			return shell.Script(ctx, c, strings.NewReader(command), out, false)
		}
		return c.Execute(ctx, command, out)
	})
}

// executeOn runs commands on the running router, and prints data only.
func executeOn(ctx context.Context, f flags, run func(shell.Conversation, shell.IO) shell.Status) error {
	c, err := remote.Dial(ctx, f.socketPath())
	if err != nil {
		fmt.Fprintln(os.Stderr, "vrrpsh:", err)
		return exitStatus(shell.Unreachable)
	}
	defer c.Close()
	return status(run(c, shell.IO{Out: os.Stdout, Err: os.Stderr}))
}

// untilHangup ends with the terminal. A router in the background takes SIGHUP for something else.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// terminalGrace is how long a terminal may take to end.
const terminalGrace = time.Second / 2

// onTerminal runs a conversation in this terminal, with the history of its user.
func onTerminal(ctx context.Context, c shell.Conversation, history string) error {
	// One that was stopped, or that nobody reads, gets its mode back all the same.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(terminalGrace, term.Restore) })()
	err := term.Run(ctx, c, term.Options{HistoryFile: history})
	switch {
	case errors.Is(err, term.ErrLost):
		return exitStatus(shell.Unreachable) // the terminal has said why
	case errors.Is(err, term.ErrHangup), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil // told to end, or nobody is there to be told anything
	default:
		return err
	}
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
standard input. It writes data only to standard output, errors to standard error.

Exit status: 0 done, 1 the command failed, 2 it did not parse, 3 commit rejected,
4 locked or stale, 5 no router reachable.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in := os.Stdin
			if file != "" {
				opened, err := os.Open(file)
				if err != nil {
					return err
				}
				defer opened.Close()
				in = opened
			}
			return executeOn(cmd.Context(), *f, func(c shell.Conversation, out shell.IO) shell.Status {
				if len(args) > 0 {
					return c.Execute(cmd.Context(), strings.Join(args, " "), out)
				}
				return shell.Script(cmd.Context(), c, in, out, keepGoing)
			})
		},
	}
	// Flags behind the first word are the command's own.
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&file, "file", "f", "", "read the commands from `file`")
	cmd.Flags().BoolVar(&keepGoing, "keep-going", false, "go on after a command that failed")
	return cmd
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

// terminalCommand is router.TerminalCommand.
func terminalCommand() *cobra.Command {
	return &cobra.Command{
		Use: router.TerminalCommand + " HISTORY-FILE", Hidden: true, Args: cobra.ExactArgs(1),
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
			return onTerminal(ctx, c, args[0])
		},
	}
}
