package term_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vrrpsh/shell/term"
)

// deadline is for what happens within milliseconds unless something is wrong.
const deadline = 20 * time.Second

// user sits at a terminal.
type user struct {
	t        *testing.T
	cmd      *exec.Cmd
	pty, tty *os.File
	before   unix.Termios
	screen   *screen
	changed  chan struct{}
	exited   chan struct{}
	reading  chan struct{}
}

type setup struct {
	cols, rows uint16
	history    string
	noTTY      bool // stdin is a terminal, but not the controlling one
	env        []string
}

func start(t *testing.T, s setup) *user {
	t.Helper()
	if s.cols == 0 {
		s.cols, s.rows = 80, 24
	}
	u := open(t, s)
	u.prompt("r1# ")
	return u
}

func open(t *testing.T, s setup) *user {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(p, &pty.Winsize{Cols: s.cols, Rows: s.rows}); err != nil {
		t.Fatal(err)
	}
	cols, rows := int(s.cols), int(s.rows)
	if cols == 0 {
		cols, rows = 80, 24
	}
	u := &user{
		t: t, pty: p, tty: tty, screen: newScreen(max(cols, 8), max(rows, 2)), // what Run takes them for
		changed: make(chan struct{}, 1), exited: make(chan struct{}), reading: make(chan struct{}),
	}
	u.before = u.termios()
	u.cmd = exec.Command(os.Args[0])
	u.cmd.Env = append(append(os.Environ(), childEnv+"=1", "TERM_TEST_HISTORY="+s.history, "TERM=xterm"), s.env...)
	u.cmd.Stdin, u.cmd.Stdout, u.cmd.Stderr = tty, tty, tty
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: !s.noTTY}
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(u.reading)
		b := make([]byte, 4096)
		for {
			n, err := p.Read(b)
			if err != nil {
				return
			}
			_, _ = u.screen.Write(b[:n])
			select {
			case u.changed <- struct{}{}:
			default:
			}
		}
	}()
	go func() { _ = u.cmd.Wait(); close(u.exited) }()
	t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		<-u.exited
		_ = tty.Close()
		_ = p.Close()
		<-u.reading
		if strings.Contains(u.screen.text(), "DATA RACE") {
			t.Errorf("the child has a data race:\n%s", u.screen.text())
		}
	})
	return u
}

func (u *user) termios() unix.Termios {
	u.t.Helper()
	v, err := unix.IoctlGetTermios(int(u.tty.Fd()), term.IoctlGetTermios)
	if err != nil {
		u.t.Fatal(err)
	}
	return *v
}

// until waits until the screen shows something.
func (u *user) until(what string, ok func() bool) {
	u.t.Helper()
	end := time.After(deadline)
	for !ok() {
		select {
		case <-u.changed:
		case <-end:
			u.t.Fatalf("waiting for %s; the screen shows:\n%s", what, u.screen.text())
		}
	}
}

func (u *user) send(s string) {
	u.t.Helper()
	if _, err := io.WriteString(u.pty, s); err != nil {
		u.t.Fatal(err)
	}
}

// shows waits for text anywhere on the screen or above it.
func (u *user) shows(text string) {
	u.t.Helper()
	u.until(strconv.Quote(text), func() bool { return strings.Contains(u.screen.text(), text) })
}

// prompt waits for the cursor to stand behind exactly this text, with nothing behind it.
func (u *user) prompt(text string) { u.t.Helper(); u.cursor(text, "") }

func (u *user) cursor(before, after string) {
	u.t.Helper()
	u.until(fmt.Sprintf("the cursor between %q and %q", before, after), func() bool {
		b, a := u.screen.cursorLine()
		return b == before && a == after
	})
}

// run types a line and waits for what it says.
func (u *user) run(line, want string) {
	u.t.Helper()
	u.send(line + "\r")
	u.shows(want)
}

