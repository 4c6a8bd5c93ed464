// Command vrrpsh is a VRRP router with the shell of a network operating system.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"vrrpsh/conf"
	"vrrpsh/engine/sniff"
	"vrrpsh/platform/native"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
	"vrrpsh/shell/term"
)

// version is set by the build.
var version = "development"

const (
	defaultConfig = "/etc/vrrpsh/vrrpsh.toml"
	defaultSocket = "/run/vrrpsh/vrrpsh.sock"
)

// configs are where the configuration file is looked for: behind the default those of rVRRPd, for those who
// only switch binaries.
var configs = []string{defaultConfig, "/etc/rvrrpd/rvrrpd.conf", "/etc/rvrrpd.conf"}

// flags are the common flags.
type flags struct {
	config string
	socket string
	format string
	iface  string
	debug  int
	mode   int

	debugSet bool

	read   string // capture file of the sniffer
	asJSON bool   // its output
}

// override gives the flags precedence over a configuration.
func (f flags) override(g *conf.General) {
	if f.socket != "" {
		g.ControlSocket = f.socket
	}
	if f.debugSet {
		g.Debug = f.debug
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// exitStatus ends the program with a status, without another word.
type exitStatus shell.Status

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	os.Exit(int(run()))
}

func run() shell.Status {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if strings.TrimPrefix(filepath.Base(os.Args[0]), "-") == loginName {
		err = loginShell(ctx, os.Args[1:])
	} else {
		err = command().ExecuteContext(ctx)
	}
	var status exitStatus
	switch {
	case err == nil:
		return shell.Done
	case errors.As(err, &status):
		return shell.Status(status)
	}
	for _, line := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		fmt.Fprintln(os.Stderr, "vrrpsh:", line)
	}
	return shell.Failed
}

func command() *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "vrrpsh",
		Short: "VRRP router with the shell of a network operating system",
		Long: `vrrpsh runs virtual routers (VRRPv2, RFC 3768, and VRRPv3, RFC 9568) and is the
shell to configure and watch them.

Without a mode or command it attaches to the running router:

  vrrpsh -m1               run the router in the foreground
  vrrpsh -m2               run it as a daemon
  vrrpsh -m0 -i eth0       show every VRRP packet on an interface, and what is wrong with it
  vrrpsh                   the shell of the running router
  vrrpsh exec show vrrp brief
  vrrpsh demo              try it on a simulated LAN, without root`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !cmd.Flags().Changed("mode"):
				return attach(cmd.Context(), f)
			case f.mode == 0:
				return runSniffer(cmd.Context(), f)
			case f.mode == 1, f.mode == 2:
				return runRouter(cmd.Context(), f, f.mode == 2)
			default:
				return fmt.Errorf("mode %d does not exist: 0 is the sniffer, 1 the router in the foreground, 2 as a daemon", f.mode)
			}
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if f.debug < 0 || f.debug > 5 {
				return fmt.Errorf("verbosity %d is out of range 0-5", f.debug)
			}
			f.debugSet = cmd.Flags().Changed("debug")
			if i := slices.IndexFunc(configs, exists); i >= 0 && !cmd.Flags().Changed("conf") {
				f.config = configs[i]
			}
			return nil
		},
	}
	p := root.PersistentFlags()
	p.StringVarP(&f.config, "conf", "c", defaultConfig, "configuration `file`")
	p.StringVarP(&f.socket, "socket", "s", "", "control `socket` (default $VRRPSH_SOCKET or "+defaultSocket+")")
	p.StringVarP(&f.format, "cfg-format", "g", "toml", "`format` of the configuration file: toml or json")
	p.StringVarP(&f.iface, "iface", "i", "", "`interface` that the sniffer listens on")
	p.IntVarP(&f.debug, "debug", "d", 0, "verbosity `level`, 0 to 5")
	p.IntVarP(&f.mode, "mode", "m", 0, "`mode`: 0 sniffer, 1 router in the foreground, 2 router as a daemon")
	root.Flags().StringVar(&f.read, "read", "", "with -m0: read a capture `file` (pcap or pcapng), - is standard input")
	root.Flags().BoolVar(&f.asJSON, "json", false, "with -m0: a line of JSON for each packet")
	complete := func(flag string, values ...string) {
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	}
	complete("mode", "0\tsniffer", "1\trouter in the foreground", "2\trouter as a daemon")
	complete("cfg-format", "toml", "json")
	complete("debug", "0", "1", "2", "3", "5")
	root.AddCommand(execCommand(&f), restartCommand(&f), checkCommand(&f), passwdCommand(), demoCommand(), versionCommand(), terminalCommand())
	return root
}

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

