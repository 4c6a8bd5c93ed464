// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vrrpsh/conf"
	"vrrpsh/e2e/lab"
	"vrrpsh/shell/term/termtest"
)

// feel is one router with users at its shell: on its console, attached to it, and with an SSH client.
type feel struct {
	*sshLab
	router *lab.Vrrpsh // through its control socket
}

// seats are the ways to use the shell on a terminal.
var seats = []string{"console", "attached", "ssh"}

// newFeel starts a router with its console on a terminal of 100 columns and 30 rows.
func newFeel(t *testing.T) (*feel, *termtest.Terminal) {
	t.Helper()
	s := newSSHLab(t)
	s.port = "2224"
	s.authorize("alice", "")
	f := &feel{sshLab: s, router: s.l.VrrpshFile(bin, s.node, fmt.Sprintf("[ssh]\nlisten = \"127.0.0.1:%s\"\nauthorized_keys = \"%s/keys/%%u\"\n"+
		"[api]\nhost = \"127.0.0.1:7080\"\nusers = [%s]\n", s.port, s.l.Dir, userLine(t, "alice", conf.Administrator))+fast.Table(150))}
	return f, f.console(t)
}

// console starts the router on a terminal.
func (f *feel) console(t *testing.T) *termtest.Terminal {
	t.Helper()
	u := f.sit(t, bin, "-m1", "-c", f.router.Config, "-s", f.router.Socket)
	u.Prompt("r1# ")
	lab.Until(t, patience, "r1 is Master", func() error {
		all, err := f.router.TryStatus()
		if err == nil && (len(all) != 1 || all[0].State != "Master") {
			err = fmt.Errorf("the API has %+v", all)
		}
		return err
	})
	return u
}

// sit runs a program in the router's namespace on a terminal.
func (f *feel) sit(t *testing.T, argv ...string) *termtest.Terminal {
	t.Helper()
	return seated(t, f.node.Command(context.Background(), argv...), f.l.Dir)
}

// seated runs a program on a terminal and reads the screen like a user.
func seated(t *testing.T, cmd *exec.Cmd, home string) *termtest.Terminal {
	t.Helper()
	cmd.SysProcAttr = nil // belongs to the terminal's session
	cmd.Env = append(os.Environ(), "HOME="+home, "TERM=xterm", "VRRPSH_SOCKET=")
	return termtest.Start(t, cmd, 100, 30)
}

// take starts a shell at a seat other than the console.
func (f *feel) take(t *testing.T, seat string) *termtest.Terminal {
	t.Helper()
	var u *termtest.Terminal
	if seat == "ssh" {
		u = seated(t, f.command(context.Background(), "alice"), f.l.Dir)
	} else {
		u = f.sit(t, bin, "-s", f.router.Socket)
	}
	u.Prompt("r1# ")
	return u
}

// TestFeel checks the interactive behaviour of the shell at each seat.
func TestFeel(t *testing.T) {
	parallel(t)
	f, console := newFeel(t)
	for _, seat := range seats {
		u := console
		if seat != "console" {
			u = f.take(t, seat)
		}
		t.Run(seat, func(t *testing.T) {
			u.T = t
			for _, item := range feelings {
				t.Run(item.name, func(t *testing.T) {
					u.T = t
					u.Send("\x0c") // each begins with an empty screen
					u.Prompt("r1# ")
					item.test(f, u)
					u.Prompt("r1# ")
				})
				if t.Failed() {
					return // the next line would begin in the middle
				}
			}
			u.T = t
		})
		if t.Failed() {
			return
		}
	}
	for name, u := range map[string]*termtest.Terminal{
		"ssh -tt": seated(t, f.command(context.Background(), "alice", "-tt", "monitor vrrp"), f.l.Dir),
		"exec":    f.sit(t, bin, "-s", f.router.Socket, "exec", "monitor", "vrrp"),
	} {
		t.Run("monitor vrrp with "+name, func(t *testing.T) {
			u.T = t
			u.Shows("1-1 of 1   q: leave")
			u.Send("/BACKUP\r")
			u.Shows("0-0 of 0 (1 without /BACKUP/)")
			u.Send("q")
			u.Left(0)
		})
	}
	t.Run("leaving", func(t *testing.T) { f.leaving(t, console) })
}