// ends waits for the end of the process and checks what Run said and that the terminal is
// as it was.
func (u *user) ends(want string) {
	u.t.Helper()
	u.shows("run: " + want)
	select {
	case <-u.exited:
	case <-time.After(deadline):
		u.t.Fatal("the process goes on")
	}
	if code := u.cmd.ProcessState.ExitCode(); code != 0 {
		u.t.Errorf("status %d", code)
	}
	if diff := cmp.Diff(u.before, u.termios()); diff != "" {
		u.t.Errorf("the terminal is not as it was:\n%s", diff)
	}
	if u.screen.mode("?2004") {
		u.t.Error("bracketed paste was left on")
	}
	if !u.screen.mode("?25") {
		u.t.Error("the cursor was left hidden")
	}
	if b, _ := u.screen.cursorLine(); b != "" {
		u.t.Errorf("the cursor was left behind %q", b)
	}
}

func TestTyping(t *testing.T) {
	u := start(t, setup{})
	u.send("sya\x1b[D\x1b[D\x7f") // the wrong letter goes: "sya", two to the left, one off
	u.cursor("r1# ", "ya")
	u.send("\x01\x04\x04\x0b") // nothing of it is left
	u.prompt("r1# ")
	u.send("say hello")
	u.prompt("r1# say hello")
	u.run("", "<hello>")
	u.prompt("r1# ")
	u.run("bogus", "% Unknown: bogus")
	u.run("part no newline", "no newline\nr1#")
	u.run("say größe 日本", "<größe 日本>")
	u.prompt("r1# ")
	u.run("  indented", "% Unknown:   indented") // as typed, for the caret to be in its place
	u.run("   ", "r1#\nr1#")
}

func TestEditingKeys(t *testing.T) {
	tests := []struct{ name, keys, want string }{
		{"Ctrl-A Ctrl-E", "ay x\x01s\x05y", "<xy>"},
		{"Home End", "ay x\x1b[Hs\x1b[Fy", "<xy>"},
		{"Home End of application mode", "ay x\x1bOHs\x1bOFy", "<xy>"},
		{"Ctrl-B Ctrl-F", "say ac\x02b\x06d", "<abcd>"},
		{"arrows", "say ac\x1b[Db\x1bOCd", "<abcd>"},
		{"Delete", "say axb\x1b[D\x1b[D\x1b[3~", "<ab>"},
		{"Ctrl-D deletes", "say axb\x02\x02\x04", "<ab>"},
		{"Ctrl-H", "say abx\x08", "<ab>"},
		{"Ctrl-K Ctrl-Y", "say one two\x1bb\x0b\x19\x19", "<one twotwo>"},
		{"Ctrl-U", "say nothing\x15say it", "<it>"},
		{"Ctrl-W", "say one two \x17three", "<one three>"},
		{"Ctrl-T", "say ba\x14", "<ab>"},
		{"Ctrl-T inside", "say bac\x02\x02\x14", "<abc>"},
		{"Ctrl-T not ASCII", "say éa\x14", "<aé>"},
		{"Esc-b Esc-f", "say one three\x1bbtwo \x1bf.", "<one two three.>"},
		{"Esc-d", "say one two three\x1bb\x1bb\x1bd", "<one  three>"},
		{"Esc-Backspace", "say one two\x1b\x7fthree", "<one three>"},
		{"Ctrl-Left Ctrl-Right", "say one three\x1b[1;5Dtwo \x1b[1;5C.", "<one two three.>"},
		{"Ctrl-V", "say what\x16?", "<what?>"},
		{"unknown sequences", "say a\x1b[15~\x1b[I\x1b[<0;1;2M\x1bqb\x00\x07\x1c", "<ab>"},
		{"wide characters", "say 日語\x02本", "<日本語>"},
		{"invalid UTF-8", "say a\xff\xfeb\xc3(", "<ab(>"},
	}
	u := start(t, setup{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u.t = t
			u.prompt("r1# ")
			u.send(tt.keys + "\r")
			u.shows(tt.want)
			u.prompt("r1# ")
			u.send("\x0c") // the next one begins on an empty screen
			u.prompt("r1# ")
		})
	}
}