func (f flags) configFormat() (conf.Format, error) {
	switch strings.ToLower(f.format) {
	case "toml":
		return conf.TOML, nil
	case "json":
		return conf.JSON, nil
	default:
		return 0, fmt.Errorf("configuration format %q: must be toml or json", f.format)
	}
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

// runSniffer shows the VRRP packets of an interface until a signal, or those of a capture file.
func runSniffer(ctx context.Context, f flags) error {
	p := sniff.Printer{W: os.Stdout, JSON: f.asJSON}
	switch {
	case (f.read == "") == (f.iface == ""):
		return errors.New("the sniffer needs either an interface (-i) or a capture file (--read)")
	case f.read == "-":
		return p.File(bufio.NewReader(os.Stdin))
	case f.read != "":
		file, err := os.Open(f.read)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := p.File(bufio.NewReader(file)); err != nil {
			return fmt.Errorf("%s: %w", f.read, err)
		}
		return nil
	default:
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var unwritten error
		err := native.Capture(ctx, f.iface, p.Live(func(err error) { unwritten = err; cancel() }))
		return errors.Join(err, unwritten)
	}
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

// onTerminal runs a conversation in this terminal, with the history of its user.
func onTerminal(ctx context.Context, c shell.Conversation, history string) error {
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

func status(s shell.Status) error {
	if s == shell.Done {
		return nil
	}
	return exitStatus(s)
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

func checkCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration file",
		Long: `check validates the configuration file as the router does when it starts, and names
every fault. Nothing is touched.

Exit status: 0 valid, possibly with warnings, 1 faults.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !exists(f.config) { // the router starts without one, but this is more likely a mistake
				return fmt.Errorf("%s: %w", f.config, os.ErrNotExist)
			}
			c, err := load(*f)
			if err != nil {
				return err
			}
			for _, warning := range c.Warnings {
				fmt.Printf("%s: warning: %s\n", f.config, warning)
			}
			fmt.Println(f.config + ": valid")
			return nil
		},
	}
}

func passwdCommand() *cobra.Command {
	var algorithm string
	var level uint8
	cmd := &cobra.Command{
		Use:   "passwd USER [PASSWORD]",
		Short: "Print a line for the users list of the configuration file",
		Long: `passwd prints a line for the users list of the [api] table. Without a password it asks
for one, twice and without echo, or reads one line of standard input if that is no
terminal. A password in the arguments can be seen by everybody on this host.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := conf.ParseAlgorithm(algorithm)
			if err != nil {
				return err
			}
			var password string
			if len(args) == 2 {
				password = args[1]
			} else if password, err = term.NewPassword(cmd.Context(), os.Stdin, os.Stderr); err != nil {
				return err
			}
			line, err := conf.HashPassword(args[0], conf.Level(level), password, a)
			if err != nil {
				return err
			}
			fmt.Println(line)
			return nil
		},
	}
	cmd.Flags().StringVarP(&algorithm, "algorithm", "a", "scrypt", "`algorithm`: scrypt or sha256")
	cmd.Flags().Uint8Var(&level, "level", 0, "what the user may do, 0 to 9: 0-4 look, 5-8 operate, 9 configure")
	return cmd
}

// terminalCommand is what the SSH server runs for each terminal: its standard input is a
// pseudo-terminal, and the session is at the other end of file descriptor 3.
func terminalCommand() *cobra.Command {
	return &cobra.Command{
		Use: "terminal HISTORY-FILE", Hidden: true, Args: cobra.ExactArgs(1),
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

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Println("vrrpsh", version) },
	}
}