// feelings are the independent checks. All start and end at an empty line in exec mode.
var feelings = []struct {
	name string
	test func(f *feel, u *termtest.Terminal)
}{
	{"Tab", func(_ *feel, u *termtest.Terminal) {
		u.Send("sh\tvr\tb\tint\te\t")
		u.Prompt("r1# show vrrp brief interface eth0 ")
		u.Send("gr\t5\t")
		u.Prompt(fmt.Sprintf("r1# show vrrp brief interface eth0 group %d ", vrid))
		u.Run("", "MASTER")
	}},
	{"suggestions", func(_ *feel, u *termtest.Terminal) {
		popped := func() bool { return strings.Contains(strings.Join(u.Screen.Visible()[1:], "\n"), "Virtual routers") }
		u.Send("show vr")
		u.Until("suggestions", popped)
		u.Send("\x15terminal suggestions off\r")
		u.Prompt("r1# ")
		u.Send("\x0cshow vr")
		u.Prompt("r1# show vr")
		if popped() {
			u.T.Error("suggestions although they are off")
		}
		u.Send("\x15terminal suggestions on\r")
	}},
	{"question mark", func(_ *feel, u *termtest.Terminal) {
		u.Send("sh?")
		u.Shows("r1# sh?\n  show  Show the state of the router")
		u.Prompt("r1# sh")
		u.Send("ow brief\x1bb?") // in the middle of the line
		u.Shows("\n  vrrp")
		u.Cursor("r1# show ", "brief")
		u.Send("vrrp \x05 group ?")
		u.Shows("<1-255>")
		u.Prompt("r1# show vrrp brief group ")
		u.Send(fmt.Sprintf("%d ?", vrid))
		u.Shows("<cr>")
		u.Prompt(fmt.Sprintf("r1# show vrrp brief group %d ", vrid))
		u.Send("\x15")
	}},
	{"abbreviations and errors", func(_ *feel, u *termtest.Terminal) {
		u.Run("sh vr b", "Interface  Grp")
		u.Send("conf t\r")
		u.Prompt("r1(config)# ")
		u.Send("int eth0 vrrp 1\r")
		u.Prompt("r1(config-vrrp*)# ")
		u.Send("disc\rend\r")
		u.Prompt("r1# ")
		u.Run("show vrpp brief", "r1# show vrpp brief\n         ^\n% Invalid input detected at '^' marker. Did you mean: vrrp\n")
		u.Run("sh i", "% Ambiguous command: \"sh i\" (interfaces, ip)\n")
		u.Run("vrrp resign interface eth0 group", "% Incomplete command: expected <group 1-255>\n")
	}},
	{"keys", func(_ *feel, u *termtest.Terminal) {
		u.Send("wo clock x\x17\x01sh\x06\x06\x02\x14\x05") // removes the last word, inserts "sh" in front, swaps "wo"
		u.Prompt("r1# show clock ")
		u.Send("\x15\x19\x01\x1bf\x1bf\x0b | json\r") // killed and yanked
		u.Shows("\"time\": \"")
		u.Prompt("r1# ")
		u.Send("\x12cloc\r") // found in the history
		u.Until("the same again", func() bool { return strings.Count(u.Screen.Text(), "\"time\": \"") == 2 })
		u.Prompt("r1# ")
		u.Send("\x10\x10\x0e\x1b[A\x1b[B\x15")
	}},
	{"paste of 200 lines", func(_ *feel, u *termtest.Terminal) {
		if !u.Screen.Mode("?2004") {
			u.T.Error("the terminal does not mark pasted text")
		}
		u.Send("configure\r")
		u.Prompt("r1(config)# ")
		var b strings.Builder
		b.WriteString("\x1b[200~interface eth0\n")
		for i := range 200 {
			fmt.Fprintf(&b, "  vrrp %d description line\t%d\n", vrid, i)
		}
		b.WriteString("do show clock | count\n\x1b[201~")
		go func() { _, _ = u.PTY.WriteString(b.String()) }()
		u.Shows("Count: 1 line\n")
		u.Run("show | include description", "\n  description \"line 199\"\n")
		for i := range 200 {
			if n := strings.Count(u.Screen.Text(), fmt.Sprintf(" description line %d\n", i)); n != 1 {
				u.T.Errorf("line %d was run %d times", i, n)
			}
		}
		if strings.Contains(u.Screen.Text(), "%") {
			u.T.Errorf("errors:\n%s", u.Screen.Text())
		}
		u.Send("discard\rend\r")
	}},
	{"Ctrl-C", func(_ *feel, u *termtest.Terminal) {
		u.Send("show nothing\x03")
		u.Shows("show nothing\nr1#")
		u.Prompt("r1# ")
		u.Run("monitor packets interface eth0", "priority 150")
		u.Send("\x03")
		u.Prompt("r1# ")
		if strings.Contains(u.Screen.Text(), "%") {
			u.T.Errorf("errors:\n%s", u.Screen.Text())
		}
	}},
	{"Ctrl-D and Ctrl-Z", func(_ *feel, u *termtest.Terminal) {
		u.Send(fmt.Sprintf("configure\rinterface eth0\rvrrp %d\r", vrid))
		u.Prompt("r1(config-vrrp)# ")
		u.Send("\x04")
		u.Prompt("r1(config-if)# ")
		u.Send("no such\x1a")
		u.Prompt("r1# ")
		u.Send("ab\x01\x04\x04") // with a line it deletes
	}},
	{"resize", func(_ *feel, u *termtest.Terminal) {
		u.Send("show vrrp")
		u.Prompt("r1# show vrrp")
		u.Resize(60, 12)
		// The size may arrive after the next key.
		u.Until("a page of the new size", func() bool {
			u.Poke()
			v := u.Screen.Visible()
			if v[len(v)-1] == "--More--" {
				return true
			}
			shown := strings.Count(u.Screen.Text(), "State duration")
			u.Send("\x05\x15show vrrp\r")
			u.Until("an answer", func() bool {
				v := u.Screen.Visible()
				b, a := u.Screen.CursorLine()
				return strings.Count(u.Screen.Text(), "State duration") > shown && (v[len(v)-1] == "--More--" || b == "r1# " && a == "")
			})
			v = u.Screen.Visible()
			return v[len(v)-1] == "--More--"
		})
		u.Send("q")
		u.Prompt("r1# ")
		u.Resize(100, 30)
	}},
	{"twenty columns and six rows", func(_ *feel, u *termtest.Terminal) {
		u.Resize(20, 6)
		u.Send("conf\r")
		u.Prompt("r1(config)# ")
		u.Send("interf\teth0 vrrp 7 desc\tno\r")
		u.Prompt("r1(config*)# ")
		u.Send("show vrrp brief ?")
		u.Shows("--More--")
		u.Send("q\x15discard\rend\r")
		u.Prompt("r1# ")
		u.Send("show vrrp\r")
		u.Shows("State is MA")
		u.Shows("--More--")
		u.Send(" \rbq")
		u.Prompt("r1# ")
		u.Send("monitor vrrp\r")
		u.Until("the table", func() bool { return u.Screen.Mode("?1049") })
		u.Send("q")
		u.Prompt("r1# ")
		u.Resize(100, 30)
		u.Send("show version | include ^vrrpsh\r")
		u.Shows("\nvrrpsh ")
	}},
	{"pager", func(_ *feel, u *termtest.Terminal) {
		more := func(line string) {
			u.T.Helper()
			u.Until("--More-- behind "+line, func() bool {
				v := u.Screen.Visible()
				b, _ := u.Screen.CursorLine()
				return b == "--More--" && strings.Contains(strings.Join(v, "\n"), line+"\n--More--")
			})
		}
		u.Send("terminal length 5\rshow configuration | include .\r")
		u.Until("the first page", func() bool { b, _ := u.Screen.CursorLine(); return b == "--More--" })
		u.Send("q")
		u.Prompt("r1# ")
		u.Send("show vrrp\r")
		more("  Virtual IP address is 192.0.2.100/24")
		u.Send("\r")
		more("  Primary IP address is 192.0.2.1")
		shown := strings.Count(u.Screen.Text(), "  State is MASTER\n")
		u.Send("b")
		u.Until("the first page again", func() bool { return strings.Count(u.Screen.Text(), "  State is MASTER\n") > shown })
		more("  Virtual IP address is 192.0.2.100/24")
		u.Send("/Priority is\r")
		u.Shows("  Priority is 150\n")
		u.Send("/no such line\r")
		u.Shows("(pattern not found) --More--")
		u.Send("q")
		u.Prompt("r1# ")
		u.Send("show vrrp | no-more\r")
		u.Prompt("r1# ")
		u.Send("terminal length 0\r\x0cshow vrrp\r")
		u.Shows("Transitions")
		u.Prompt("r1# ")
		u.Send("configure\rterminal length 5\rshow configuration\r")
		u.Shows("--More--")
		u.Send("q")
		u.Prompt("r1(config)# ")
		u.Send("end\rterminal length 24\r")
	}},
	{"log lines and commits of others while typing", func(f *feel, u *termtest.Terminal) {
		u.Send("terminal monitor\r")
		u.Prompt("r1# ")
		u.Send("show vrrp bri\x02\x02")
		u.Cursor("r1# show vrrp b", "ri")
		f.router.Script("configure", "logging time-format short", "commit comment other", "logging time-format disabled", "commit", "end")
		u.Shows("(control socket): other\n")
		u.Shows("committed (user=")
		u.Cursor("r1# show vrrp b", "ri")
		u.Send("\x05ef\r")
		u.Shows("MASTER")
		u.Send("terminal no monitor\r")
	}},
	{"an event is shown once", func(f *feel, u *termtest.Terminal) {
		u.Send("terminal monitor\rdebug vrrp events\r")
		u.Shows("Debugging of vrrp events is on")
		f.router.Script(fmt.Sprintf("vrrp resign interface eth0 group %d", vrid))
		u.Shows(fmt.Sprintf("eth0 IPv4 group %d: Backup → Master: ", vrid))
		u.Send("undebug all\rterminal no monitor\r")
		u.Prompt("r1# ")
		if strings.Contains(u.Screen.Text(), "became ") {
			u.T.Errorf("events are shown twice:\n%s", u.Screen.Text())
		}
	}},
	{"interruption of a commit", func(f *feel, u *termtest.Terminal) {
		u.Send(fmt.Sprintf("configure\rinterface eth0 vrrp %d description interrupted\r", vrid))
		u.Prompt("r1(config*)# ")
		u.Send("commit\r")
		u.Send("\x03")
		u.Until("the end of the commit", func() bool {
			b, a := u.Screen.CursorLine()
			return strings.HasPrefix(b, "r1(config)") && strings.HasSuffix(b, "# ") && a == "" &&
				strings.Count(u.Screen.Text(), "commit") > 0 && !strings.HasSuffix(b, "commit")
		})
		u.Send("\x0cshow changes | include .\r")
		none, some := "No changes\n", "+  description interrupted\n"
		u.Until("the changes left in the candidate", func() bool {
			return strings.Contains(u.Screen.Text(), none) || strings.Contains(u.Screen.Text(), some)
		})
		done := strings.Contains(u.Screen.Text(), none)
		if inFile := strings.Contains(f.router.ConfigText(), "interrupted"); inFile != done {
			u.T.Errorf("committed: %t, in the file: %t", done, inFile)
		}
		u.Send(fmt.Sprintf("discard\rinterface eth0 vrrp %d no description\rcommit\rend\r", vrid))
	}},
	{"monitor vrrp", func(f *feel, u *termtest.Terminal) {
		u.Send("monitor vrrp\r")
		u.Shows("1 virtual router, 1 Master\n")
		u.Shows("1-1 of 1   q: leave")
		f.router.Script(fmt.Sprintf("vrrp resign interface eth0 group %d", vrid))
		u.Shows("Backup → Master")
		u.Send("q")
		u.Prompt("r1# ")
		if strings.Contains(u.Screen.Text(), "q: leave") {
			u.T.Errorf("the table stays:\n%s", u.Screen.Text())
		}
	}},
	{"monitor packets", func(_ *feel, u *termtest.Terminal) {
		packet := fmt.Sprintf("192.0.2.1 > 224.0.0.18 VRRPv3 group %d priority 150 advertisement interval 200ms", vrid)
		u.Send("terminal length 3\rmonitor packets interface eth0\r") // without pages
		u.Until("packets", func() bool { return strings.Count(strings.ReplaceAll(u.Screen.Text(), "\n", ""), packet) >= 5 })
		u.Send("\x03")
		u.Prompt("r1# ")
		u.Send("terminal length 24\r")
	}},
	{"history", func(_ *feel, u *termtest.Terminal) {
		u.Send(fmt.Sprintf("show clock | count\rconfigure\rinterface eth0 vrrp %d auth rfc2338-simple secret hush\rdiscard\rend\r", vrid))
		u.Prompt("r1# ")
		u.Send("show version | count\r")
		u.Prompt("r1# ")
		u.Send("\x1b[A")
		u.Prompt("r1# show version | count")
		u.Send("\x15")
	}},
}