func TestTab(t *testing.T) {
	u := start(t, setup{})
	steps := []struct{ name, keys, want string }{
		{"unique word", "sho\t", "r1# show "},
		{"common prefix", "st\t", "r1# show sta"},
		{"unique further", "n\t", "r1# show standby "},
		{"nothing", "x\t", "r1# show standby x"},
		{"value to type", "\x15show 1\t", "r1# show 1"},
		{"other case", "\x15SHO\t", "r1# show "},
		{"not ASCII", "\x15él\t", "r1# Élan "},
		{"complete word", "\x15say\t", "r1# say "},
		{"choice", "\x15s\t", "r1# show"},
		{"next", "\t", "r1# shutdown"},
	}
	for _, s := range steps {
		u.send(s.keys)
		u.prompt(s.want)
	}
	u.send("\x15\x15show v")
	u.prompt("r1# show v")
	u.send("\t")
	u.prompt("r1# show vrrp")
	u.send("\t")
	u.prompt("r1# show version")
	u.send("\t")
	u.prompt("r1# show v")
	u.send("\t\t\x1b[Z") // and back
	u.prompt("r1# show vrrp")
	u.send(" brief")
	u.prompt("r1# show vrrp brief")
	u.run("\x15say intact", "<intact>")
}

func TestTabInTheMiddle(t *testing.T) {
	u := start(t, setup{})
	u.send("sho vrrp\x1bb\x02\t")
	u.cursor("r1# show", " vrrp")
}

func TestSuggestions(t *testing.T) {
	u := start(t, setup{})
	u.send("sh")
	u.until("suggestions", func() bool {
		v := strings.Join(u.screen.visible(), "\n")
		return strings.Contains(v, " show ") && strings.Contains(v, "Shut down")
	})
	u.prompt("r1# sh")
	u.send("ow ")
	u.until("a description", func() bool { return strings.Contains(strings.Join(u.screen.visible(), "\n"), "<1-255>") })
	u.send("\x03")
	u.prompt("r1# ")
	u.until("them gone", func() bool { return !strings.Contains(strings.Join(u.screen.visible(), "\n"), "<1-255>") })
	u.run("quiet", "quiet")
	u.prompt("r1# ")
	u.send("\x0csh")
	u.prompt("r1# sh")
	u.send("\t") // without suggestions Tab lists
	u.shows("Shut down")
	u.prompt("r1# sh")
	if v := u.screen.visible(); strings.Contains(strings.Join(v[len(v)-1:], ""), "shutdown") {
		t.Errorf("suggestions in spite of all: %q", v)
	}
}

func TestHelp(t *testing.T) {
	u := start(t, setup{})
	u.send("sh?")
	u.shows("r1# sh?\n  show        Show things\n  shutdown    Shut down\n")
	u.prompt("r1# sh")
	u.send("ow ?")
	u.shows("r1# show ?\n  <1-255>     A number\n")
	u.prompt("r1# show ")
	u.send("\x15say ab\x02?") // in the middle: the line stays whole
	u.cursor("r1# say a", "b")
	u.run("", "<ab>")
	u.prompt("r1# ")
	u.send("?")
	u.shows("r1# ?\n")
	u.prompt("r1# ")
	u.send("long?") // too long for the screen
	u.shows("--More--")
	u.send("q")
	u.prompt("r1# long")
	if strings.Contains(u.screen.text(), "line 99") {
		t.Error("the help was not paged")
	}
}

