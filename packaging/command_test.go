// SPDX-License-Identifier: GPL-3.0-only

package packaging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// said runs the program and returns its exit status and what it wrote.
func said(t *testing.T, args ...string) (status int, text string) {
	t.Helper()
	out, err := exec.Command(bin, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		status = exit.ExitCode()
	}
	return status, string(out)
}

// write writes a file of a test's own directory and returns its path.
func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandLine(t *testing.T) {
	const toml = "[[vrouter]]\ngroup = 7\ninterface = \"eth0\"\nvip = \"10.0.0.7\"\n"
	const json = `{"vrouter": [{"group": 7, "interface": "eth0", "vip": "10.0.0.7"}]}`
	const secret = toml + "auth_type = \"rfc2338-simple\"\nauth_secret = \"hidden\"\n"
	good := write(t, "good.toml", toml, 0o600)
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"version":                              {[]string{"--version"}, 0, "vrrpsh " + released(t)},
		"check a file":                         {[]string{"check", good}, 0, good + ": valid"},
		"check the file of -c":                 {[]string{"check", "-c", good}, 0, good + ": valid"},
		"check two files":                      {[]string{"check", "-c", good, good}, 1, "two files"},
		"check a file that is not there":       {[]string{"check", good + ".not"}, 1, "file does not exist"},
		"a name that ends in .json":            {[]string{"check", write(t, "x.json", json, 0o600)}, 0, "valid"},
		"a byte order mark in JSON":            {[]string{"check", write(t, "x.json", "\ufeff"+json, 0o600)}, 0, "valid"},
		"a byte order mark in TOML":            {[]string{"check", write(t, "x.toml", "\ufeff"+toml, 0o600)}, 0, "valid"},
		"JSON by another name":                 {[]string{"check", write(t, "x.conf", json, 0o600)}, 1, "-g json"},
		"JSON by another name, as told":        {[]string{"check", "-g", "json", write(t, "x.conf", json, 0o600)}, 0, "valid"},
		"secrets that others can read":         {[]string{"check", write(t, "x.toml", secret, 0o644)}, 0, "warning: the file contains secrets, and every user of this host can read it"},
		"commands from standard input":         {[]string{"-s", "/nowhere/sock", "exec", "-f", "-"}, 5, "no router"},
		"commands from standard input, a file": {[]string{"-s", "/nowhere/sock", "exec", "-f", "/nowhere/x"}, 1, "/nowhere/x"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := said(t, c.args...)
			if status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("vrrpsh %s: exit status %d, want %d, with %q:\n%s", strings.Join(c.args, " "), status, c.status, c.want, text)
			}
		})
	}
	for name, text := range map[string]string{"without secrets": toml, "for its owner only": secret} {
		mode := os.FileMode(0o600)
		if text == toml {
			mode = 0o644
		}
		if _, text := said(t, "check", write(t, "x.toml", text, mode)); strings.Contains(text, "warning") {
			t.Errorf("a file %s: %s", name, text)
		}
	}
}

// TestReadOnlyRun checks that a router whose default directory is read-only says what to do.
func TestReadOnlyRun(t *testing.T) {
	need(t, "unshare")
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	out, err := exec.Command("unshare", "--net", "--mount", "sh", "-c", "mount -t tmpfs -o ro none /run && exec \"$@\"", "sh",
		bin, "-m1", "-c", "/nowhere/x.toml").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "read-only file system: -s or control_socket names another path") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestReferenceFile checks that a router starts with the reference as it is.
func TestReferenceFile(t *testing.T) {
	if _, err := os.Stat("/usr/bin/logger"); err != nil {
		t.Skip("the program of the example is not installed")
	}
	if status, text := said(t, "check", "../conf/reference.toml"); status != 0 {
		t.Errorf("exit status %d:\n%s", status, text)
	}
}

