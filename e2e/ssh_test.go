// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"vrrpsh/conf"
	"vrrpsh/e2e/lab"
)

// sshLab is a router with OpenSSH's client on the same host and a key of the user alice.
type sshLab struct {
	t    *testing.T
	l    *lab.Lab
	node *lab.Namespace
	port string
	key  string
}

func newSSHLab(t *testing.T) *sshLab {
	t.Helper()
	l := lab.New(t, 1)
	s := &sshLab{t: t, l: l, node: l.Routers[0], key: filepath.Join(l.Dir, "id")}
	s.node.IP("link set lo up")
	s.node.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.key)
	if err := os.Mkdir(filepath.Join(l.Dir, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

// authorize accepts the key for a user, with options.
func (s *sshLab) authorize(user, options string) {
	s.t.Helper()
	public, err := os.ReadFile(s.key + ".pub")
	if err != nil {
		s.t.Fatal(err)
	}
	s.l.File("keys/"+user, strings.TrimSpace(options+" "+string(public))+"\n")
}

func (s *sshLab) command(ctx context.Context, user string, args ...string) *exec.Cmd {
	all := append([]string{"ssh", "-F", "none", "-p", s.port, "-i", s.key, "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=accept-new", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile=" + filepath.Join(s.l.Dir, "known-"+s.port), user + "@127.0.0.1"}, args...)
	return s.node.Command(ctx, all...)
}

// ssh runs the client with standard input.
func (s *sshLab) ssh(user, input string, args ...string) lab.Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, user, args...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	return lab.Result{Status: lab.ExitStatus(cmd.Run()), Stdout: stdout.String(), Stderr: stderr.String()}
}

// console is a user at a terminal.
type console struct {
	t      *testing.T
	pty    *os.File
	ended  chan struct{}
	status int

	mu   sync.Mutex
	text strings.Builder
}

func (s *sshLab) console(user string, args ...string) *console {
	s.t.Helper()
	return onTerminal(s.t, s.command(s.t.Context(), user, args...))
}

// onTerminal runs a command in a terminal until the end of the test.
func onTerminal(t *testing.T, cmd *exec.Cmd) *console {
	t.Helper()
	cmd.SysProcAttr = nil // belongs to the terminal's session
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, pty: f, ended: make(chan struct{})}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b)
			c.mu.Lock()
			c.text.Write(b[:n])
			c.mu.Unlock()
			if err != nil {
				break
			}
		}
		c.status = lab.ExitStatus(cmd.Wait())
		close(c.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-c.ended
		_ = f.Close()
	})
	return c
}

// shows waits for text that appears after the last typed line.
func (c *console) shows(text string) {
	c.t.Helper()
	lab.Until(c.t, patience, fmt.Sprintf("the terminal shows %q", text), func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !strings.Contains(c.text.String(), text) {
			return fmt.Errorf("it shows %q", c.text.String())
		}
		return nil
	})
}