func TestPaste(t *testing.T) {
	for _, tt := range []struct{ name, begin, newline, end string }{
		{"plain", "", "\r", ""},
		{"with line feeds", "", "\n", ""},
		{"with both", "", "\r\n", ""},
		{"bracketed", "\x1b[200~", "\r", "\x1b[201~"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := start(t, setup{})
			var b strings.Builder
			b.WriteString(tt.begin)
			for i := range 200 {
				fmt.Fprintf(&b, "say line %d%s", i, tt.newline)
			}
			b.WriteString(tt.end + "say the rest")
			go io.WriteString(u.pty, b.String())
			u.prompt("r1# say the rest")
			text := u.screen.text()
			for i := range 200 {
				if n := strings.Count(text, fmt.Sprintf("r1# say line %d\n<line %d>\n", i, i)); n != 1 {
					t.Fatalf("line %d is there %d times in:\n%s", i, n, text)
				}
			}
			if strings.Contains(text, "r1# \n") {
				t.Error("there are empty lines")
			}
		})
	}
}

func TestPasteIsText(t *testing.T) {
	u := start(t, setup{})
	u.send("\x1b[200~say\twhy?\rsay what?\x1b[201~")
	u.shows("<why?>")
	u.prompt("r1# say what?")
}

func TestLongLine(t *testing.T) {
	u := start(t, setup{})
	go io.WriteString(u.pty, "say "+strings.Repeat("x", 1<<20)+"\r")
	u.shows("% Line too long")
	u.prompt("r1# ")
	go io.WriteString(u.pty, "say "+strings.Repeat("x", 20_000)+"\x03say short\r")
	u.shows("<short>")
	if strings.Contains(u.screen.text(), "<x") {
		t.Error("a part of the line was executed")
	}
}

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir", "history")
	u := start(t, setup{history: path})
	for _, l := range []string{"say one", "say two", "say two", "say secret hush", "say three"} {
		u.run(l, l)
		u.prompt("r1# ")
	}
	u.send("\x1b[A")
	u.prompt("r1# say three")
	u.send("\x10\x10")
	u.prompt("r1# say two")
	u.send("\x1b[A")
	u.prompt("r1# say one")
	u.send("\x1b[B")
	u.prompt("r1# say two")
	u.send("\x03exit\r")
	u.ends("ended")

	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("history %v, %v", fi.Mode(), err)
	}
	b, _ := os.ReadFile(path)
	if want := "say one\nsay two\nsay three\nexit\n"; string(b) != want {
		t.Errorf("history %q, want %q", b, want)
	}

	v := start(t, setup{history: path})
	v.send("\x1b[A\x1b[A")
	v.prompt("r1# say three")
	v.send("\x03\x12tw")
	v.shows("(reverse-i-search)`tw': say two")
	v.send("\r")
	v.shows("<two>")
}

func TestHistoryIsShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "say %d\n", i)
	}
	if err := os.WriteFile(path, []byte(b.String()+"say \x1b[31m\xff\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := start(t, setup{history: path})
	u.send("\x1b[A")
	u.prompt("r1# say ?[31m?")
	u.send("\x03exit\r")
	u.ends("ended")
	got, _ := os.ReadFile(path)
	if want := "say 16\nsay 17\nsay 18\nsay 19\nsay ?[31m?\nexit\n"; string(got) != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
}

func TestHistoryCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"file/x", "link", "pipe", ""} {
		u := start(t, setup{history: filepath.Join(dir, path)})
		u.shows("% History: ")
		u.run("say on", "<on>")
	}
}

func TestSearch(t *testing.T) {
	u := start(t, setup{})
	for _, l := range []string{"say alpha one", "say beta", "say alpha two"} {
		u.run(l, l)
		u.prompt("r1# ")
	}
	u.send("draft\x12alpha")
	u.shows("`alpha': say alpha two")
	u.send("\x12")
	u.shows("`alpha': say alpha one")
	u.send("\x07")
	u.prompt("r1# draft")
	u.send("\x12beta\x1b[D")
	u.cursor("r1# say bet", "a")
	u.send("\x03\x12bx\x7f\x7f\x7fal\x1b[D")
	u.cursor("r1# say alpha tw", "o")
	u.send("\x03\x12nowhere\r")
	u.prompt("r1# ")
	u.run("say fine", "<fine>")
}

