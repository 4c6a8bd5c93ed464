// SPDX-License-Identifier: GPL-3.0-only

// Command vrrpsh is a VRRP router with the shell of a network operating system.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	"vrrpsh/platform/journal"
	"vrrpsh/platform/native"
	"vrrpsh/router"
	"vrrpsh/shell"
	"vrrpsh/shell/term"
)

// version is the release; the build adds the commits since then (packaging/version.sh).
var version = "0.9.0"

const (
	defaultConfig = "/etc/vrrpsh/vrrpsh.toml"
	defaultSocket = "/run/vrrpsh/vrrpsh.sock"
)

// configs are the paths of the configuration file, in order: the default, then those of rVRRPd, so that its users
// only need to replace the binary.
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
	asJSON bool   // the sniffer writes JSON
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

// exitStatus ends the program with a status, without a message.
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
	if err != nil {
		err = router.GiveUp(err)
	}
	var status exitStatus
	switch {
	case err == nil:
		return shell.Done
	case errors.As(err, &status):
		return shell.Status(status)
	}
	for _, line := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		fmt.Fprintln(os.Stderr, journal.StderrPriority(slog.LevelError)+"vrrpsh:", line)
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
  vrrpsh -m2               run the router as a daemon
  vrrpsh -m0 -i eth0       show every VRRP packet on an interface, and its faults
  vrrpsh                   the shell of the running router
  vrrpsh exec show vrrp brief
  vrrpsh demo              try it on a simulated LAN, without root`,
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !cmd.Flags().Changed("mode"):
				return attach(cmd.Context(), f)
			case f.mode == 0:
				return runSniffer(cmd.Context(), f)
			case f.mode == 1, f.mode == 2:
				return runRouter(cmd.Context(), f)
			default:
				return fmt.Errorf("unknown mode %d: must be 0 (sniffer), 1 (router in the foreground) or 2 (router as a daemon)", f.mode)
			}
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if f.debug < 0 {
				return fmt.Errorf("verbosity %d is out of range 0-5", f.debug)
			}
			f.debug = min(f.debug, conf.MaxDebug) // as the earlier daemon and the file have it
			f.debugSet = cmd.Flags().Changed("debug")
			if i := slices.IndexFunc(configs, exists); i >= 0 && !cmd.Flags().Changed("conf") {
				f.config = configs[i]
			}
			return nil
		},
	}
	root.SetVersionTemplate("vrrpsh {{.Version}}\n") // as the command version has it
	p := root.PersistentFlags()
	p.StringVarP(&f.config, "conf", "c", defaultConfig, "configuration `file`")
	p.StringVarP(&f.socket, "socket", "s", "", "control `socket` (default $VRRPSH_SOCKET or "+defaultSocket+")")
	p.StringVarP(&f.format, "cfg-format", "g", "", "`format` of the configuration file: toml or json (default: json if its name ends in .json, else toml)")
	p.StringVarP(&f.iface, "iface", "i", "", "`interface` that the sniffer listens on")
	p.IntVarP(&f.debug, "debug", "d", 0, "verbosity `level`, 0 to 5")
	p.IntVarP(&f.mode, "mode", "m", 0, "`mode`: 0 sniffer, 1 router in the foreground, 2 router as a daemon")
	root.Flags().StringVar(&f.read, "read", "", "with -m0: read a capture `file` (pcap or pcapng), - for standard input")
	root.Flags().BoolVar(&f.asJSON, "json", false, "with -m0: print a line of JSON for each packet")
	complete := func(flag string, values ...string) {
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	}
	complete("mode", "0\tsniffer", "1\trouter in the foreground", "2\trouter as a daemon")
	complete("cfg-format", "toml", "json")
	complete("debug", "0", "1", "2", "3", "5")
	root.AddCommand(execCommand(&f), restartCommand(&f), reloadCommand(&f), checkCommand(&f), handoverCommand(), passwdCommand(), demoCommand(), versionCommand(), terminalCommand())
	return root
}

// configFormat is the format of the flag; without one the name of the file decides.
func (f flags) configFormat() (conf.Format, error) {
	switch strings.ToLower(f.format) {
	case "":
		if strings.EqualFold(filepath.Ext(f.config), ".json") {
			return conf.JSON, nil
		}
		return conf.TOML, nil
	case "toml":
		return conf.TOML, nil
	case "json":
		return conf.JSON, nil
	default:
		return 0, fmt.Errorf("configuration format %q: must be toml or json", f.format)
	}
}

// runRouter runs the router, in the background if the mode is 2, with a console if it has a terminal.
func runRouter(ctx context.Context, f flags) error {
	format, err := f.configFormat()
	if err != nil {
		return err
	}
	p := router.Program{Version: version, Path: f.config, Format: format, Override: f.override, Daemon: f.mode == 2}
	if !p.Daemon && xterm.IsTerminal(int(os.Stdin.Fd())) && xterm.IsTerminal(int(os.Stdout.Fd())) {
		p.Console = console
	}
	return p.Run(ctx)
}

// console lets one user after the other talk to the router in this terminal. It returns true if one of them asks to stop the router.
func console(ctx context.Context, logIn func() shell.Conversation) (stop bool, err error) {
	for {
		c := logIn()
		err := converseOn(ctx, c, historyFile())
		_ = c.Close()
		switch {
		case ctx.Err() != nil, errors.Is(err, term.ErrHangup):
			return false, nil
		case err != nil && !errors.Is(err, term.ErrLost): // it has been told that the session has ended
			return false, err
		}
		again, err := term.LoggedOut(ctx)
		if again {
			continue
		}
		if ctx.Err() != nil || errors.Is(err, term.ErrHangup) {
			return false, nil
		}
		return err == nil, err
	}
}

// runSniffer shows the VRRP packets of an interface until a signal, or those of a capture file.
func runSniffer(ctx context.Context, f flags) error {
	p := sniff.Printer{W: os.Stdout, JSON: f.asJSON}
	switch {
	case (f.read == "") == (f.iface == ""):
		return errors.New("the sniffer needs either an interface (-i) or a capture file (--read)")
	case f.read == "-":
		return p.File(bufio.NewReader(readUntil(ctx, os.Stdin)))
	case f.read != "":
		file, err := openUntil(ctx, f.read)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := p.File(bufio.NewReader(readUntil(ctx, file))); err != nil {
			return fmt.Errorf("%s: %w", f.read, err)
		}
		return nil
	default:
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var unwritten error
		err := native.Capture(ctx, f.iface, p.Live(func(err error) { unwritten = err; cancel() }))
		if errors.Is(err, os.ErrPermission) {
			err = fmt.Errorf("%w\nthe sniffer needs root, or CAP_NET_RAW", err)
		}
		return errors.Join(err, unwritten)
	}
}

func status(s shell.Status) error {
	if s == shell.Done {
		return nil
	}
	return exitStatus(s)
}

func checkCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Validate the configuration file",
		Long: `check validates a configuration file as the router does at startup, and reports
