// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
	"vrrpsh/shell/term/termtest"
)

// readmeSteps are the steps in the console blocks of README.md: a prompt with a command, its output, and actions on the
// boxes.
type readmeStep struct {
	box     string // r1, r2, host; "" for an action
	prompt  string // prompt of vrrpsh's shell; "" for the shell of the box
	command string
	says    []string // lines that the output must contain
}

var (
	readmeBlock  = regexp.MustCompile("(?ms)^```(console|sh)\n(.*?)^```$")
	readmePrompt = regexp.MustCompile(`^(r1|r2|host)(\$ |(?:\([a-z-]+\*?\))?# )(.*)$`)
)

// readReadme returns the steps on the boxes, and the commands for a checkout.
func readReadme(t *testing.T) (steps []readmeStep, checkout []string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range readmeBlock.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[2]) {
			line = strings.TrimRight(line, "\n")
			m := readmePrompt.FindStringSubmatch(line)
			switch {
			case block[1] == "sh":
				command, _, _ := strings.Cut(line, "#")
				checkout = append(checkout, strings.TrimSpace(command))
			case m == nil && strings.HasPrefix(line, "("):
				steps = append(steps, readmeStep{command: strings.Trim(line, "()")})
			case m == nil && len(steps) > 0:
				last := &steps[len(steps)-1]
				last.says = append(last.says, line)
			case m == nil:
				t.Fatalf("%q is before the first prompt", line)
			case m[2] == "$ ":
				steps = append(steps, readmeStep{box: m[1], command: m[3]})
			default:
				steps = append(steps, readmeStep{box: m[1], prompt: m[1] + m[2], command: m[3]})
			}
		}
	}
	return steps, checkout
}

// TestReadmeCheckout runs the README's commands for a checkout.
func TestReadmeCheckout(t *testing.T) {
	_, checkout := readReadme(t)
	if want := []string{"go run . demo", "make test"}; !slices.Equal(checkout, want) {
		t.Fatalf("the README says %q, want %q", checkout, want)
	}
	demo := exec.Command("go", "run", ".", "demo")
	demo.Dir, demo.Stdin = "..", strings.NewReader("lab cut r1\nshow vrrp brief\n")
	if out, err := demo.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("10.0.0.100")) {
		t.Errorf("go run . demo: %v\n%s", err, out)
	}
	// It would run this test again.
	if out, err := exec.Command("make", "-C", "..", "-n", "test").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("./e2e/...")) {
		t.Errorf("make -n test: %v\n%s", err, out)
	}
}

// TestReadme follows the README on two boxes and a host, and checks the outputs shown there.
func TestReadme(t *testing.T) {
	parallel(t)
	steps, _ := readReadme(t)
	if len(steps) < 30 {
		t.Fatalf("the README has only %d steps", len(steps))
	}
	r := &readme{l: lab.New(t, 2), boxes: map[string]*box{}}
	for _, n := range []*lab.Namespace{r.l.Routers[0], r.l.Routers[1], r.l.Host} {
		r.boxes[n.Role] = newBox(t, r.l, n)
	}
	for _, step := range steps {
		if r.do(t, step); t.Failed() {
			return
		}
	}
	for _, b := range r.boxes {
		if b.terminal != nil {
			t.Error("the README leaves a shell open")
		}
	}
}

type readme struct {
	l     *lab.Lab
	boxes map[string]*box
}

func (r *readme) do(t *testing.T, step readmeStep) {
	t.Helper()
	b := r.boxes[step.box]
	switch {
	case step.command == "pull the network cable of r1":
		r.l.Cut(r.l.Routers[0])
	case step.command == "plug it in again":
		r.l.Join(r.l.Routers[0])
	case b == nil:
		t.Errorf("the test does not support the action %q", step.command)
	case step.prompt != "":
		b.types(t, step)
	case step.command == "sudo vrrpsh":
		b.sit(t)
	default:
		b.runs(t, step)
	}
}

// box is a machine of the README: with its own network, host name and files.
type box struct {
	l        *lab.Lab
	name     string
	holder   *lab.Process // keeps the namespaces alive
	caches   []string     // variables of the Go command, since its directories are not in the home directory of the box
	terminal *termtest.Terminal
}