func TestControlKeys(t *testing.T) {
	t.Run("Ctrl-C drops the line", func(t *testing.T) {
		u := start(t, setup{})
		u.send("say no\x03")
		u.until("two prompts", func() bool { return strings.Contains(u.screen.text(), "say no\nr1#") })
		u.run("say yes", "<yes>")
		if strings.Contains(u.screen.text(), "<no>") {
			t.Error("the line was executed")
		}
	})
	t.Run("Ctrl-C interrupts a command and drops what was typed meanwhile", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		before := u.read()
		u.send("say ahead\r")
		u.until("the line typed ahead taken", func() bool {
			u.poke()
			return u.read() >= before+len("say ahead\r")
		})
		u.send("\x03")
		u.shows("interrupted")
		u.prompt("r1# ")
		u.run("say later", "<later>")
		if strings.Contains(u.screen.text(), "<ahead>") {
			t.Error("the line typed ahead was executed")
		}
	})
	t.Run("Ctrl-C stops a flood", func(t *testing.T) {
		u := start(t, setup{})
		u.send("length 0\r")
		u.run("endless", "tick 1000\n")
		u.send("\x03")
		u.shows("interrupted")
		u.prompt("r1# ")
	})
	t.Run("Ctrl-D leaves a mode, then the shell", func(t *testing.T) {
		u := start(t, setup{})
		u.send("configure\r")
		u.prompt("r1(config)# ")
		u.send("\r\r\x04")
		u.prompt("r1# ")
		u.send("x\x7f\x04")
		u.ends("ended")
	})
	t.Run("Ctrl-Z is end", func(t *testing.T) {
		u := start(t, setup{})
		u.send("configure\r")
		u.prompt("r1(config)# ")
		u.send("half a line\x1a")
		u.shows("at the end")
		u.prompt("r1# ")
		u.send("draft\x1a") // nothing to leave
		u.prompt("r1# ")
		u.send("\x1b[A")
		u.prompt("r1# configure") // it was not typed
		if strings.Count(u.screen.text(), "at the end") != 1 {
			t.Error("end was said in exec mode")
		}
	})
	t.Run("Ctrl-L clears the screen", func(t *testing.T) {
		u := start(t, setup{})
		u.run("say noise", "<noise>")
		u.prompt("r1# ")
		u.send("say more\x0c")
		u.until("a clear screen", func() bool {
			return u.screen.visible()[0] == "r1# say more" && !slices.Contains(u.screen.visible(), "<noise>")
		})
		u.prompt("r1# say more")
	})
}

func TestNotice(t *testing.T) {
	u := start(t, setup{cols: 40, rows: 24})
	u.send("say " + strings.Repeat("long ", 12) + "x\x02") // more than a row, the cursor inside
	u.until("the line", func() bool { return strings.Contains(u.screen.text(), "long x") })
	for i := range 3 {
		_ = u.cmd.Process.Signal(syscall.SIGUSR2)
		u.shows(fmt.Sprintf("*** notice %d?[31m\n", i+1))
	}
	u.run("", "<"+strings.Repeat("long ", 7)+"long\n")
	want := []string{"*** notice 1?[31m", "*** notice 2?[31m", "*** notice 3?[31m",
		"r1# say long long long long long long lo", "ng long long long long long x"}
	u.until("all", func() bool { return len(u.screen.visible()) >= 5 })
	if diff := cmp.Diff(want, u.screen.visible()[:5]); diff != "" {
		t.Error(diff)
	}
}