func (c *console) types(text string) {
	c.t.Helper()
	c.mu.Lock()
	c.text.Reset()
	c.mu.Unlock()
	if _, err := io.WriteString(c.pty, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *console) ends(status int) {
	c.t.Helper()
	lab.Until(c.t, patience, "the client ends", func() error {
		select {
		case <-c.ended:
			return nil
		default:
			return errNotYet
		}
	})
	if c.status != status {
		c.t.Errorf("the client ended with status %d, want %d", c.status, status)
	}
}

func userLine(t *testing.T, name string, level conf.Level) string {
	t.Helper()
	line, err := conf.HashPassword(name, level, "banana", conf.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q", line)
}

// TestSSH uses the router's own SSH server with OpenSSH's client.
func TestSSH(t *testing.T) {
	parallel(t)
	s := newSSHLab(t)
	s.port = "2222"
	v := s.l.VrrpshFile(bin, s.node, "[api]\nhost = \"127.0.0.1:7080\"\nusers = ["+
		userLine(t, "alice", conf.Administrator)+", "+userLine(t, "bob", conf.Viewer)+"]\n")
	s.authorize("alice", "")
	s.authorize("bob", `from="127.0.0.0/8",restrict`)
	v.Start()
	v.WaitReady()
	// A commit opens the server.
	v.Script("configure", "ssh listen 127.0.0.1:2222", "ssh authorized-keys "+s.l.Dir+"/keys/%u", "commit", "end")

	for _, tt := range []struct {
		name, user, input string
		args              []string
		status            int
		out, err          string
	}{
		{"command", "alice", "", []string{"show", "vrrp", "brief"}, 0, "Interface  Grp", ""},
		{"wrong command", "alice", "", []string{"show vrpp"}, 2, "", "Did you mean: vrrp"},
		{"pipe", "bob", "", []string{"show sessions | include bob"}, 0, "ssh 127.0.0.1", ""},
		{"not permitted", "bob", "", []string{"configure"}, 1, "", "Permission denied"},
		{"not permitted to write", "bob", "", []string{"show clock | save /tmp/vrrpsh-e2e-not-there"}, 1, "", "Permission denied"},
		{"script", "alice", "configure\nhostname edge\ncommit\nend\nshow running-config | include hostname\n", nil, 0, "hostname edge", ""},
		{"refused commit", "alice", "configure\ninterface eth0 vrrp 1 priority 7\ncommit\n", nil, 3, "", "vip"},
		{"sftp", "alice", "", []string{"-s", "sftp"}, 255, "", "subsystem request failed"},
		{"forwarding", "alice", "", []string{"-o", "ExitOnForwardFailure=yes", "-R", "2300:127.0.0.1:22", "show clock"}, 255, "", "remote port forwarding failed"},
		{"stranger", "carol", "", []string{"show clock"}, 255, "", "Permission denied"},
	} {
		r := s.ssh(tt.user, tt.input, tt.args...)
		if r.Status != tt.status || !strings.Contains(r.Stdout, tt.out) || !strings.Contains(r.Stderr, tt.err) ||
			tt.out == "" && r.Stdout != "" && tt.status != 3 || tt.err == "" && r.Stderr != "" {
			t.Errorf("%s: status %d, want %d; output %q, want %q; errors %q, want %q",
				tt.name, r.Status, tt.status, r.Stdout, tt.out, r.Stderr, tt.err)
		}
	}

	c := s.console("alice")
	c.shows("edge# ")
	c.types("show sess\t\r")
	c.shows("ssh 127.0.0.1")
	c.types("configure\r")
	c.shows("2 uncommitted changes of alice (ssh 127.0.0.1)") // of the refused commit
	c.shows("edge(config)# ")
	c.types("load lost\r")
	c.shows("Continuing with 2 uncommitted changes")
	c.types("discard\r")
	c.shows("edge(config)# ")
	c.types("\x1b[200~hostname other\rend\rshow version\rdiscard\r\x1b[201~") // a paste is asked nothing
	c.shows("Uncommitted changes: commit or discard them first")
	c.shows("Configuration file is ")
	c.types("interface eth0 vrrp 1\rend\r")
	c.shows("[cancel]")
	c.types("discard\r")
	c.shows("edge# ")
	// bob's key is not allowed to have a terminal.
	if r := s.ssh("bob", "show clock\n", "-tt"); r.Status == 0 && strings.Contains(r.Stdout, "edge>") {
		t.Errorf("a key with restrict got a terminal: %q", r.Stdout)
	}
	// A commit that lowers the user's level ends an open session.
	v.Script("configure", "api user alice level 0 password banana", "commit", "end")
	c.shows("changed your user")
	c.ends(5)
	if r := s.ssh("alice", "", "configure"); r.Status != 1 {
		t.Errorf("configure as a viewer: status %d", r.Status)
	}
	// When the router ends, its sessions end, too.
	c = s.console("alice")
	c.shows("edge> ")
	v.Stop()
	c.shows("the router is stopping")
	c.ends(5)
}

// TestLoginShell reaches the router through OpenSSH's server, with a login shell and with ForceCommand.
func TestLoginShell(t *testing.T) {
	parallel(t)
	s := newSSHLab(t)
	s.port = "2223"
	shell := filepath.Join(s.l.Dir, "vrrpsh-login")
	program, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shell, program, 0o755); err != nil {
		t.Fatal(err)
	}
	// The users exist only in mount namespaces; their group may use the control socket.
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(s.l.Dir, "alice")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, 54321, 0)); err != nil {
		t.Fatal(err)
	}
	s.l.File("passwd", string(passwd)+fmt.Sprintf("\nalice:*:54321:0::%s:%s\nforced:*:54322:0::%s:/bin/sh\n", home, shell, s.l.Dir))
	within := s.l.File("within", fmt.Sprintf("#!/bin/sh\n"+
		"[ -z \"$WITHIN\" ] && WITHIN=1 exec unshare -m \"$0\" \"$@\"\nunset WITHIN\n"+
		"mount --bind %[1]s/passwd /etc/passwd && mount -t tmpfs none /run && mkdir -m 0755 /run/sshd && exec \"$@\"\n", s.l.Dir))
	router := s.l.File("router", fmt.Sprintf("#!/bin/sh\nexec %s %s \"$@\"\n", within, bin))
	if err := errors.Join(os.Chmod(within, 0o755), os.Chmod(router, 0o755)); err != nil {
		t.Fatal(err)
	}
	v := s.l.VrrpshFile(router, s.node, "[api]\nhost = \"127.0.0.1:7080\"\nusers = ["+userLine(t, "alice", conf.Operator)+"]\n")
	v.Start()
	v.WaitReady()
	s.authorize("alice", "")
	s.authorize("forced", "")
	s.node.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.l.Dir+"/sshd_key")
	config := s.l.File("sshd_config", strings.Join([]string{
		"Port " + s.port, "ListenAddress 127.0.0.1", "HostKey " + s.l.Dir + "/sshd_key", "PidFile none", "UsePAM no",
		"StrictModes no", "PasswordAuthentication no", "AuthorizedKeysFile " + s.l.Dir + "/keys/%u",
		"PrintMotd no", "PrintLastLog no", "SetEnv VRRPSH_SOCKET=" + v.Socket,
		"Match User forced", "  ForceCommand " + shell + " -s " + v.Socket, "",
	}, "\n"))
	s.l.Start(s.node, "sshd", within, "/usr/sbin/sshd", "-D", "-e", "-f", config)
	lab.Until(t, patience, "sshd answers", func() error {
		if r := s.ssh("alice", "", "show", "clock"); r.Status != 0 {
			return fmt.Errorf("status %d: %s", r.Status, r.Stderr)
		}
		return nil
	})

	for _, user := range []string{"alice", "forced"} {
		for _, tt := range []struct {
			input    string
			args     []string
			status   int
			out, err string
		}{
			{"", []string{"show", "vrrp", "brief"}, 0, "Interface  Grp", ""},
			{"", []string{"show sessions | include exec"}, 0, user, ""},
			{"", []string{"show vrpp"}, 2, "", "Did you mean: vrrp"},
			{"show clock\nshow version\n", nil, 0, "vrrpsh", ""},
			{"", []string{"/bin/sh", "-c", "id"}, 2, "", "%"},
			{"", []string{"configure"}, 1, "", "Permission denied"},
		} {
			r := s.ssh(user, tt.input, tt.args...)
			if r.Status != tt.status || !strings.Contains(r.Stdout, tt.out) || !strings.Contains(r.Stderr, tt.err) || tt.out == "" && r.Stdout != "" {
				t.Errorf("%s: %q: status %d, want %d; output %q, want %q; errors %q, want %q",
					user, tt.args, r.Status, tt.status, r.Stdout, tt.out, r.Stderr, tt.err)
			}
		}
	}
	// alice is an operator in the users list, forced is not in the list.
	for user, prompt := range map[string]string{"alice": "r1# ", "forced": "r1> "} {
		c := s.console(user)
		c.shows(prompt)
		c.types("exit\r")
		c.ends(0)
	}
	v.Stop()
	if r := s.ssh("alice", "", "show", "clock"); r.Status != 5 {
		t.Errorf("without a router: status %d, want 5; %s", r.Status, r.Stderr)
	}
}