every fault. It changes nothing. Without FILE, it is the file of -c, or the router's.

Exit status: 0 valid, possibly with warnings, 1 faults.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := *f
			if len(args) == 1 {
				if cmd.Flags().Changed("conf") {
					return errors.New("two files: check takes either FILE or -c FILE")
				}
				f.config = args[0]
			}
			if !exists(f.config) { // the router starts without one, but this is more likely a mistake
				return fmt.Errorf("%s: %w", f.config, os.ErrNotExist)
			}
			format, err := f.configFormat()
			if err != nil {
				return err
			}
			c, err := router.ThisHost.LoadFile(f.config, format)
			if err != nil {
				return inBothWords(err)
			}
			for _, warning := range c.Warnings {
				fmt.Printf("%s: warning: %s\n", f.config, warning)
			}
			fmt.Println(f.config + ": valid")
			return nil
		},
	}
}

// inBothWords adds to each fault of a file its text in the words of commands.
func inBothWords(err error) error {
	var faults conf.Faults
	if !errors.As(err, &faults) {
		return err
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		if lines[i] = f.String(); f.Typed != "" {
			lines[i] += " (" + f.Typed + ")"
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

// handoverCommand is the command of the installed release that the running one calls before a restart.
func handoverCommand() *cobra.Command {
	return &cobra.Command{
		Use:    router.HandoverCommand,
		Short:  "Check whether this release understands the hand-over on standard input",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE:   func(*cobra.Command, []string) error { return router.CheckHandover(os.Stdin) },
	}
}

func passwdCommand() *cobra.Command {
	var algorithm string
	var level uint8
	cmd := &cobra.Command{
		Use:   "passwd USER [PASSWORD]",
		Short: "Print a line for the users list of the configuration file",
		Long: `passwd prints a line for the users list of the [api] table. Without a password
argument it asks for the password, twice and without echo, or reads one line of standard
input if that is not a terminal. Every user of this host can see a password in the
arguments.`,
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
	cmd.Flags().Uint8Var(&level, "level", 0, "what the user may do, 0 to 9: 0-4 view, 5-8 operate, 9 configure")
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Println("vrrpsh", version) },
	}
}