func TestNoticeWaitsForTheCommand(t *testing.T) {
	u := start(t, setup{})
	u.run("wait", "waiting")
	_ = u.cmd.Process.Signal(syscall.SIGUSR2)
	u.send("\x03")
	u.shows("waiting\ninterrupted\n*** notice 1?[31m\nr1#")
}

func TestResize(t *testing.T) {
	u := start(t, setup{})
	u.send("say abc\x02")
	u.cursor("r1# say ab", "c")
	u.resize(30, 10)
	u.send("x")
	u.cursor("r1# say abx", "c")
	u.run("", "<abxc>")
	u.prompt("r1# ")
	u.send("say " + strings.Repeat("y", 40))
	u.until("a wrapped line", func() bool {
		b, _ := u.screen.cursorLine()
		return b == strings.Repeat("y", 18)
	})
	u.run("", "<"+strings.Repeat("y", 29)+"\n"+strings.Repeat("y", 11)+">")
	u.run("width", "width 30, told 30")
	u.prompt("r1# ")
	u.send("say abc\x02")
	u.cursor("r1# say ab", "c")
	drawn := u.screen.written()
	u.resize(60, 10)
	u.until("the line drawn anew", func() bool { return u.screen.written() > drawn })
	u.cursor("r1# say ab", "c")
	u.send(strings.Repeat("z", 40)) // no longer wrapped
	u.cursor("r1# say ab"+strings.Repeat("z", 40), "c")
}

func (u *user) resize(cols, rows uint16) {
	u.t.Helper()
	u.screen.resize(int(cols), int(rows))
	if err := pty.Setsize(u.pty, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		u.t.Fatal(err)
	}
}

func TestTinyWindows(t *testing.T) {
	for _, size := range [][2]uint16{{20, 6}, {20, 2}, {8, 3}, {1, 1}, {4, 1}, {200, 1}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			u := open(t, setup{cols: size[0], rows: size[1]})
			u.shows("#")
			u.send("sh\t\t\t\t? v\t\tx?\x1b[A\x12s\x07\x03")
			u.send("length 0\rprompt r1(config-vrrp)#\rsay " + strings.Repeat("z", 30) + "\x01\x05\r")
			u.send("say good\r")
			u.until("survival", func() bool {
				s := u.screen.text()
				return strings.Contains(strings.ReplaceAll(s, "\n", ""), "<good>") && !strings.Contains(s, "too small")
			})
			u.send("exit\r")
			<-u.exited
		})
	}
}

func TestTwentyColumns(t *testing.T) {
	u := start(t, setup{cols: 20, rows: 6})
	u.send("prompt r1(config-vrrp)#\r")
	u.prompt("r1(config-vrrp)# ")
	u.send("say twenty columns") // behind the prompt, the next rows have the rest
	u.cursor(" twenty columns", "")
	u.run("", "<twenty columns>")
	u.prompt("r1(config-vrrp)# ")
	u.send("sh?")
	u.shows("r1(config-vrrp)# sh?\n  show        Show t\nhings\n")
	u.until("the prompt", func() bool { b, _ := u.screen.cursorLine(); return b == "r1(config-vrrp)# sh" })
}

func TestUnknownSize(t *testing.T) {
	u := open(t, setup{})
	u.prompt("r1# ")
	u.run("width", "width 80, told 80")
}