// TestWithoutRoot checks that a user without privileges learns which ones are needed.
func TestWithoutRoot(t *testing.T) {
	need(t, "setpriv")
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	if err := os.Chmod(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	as := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", bin}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"a router needs root; or CAP_NET_ADMIN, CAP_NET_RAW,": {"-m1", "-c", "/nowhere/x.toml", "-s", filepath.Join(closed, "run", "sock")},
		"the sniffer needs root, or CAP_NET_RAW":              {"-m0", "-i", "lo"},
	} {
		out, err := exec.Command(as[0], append(as[1:], args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("vrrpsh %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestJournalPriority checks that a line on standard error begins with its priority exactly if that is the system's journal.
func TestJournalPriority(t *testing.T) {
	for name, c := range map[string]struct {
		off  uint64 // the inode that JOURNAL_STREAM names is another one
		want string
	}{"the journal": {0, "<3>vrrpsh: "}, "something else": {1, "vrrpsh: "}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var stat syscall.Stat_t
		if err := syscall.Fstat(int(w.Fd()), &stat); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin, "check", "/nowhere/x.toml")
		cmd.Stderr = w
		cmd.Env = append(os.Environ(), fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino+c.off))
		_ = cmd.Run() // there is no such file
		_ = w.Close()
		if out, err := io.ReadAll(r); err != nil || !strings.HasPrefix(string(out), c.want) {
			t.Errorf("%s: %q, %v; want %q", name, out, err, c.want)
		}
		_ = r.Close()
	}
}

// TestCompletionOfCommands checks that the shells of users complete the commands of the router.
func TestCompletionOfCommands(t *testing.T) {
	const line = "vrrpsh -s /nowhere/sock exec show v"
	if _, text := said(t, "__complete", "-s", "/nowhere/sock", "exec", "show", "v"); !strings.HasPrefix(text, "version\t") || !strings.Contains(text, "\nvrrp\t") {
		t.Errorf("the words for %q:\n%s", line, text)
	}
	if _, text := said(t, "__complete", "-s", "/nowhere/sock", "exec", "show", "vrrp", "brief", "|", "inc"); !strings.HasPrefix(text, "include\t") {
		t.Errorf("the words for a pipe:\n%s", text)
	}
	bash := "COMP_WORDS=(" + line + ") COMP_CWORD=5 COMP_LINE=$line COMP_POINT=${#line}; "
	for name, c := range map[string]struct{ shell, script string }{
		"bash": {"bash", "_get_comp_words_by_ref() { cur=v prev=show words=(" + line + ") cword=5; }; compopt() { :; }; " +
			"source <(" + bin + " completion bash); line='" + line + "'; " + bash + "__start_vrrpsh; echo \"${COMPREPLY[@]}\""},
		"fish": {"fish", bin + " completion fish | source; complete -C '" + line + "'"},
		"zsh": {"zsh", "autoload -U compinit && compinit -D -u; source <(" + bin + " completion zsh); " +
			"_describe() { print -l -- ${(P)4:-} ${completions[@]} }; words=(" + line + "); CURRENT=6; _vrrpsh"},
	} {
		t.Run(name, func(t *testing.T) {
			need(t, c.shell)
			cmd := exec.Command(c.shell, "-c", c.script)
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"), "HOME="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "version") || !strings.Contains(string(out), "vrrp") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestSignalWhileAPipeIsSilent checks that a signal ends a program that waits for a pipe in the place of a file.
func TestSignalWhileAPipeIsSilent(t *testing.T) {
	dir := t.TempDir()
	pipe, config := filepath.Join(dir, "pipe"), filepath.Join(dir, "x.toml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(pipe, os.O_RDWR, 0) // a writer that says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	text := fmt.Sprintf("control_socket = %q\nstate_dir = %q\n[api]\nhost = \"127.0.0.1:7089\"\ntls = true\ntls_key = %q\ntls_cert = %q\n",
		filepath.Join(dir, "sock"), dir, pipe, pipe)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"the configuration": {"-m1", "-c", pipe, "-s", filepath.Join(dir, "sock")},
		"a certificate":     {"-m1", "-c", config},
		"a capture":         {"-m0", "--read", pipe},
	} {
		t.Run(name, func(t *testing.T) {
			var command *exec.Cmd
			if args[0] == "-m1" {
				need(t, "unshare")
				if os.Geteuid() != 0 {
					t.Skip("needs root")
				}
				command = exec.Command("unshare", append([]string{"--net", bin}, args...)...)
			} else {
				command = exec.Command(bin, args...)
			}
			var out bytes.Buffer
			command.Stderr = &out
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			// A signal before the program handles signals ends it as well.
			for range 100 {
				select {
				case <-ended:
					return
				case <-time.After(100 * time.Millisecond):
					_ = command.Process.Signal(syscall.SIGTERM)
				}
			}
			_ = command.Process.Kill()
			t.Errorf("still there after ten seconds: %v\n%s", <-ended, &out)
		})
	}
}