// leaving tries every way to leave the shell. Afterwards the terminal is restored, and the next shell has the history.
func (f *feel) leaving(t *testing.T, console *termtest.Terminal) {
	remembers := func(u *termtest.Terminal) {
		u.T.Helper()
		u.Send("\x12version | c\x05") // of an earlier session
		u.Prompt("r1# show version | count")
		u.Send("\x15")
		u.Prompt("r1# ")
	}
	for _, seat := range seats[1:] {
		for _, way := range []struct {
			name   string
			leave  func(u *termtest.Terminal)
			status map[string]int
		}{
			{"exit", func(u *termtest.Terminal) { u.Send("exit\r") }, map[string]int{"attached": 0, "ssh": 0}},
			{"Ctrl-D", func(u *termtest.Terminal) { u.Send("\x04") }, map[string]int{"attached": 0, "ssh": 0}},
			{"SIGTERM", signalled(syscall.SIGTERM), map[string]int{"attached": 0, "ssh": 255}},
			{"SIGHUP while a command runs", func(u *termtest.Terminal) {
				u.Run("monitor packets interface eth0", "priority 150")
				signalled(syscall.SIGHUP)(u)
			}, map[string]int{"attached": 0, "ssh": 255}},
			{"SIGTERM in the live table", func(u *termtest.Terminal) {
				u.Send("monitor vrrp\r")
				u.Until("the table", func() bool { return u.Screen.Mode("?1049") })
				signalled(syscall.SIGTERM)(u)
			}, map[string]int{"attached": 0, "ssh": 255}},
		} {
			t.Run(seat+" "+way.name, func(t *testing.T) {
				u := f.take(t, seat)
				remembers(u)
				way.leave(u)
				if seat == "ssh" && way.status[seat] != 0 {
					u.Ended() // the client's own modes are restored; it does not know what the router had set on the screen
					return
				}
				u.Left(way.status[seat])
			})
			if t.Failed() {
				return
			}
		}
	}
	t.Run("crash of the shell", func(t *testing.T) {
		u := f.take(t, "ssh")
		for _, pid := range terminalsOf(t, console.Cmd.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		u.Ended()
		if code := u.Cmd.ProcessState.ExitCode(); code != 255 {
			t.Errorf("status %d, want 255", code)
		}
	})
	t.Run("lost router", func(t *testing.T) {
		attached, ssh := f.take(t, "attached"), f.take(t, "ssh")
		attached.Send("half a li")
		_ = console.Cmd.Process.Kill()
		console.Ended()
		attached.Left(5)
		attached.Shows("% Lost the router: ")
		ssh.Ended()
	})
	loggedOut := func(leave string) func(u *termtest.Terminal) {
		return func(u *termtest.Terminal) {
			u.Send(leave)
			u.Shows("Logged out; the router keeps running.")
			f.router.Script("show clock")
			u.Send("x\x04\r")
			u.Prompt("r1# ")
			u.Send(leave)
			u.Until("the second end", func() bool { return strings.Count(u.Screen.Text(), "Logged out;") == 2 })
			u.Send("\x03")
			u.Prompt("Stop the router? [no] ")
			u.Send("\r")
			u.Until("the third message", func() bool { return strings.Count(u.Screen.Text(), "Logged out;") == 3 })
			u.Send("\x03")
			u.Prompt("Stop the router? [no] ")
			f.router.Script("show clock")
			u.Send("yes\r")
		}
	}
	for _, way := range []struct {
		name  string
		leave func(u *termtest.Terminal)
	}{
		{"exit", loggedOut("exit\r")},
		{"SIGTERM", signalled(syscall.SIGTERM)},
		{"Ctrl-D", loggedOut("\x04")},
		{"SIGTERM after exit", func(u *termtest.Terminal) {
			u.Send("exit\r")
			u.Shows("Logged out")
			signalled(syscall.SIGTERM)(u)
		}},
		{"shutdown router", func(u *termtest.Terminal) {
			u.Send("shutdown router\r")
			u.Shows("2 sessions, 0 with uncommitted changes, will end, and 1 virtual router will give up Master. Proceed?")
			u.Prompt("[no] ")
			u.Send("y\r")
		}},
	} {
		t.Run("console "+way.name, func(t *testing.T) {
			u := f.console(t)
			remembers(u)
			other := f.take(t, "attached")
			u.Send("half a line")
			u.Prompt("r1# half a line")
			signalled(syscall.SIGHUP)(u) // does not end the console: the router reloads its file
			f.router.Script("show clock")
			u.Send("\x15")
			u.Prompt("r1# ")
			way.leave(u)
			u.Left(0)
			other.Left(5)
			other.Shows("the router is stopping")
		})
	}
	for _, name := range []string{filepath.Join(f.l.Dir, ".vrrpsh_history"), filepath.Join(f.router.StateDir, "shell_history", "alice")} {
		history, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(history), "show version | count\n") || strings.Contains(string(history), "hush") {
			t.Errorf("%s is %q, %v", name, history, err)
		}
	}
}

func signalled(sig syscall.Signal) func(*termtest.Terminal) {
	return func(u *termtest.Terminal) { _ = u.Cmd.Process.Signal(sig) }
}

// terminalsOf returns a router's processes for the terminals of SSH sessions.
func terminalsOf(t *testing.T, router int) []int {
	t.Helper()
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", router))
	for _, name := range tasks {
		b, _ := os.ReadFile(name)
		for _, field := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(field); err == nil {
				all = append(all, pid)
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no terminal has a process")
	}
	return all
}