func TestPager(t *testing.T) {
	last := func(u *user, want string) {
		u.t.Helper()
		u.until("a page that ends with "+want, func() bool {
			v := u.screen.visible()
			return v[len(v)-1] == "--More--" && v[len(v)-2] == want
		})
	}
	small := setup{cols: 80, rows: 11} // a page of ten
	t.Run("keys", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 100", "--More--")
		first := u.screen.visible()
		last(u, first[len(first)-2])
		u.send(" ")
		last(u, "line 20")
		u.send("\r\r")
		last(u, "line 22")
		u.send("b")
		last(u, "line 12")
		u.send("  ")
		last(u, "line 32")
		u.send("q")
		u.prompt("r1# ")
		if s := u.screen.text(); strings.Contains(s, "line 33") {
			t.Errorf("the output goes on:\n%s", s)
		}
		u.run("say on", "<on>")
	})
	t.Run("to the end", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 12", "--More--")
		u.send(" ")
		u.shows("line 12\nall written\nr1#")
		if strings.Contains(u.screen.text(), "--More--") {
			t.Error("the prompt of the pager stays")
		}
	})
	t.Run("search", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 1000", "--More--")
		u.send("/line 5.3$\r")
		last(u, "line 512")
		u.send("/nowhere\r")
		u.shows("(pattern not found) --More--")
		u.send("/(\r")
		u.shows("(wrong pattern) --More--")
		u.send("/\x03")
		u.prompt("r1# ")
	})
	t.Run("Ctrl-C quits and interrupts", func(t *testing.T) {
		u := start(t, small)
		u.run("endless", "--More--")
		u.send("\x03")
		u.shows("interrupted")
		u.prompt("r1# ")
	})
	t.Run("q ends a command that looks", func(t *testing.T) {
		u := start(t, small)
		u.run("endless", "--More--")
		u.send("q")
		u.shows("interrupted")
	})
	t.Run("terminal length", func(t *testing.T) {
		u := start(t, small)
		u.send("length 5\r")
		u.prompt("r1# ")
		u.run("lines 100", "line 5\n--More--")
		u.send("q")
		u.prompt("r1# ")
		u.send("length 0\r")
		u.prompt("r1# ")
		u.run("lines 100", "line 100\nall written\nr1#")
	})
	t.Run("no-more", func(t *testing.T) {
		u := start(t, small)
		u.run("nomore lines 100", "line 100\nall written\nr1#")
	})
	t.Run("fits exactly", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 9", "line 9\nall written\nr1#")
	})
	t.Run("long lines count as what they take", func(t *testing.T) {
		u := start(t, setup{cols: 20, rows: 11})
		u.send("length 3\r")
		u.run("say "+strings.Repeat("w", 70), "www>")
		u.prompt("r1# ")
	})
}

func TestAsk(t *testing.T) {
	u := start(t, setup{})
	u.run("ask Sure", "A question. Sure?")
	u.send("yex\x7fs")
	u.prompt("A question. Sure? yes")
	u.send("\r")
	u.shows("A question. Sure? yes\nanswer <yes>\n")
	u.run("secret Password", "Password?")
	u.send("hush\r")
	u.shows("Password?\nanswer <hush>\n")
	u.run("ask Again", "Again?")
	u.send("abc\x15d?\r")
	u.shows("answer <d?>")
	u.run("ask Once more", "Once more?")
	u.send("\x04")
	u.shows("error EOF")
	u.run("ask At last", "At last?")
	u.send("x\x03")
	u.shows("error context canceled")
	u.send("ask Ahead\rtyped\r")
	u.shows("answer <typed>")
	u.send("\x1b[A")
	u.prompt("r1# ask Ahead") // answers are no history
}