// privately has separate directories for installed and written files; passwords, certificates and tools are those of the system.
const privately = `set -e
hostname "$1"
mount -t tmpfs none "$2"
for dir in /etc /var /usr/sbin /usr/share/man; do
  own=$2$dir
  mkdir -p "$own/upper" "$own/work"
  mount -t overlay -o "lowerdir=$dir,upperdir=$own/upper,workdir=$own/work" none "$dir"
done
mount -t tmpfs none /run
echo ready
exec sleep infinity
`

func newBox(t *testing.T, l *lab.Lab, n *lab.Namespace) *box {
	t.Helper()
	dir := filepath.Join(l.Dir, "box-"+n.Role)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := &box{l: l, name: n.Role, holder: l.Start(n, "box-"+n.Role, "unshare", "--mount", "--uts", "sh", "-c", privately, "sh", n.Role, dir)}
	for _, name := range []string{"GOMODCACHE", "GOCACHE"} {
		dir, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		b.caches = append(b.caches, name+"="+strings.TrimSpace(string(dir)))
	}
	lab.Until(t, patience, n.Role+" has its own files", func() error {
		if !strings.Contains(b.holder.Log(), "ready") {
			return fmt.Errorf("output %q", b.holder.Log())
		}
		return nil
	})
	if n != l.Host {
		t.Cleanup(func() { _, _ = output(b.command(context.Background(), "kill $(cat /run/vrrpsh/vrrpsh.pid)")) })
	}
	return b
}

// command returns a command for the shell of the box.
func (b *box) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", "--target", fmt.Sprint(b.holder.PID()), "--net", "--mount", "--uts",
		"--wdns="+top(), "sh", "-c", strings.ReplaceAll(line, "sudo ", ""))
	cmd.Env = append(append(os.Environ(), b.caches...), "VRRPSH_SOCKET=", "TERM=xterm", "HOME="+b.l.Dir)
	return cmd
}

func top() string {
	dir, err := filepath.Abs("..")
	if err != nil {
		return ".."
	}
	return dir
}

func output(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return out.String(), err
}

// runs repeats a command, which must not fail, until it prints the expected lines.
func (b *box) runs(t *testing.T, step readmeStep) {
	t.Helper()
	lab.Until(t, 2*patience, b.name+"$ "+step.command, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // the command may build the program
		defer cancel()
		out, err := output(b.command(ctx, step.command))
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return saysAll(out, step.says)
	})
}

// sit opens vrrpsh's shell.
func (b *box) sit(t *testing.T) {
	t.Helper()
	cmd := b.command(context.Background(), "exec vrrpsh")
	b.terminal = termtest.Start(t, cmd, 100, 30)
	b.terminal.Prompt(b.name + "# ")
}

// types types a line in vrrpsh's shell; it repeats a show command until it prints the expected lines.
func (b *box) types(t *testing.T, step readmeStep) {
	t.Helper()
	u := b.terminal
	if u == nil {
		t.Fatalf("%q is typed without a shell", step.command)
	}
	if step.command == "exit" && step.prompt == b.name+"# " {
		u.Send("exit\r")
		u.Left(0)
		b.terminal = nil
		return
	}
	lab.Until(t, 2*patience, step.prompt+step.command, func() error {
		u.Prompt(step.prompt)
		u.Send("\x0c" + step.command + "\r") // on an empty screen
		echo := step.prompt + step.command
		var said string
		u.Until("a prompt after "+step.command, func() bool {
			text := u.Screen.Text()
			at := strings.LastIndex(text, echo+"\n")
			if at < 0 {
				return false
			}
			said = text[at+len(echo)+1:]
			before, after := u.Screen.CursorLine()
			return after == "" && strings.HasPrefix(before, b.name) && strings.HasSuffix(before, "# ")
		})
		err := saysAll(said, step.says)
		if err != nil && !strings.HasPrefix(step.command, "show ") {
			t.Fatalf("%s: %v", echo, err)
		}
		return err
	})
}

var blanksBetween = regexp.MustCompile(`[ \t]+`)

// saysAll reports whether an output contains lines in this order, ignoring the amount of space between words.
func saysAll(out string, lines []string) error {
	form := func(s string) string { return strings.TrimSpace(blanksBetween.ReplaceAllString(s, " ")) }
	rest := strings.Split(out, "\n")
	for _, want := range lines {
		i := slices.IndexFunc(rest, func(l string) bool { return form(l) == form(want) })
		if i < 0 {
			return fmt.Errorf("no line %q in\n%s", want, out)
		}
		rest = rest[i+1:]
	}
	return nil
}