func TestWaysOut(t *testing.T) {
	t.Run("exit", func(t *testing.T) {
		u := start(t, setup{})
		u.send("exit\r")
		u.ends("ended")
	})
	t.Run("context at the prompt", func(t *testing.T) {
		u := start(t, setup{})
		u.send("half a li")
		u.prompt("r1# half a li")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context during a command", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context in the pager", func(t *testing.T) {
		u := start(t, setup{})
		u.run("lines 100", "--More--")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context at a question", func(t *testing.T) {
		u := start(t, setup{})
		u.run("secret Password", "Password?")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context in the search", func(t *testing.T) {
		u := start(t, setup{})
		u.send("\x12x")
		u.shows("reverse-i-search")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("panic in a command", func(t *testing.T) {
		u := start(t, setup{})
		u.send("panic\r")
		u.ends("terminal: panic: a command is broken")
	})
	t.Run("panic in help", func(t *testing.T) {
		u := start(t, setup{})
		u.send("broken?")
		u.ends("terminal: panic: help is broken")
	})
	t.Run("panic in completion", func(t *testing.T) {
		u := start(t, setup{})
		u.send("panicking")
		u.shows("run: terminal: panic: completion is broken")
		<-u.exited
		if diff := cmp.Diff(u.before, u.termios()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("conversation lost at the prompt", func(t *testing.T) {
		u := start(t, setup{})
		u.send("lose\r")
		u.shows("% The router has gone\n")
		u.ends("session lost: the router has gone")
	})
	t.Run("conversation lost in a command", func(t *testing.T) {
		u := start(t, setup{})
		u.send("unreachable\r")
		u.ends("session lost: the router has gone")
		if strings.Count(u.screen.text(), "% ") != 1 {
			t.Errorf("not said once:\n%s", u.screen.text())
		}
	})
	t.Run("hangup", func(t *testing.T) {
		u := start(t, setup{})
		_ = u.tty.Close()
		_ = u.pty.Close()
		select {
		case <-u.exited:
		case <-time.After(deadline):
			t.Fatal("the process goes on")
		}
	})
	t.Run("restored from outside", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		_ = u.cmd.Process.Signal(syscall.SIGTERM)
		u.ends("restored")
	})
	t.Run("no controlling terminal", func(t *testing.T) {
		u := open(t, setup{cols: 80, rows: 24, noTTY: true})
		u.shows("run: no controlling terminal: open /dev/tty")
		<-u.exited
		if diff := cmp.Diff(u.before, u.termios()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOneAtATime(t *testing.T) {
	u := start(t, setup{})
	u.run("again", "the terminal is in use")
	u.run("say unharmed", "<unharmed>")
}

// A shell with job control sets a mode of its own while the process is stopped.
func TestContinued(t *testing.T) {
	u := start(t, setup{})
	u.send("say ab\x02")
	u.cursor("r1# say a", "b")
	if err := unix.IoctlSetTermios(int(u.tty.Fd()), unix.TCSETS, &u.before); err != nil {
		t.Fatal(err)
	}
	_ = u.cmd.Process.Signal(syscall.SIGCONT)
	u.until("raw mode", func() bool {
		u.poke()
		return u.termios().Lflag&unix.ICANON == 0
	})
	u.run("", "<ab>")
}

// read is how many bytes the process has read, from all it reads.
func (u *user) read() (n int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", u.cmd.Process.Pid))
	if err != nil {
		u.t.Skip(err)
	}
	_, _ = fmt.Sscanf(string(b), "rchar: %d", &n)
	return n
}

// poke makes until look again though nothing was written.
func (u *user) poke() {
	time.AfterFunc(10*time.Millisecond, func() {
		select {
		case u.changed <- struct{}{}:
		default:
		}
	})
}

// An idle shell sleeps: it is woken by keys and notices only.
func TestIdleCostsNothing(t *testing.T) {
	u := start(t, setup{})
	u.send("say it")
	u.prompt("r1# say it")
	switches := func() (n int) {
		dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", u.cmd.Process.Pid))
		if err != nil || len(dirs) == 0 {
			t.Skip("no /proc to measure with")
		}
		for _, d := range dirs {
			b, _ := os.ReadFile(d)
			for l := range strings.Lines(string(b)) {
				if v, ok := strings.CutPrefix(l, "voluntary_ctxt_switches:"); ok {
					c, _ := strconv.Atoi(strings.TrimSpace(v))
					n += c
				}
			}
		}
		return n
	}
	// The first second may still see the runtime's background work; one quiet one will do.
	var n int
	for range 5 {
		before := switches()
		<-time.After(time.Second)
		if n = switches() - before; n <= 10 {
			return
		}
	}
	t.Errorf("woken %d times in a second", n)
}
