// SPDX-License-Identifier: GPL-3.0-only

package packaging

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var bin string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vrrpsh-packaging-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "vrrpsh")
	if out, err := exec.Command("go", "build", "-o", bin, "vrrpsh").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// run runs a command that must succeed.
func run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// need skips a test without a tool that only some systems have.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
}

var (
	subcommand = regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`)
	longFlag   = regexp.MustCompile(`(?m)^ +(?:-([a-z]), )?--([a-z-]+)`)
)

// TestManualPage checks that the manual page has every subcommand and flag of the help.
func TestManualPage(t *testing.T) {
	b, err := os.ReadFile("../docs/vrrpsh.8")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	root := run(t, bin, "--help")
	_, list, _ := strings.Cut(root, "Available Commands:")
	list, _, _ = strings.Cut(list, "Flags:")
	commands := []string{""}
	for _, m := range subcommand.FindAllStringSubmatch(list, -1) {
		commands = append(commands, m[1])
		if !strings.Contains(page, "\n.It Cm "+m[1]) {
			t.Errorf("the manual page does not explain the command %s", m[1])
		}
	}
	if len(commands) < 6 {
		t.Fatalf("commands %q: has the format of the help changed?\n%s", commands, root)
	}
	flags := 0
	for _, c := range commands {
		if c == "completion" || c == "help" {
			continue
		}
		help := root
		if c != "" {
			help = run(t, bin, c, "--help")
		}
		for _, m := range longFlag.FindAllStringSubmatch(help, -1) {
			flags++
			if want := "Fl -" + m[2]; m[1] == "" && !strings.Contains(page, want) {
				t.Errorf("vrrpsh %s: the manual page does not explain --%s", c, m[2])
			}
			if want := "Fl " + m[1] + " , -" + m[2]; m[1] != "" && !strings.Contains(page, want) {
				t.Errorf("vrrpsh %s: the manual page does not explain -%s, --%s", c, m[1], m[2])
			}
		}
	}
	if flags < 15 {
		t.Errorf("%d flags: has the format of the help changed?", flags)
	}
	if _, err := exec.LookPath("groff"); err == nil {
		for _, page := range []string{"vrrpsh.8", "vrrpsh-login.8"} {
			if out := run(t, "groff", "-mandoc", "-ww", "-z", "../docs/"+page); out != "" {
				t.Errorf("%s: %s", page, out)
			}
		}
	}
}

// TestUnit checks the unit with systemd-analyze.
func TestUnit(t *testing.T) {
	need(t, "systemd-analyze")
	b, err := os.ReadFile("vrrpsh.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "vrrpsh.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(b, []byte("/usr/sbin/vrrpsh"), []byte(bin)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit); out != "" {
		t.Error(out)
	}
	run(t, "systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", unit)
}

var (
	limitSource = regexp.MustCompile("`([a-z/0-9]+\\.go)`: (`[^`]+`(?:, `[^`]+`)*)")
	quoted      = regexp.MustCompile("`[^`]+`")
	spaces      = regexp.MustCompile(`[ \t]+`)
)

// TestSecurityPage checks that the limits in docs/security.md equal those of the source.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, m := range limitSource.FindAllStringSubmatch(string(page), -1) {
		b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(m[1])))
		if err != nil {
			t.Error(err)
			continue
		}
		source := spaces.ReplaceAllString(string(b), " ")
		for _, q := range quoted.FindAllString(m[2], -1) {
			checked++
			text := regexp.MustCompile(`\b` + regexp.QuoteMeta(strings.Trim(q, "`")) + `(\W|$)`)
			if !text.MatchString(source) {
				t.Errorf("%s has no %s", m[1], q)
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| ") && strings.Contains(line, ".go`") {
			rows++
		}
	}
	if rows < 25 || checked < rows {
		t.Errorf("%d constants in %d rows: has the format of the page changed?", checked, rows)
	}
}

var capabilities = regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`)

// TestCapabilities runs a router with the unit's capabilities in a network namespace, with other users' processes hidden and without control
// groups, like the unit: its script runs as nobody, without any other group, with the usual umask, and is killed when it takes too long. Its
// background processes end with it.
func TestCapabilities(t *testing.T) {
	need(t, "pgrep")
	need(t, "setpriv")
	need(t, "unshare")
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	b, err := os.ReadFile("vrrpsh.service")
	if err != nil {
		t.Fatal(err)
	}
	bounding := "-all"
	for _, c := range strings.Fields(string(capabilities.FindSubmatch(b)[1])) {
		bounding += ",+" + strings.ToLower(strings.TrimPrefix(c, "CAP_"))
	}
	dir, err := os.MkdirTemp("/var/lib", "vrrpsh-packaging-") // scripts must be in a directory that only root can write to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string, mode fs.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	unique := fmt.Sprintf("7%d", os.Getpid())
	who := file("who", "#!/bin/sh\n(env -i setsid sleep "+unique+" >/dev/null 2>&1 &)\necho \"$(id -un) $(id -G | wc -w) $(umask)\"\nexit 1\n", 0o755)
	long := file("long", "#!/bin/sh\nsleep 1000\n", 0o755)
	denied := file("denied", "#!/bin/sh\nkill -0 1\n", 0o755)
	config := file("vrrpsh.toml", "state_dir = \""+dir+"/state\"\n"+
		"[[track]]\nname = \"who\"\nscript = [\""+who+"\"]\n"+
		"[[track]]\nname = \"denied\"\nscript = [\"/bin/sh\", \""+denied+"\"]\n"+
		"[[track]]\nname = \"long\"\nscript = [\""+long+"\"]\ntimeout = \"100ms\"\n"+
		"[[vrouter]]\ngroup = 7\ninterface = \"lo\"\nvip = \"192.0.2.7\"\nversion = 3\n", 0o600)
	socket := filepath.Join(dir, "sock")
	within := "mount -t proc -o hidepid=2 proc /proc && mount -t tmpfs -o ro none /sys/fs/cgroup && umask 0077 && exec \"$@\""
	router := exec.Command("unshare", "--net", "--mount", "sh", "-c", within, "sh", "setpriv", "--bounding-set", bounding, "--no-new-privs",
		bin, "-m1", "-c", config, "-s", socket)
	var log bytes.Buffer
	router.Stderr = &log
	if err := router.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- router.Wait() }()
	var said []byte
	complete := func() bool {
		return bytes.Contains(said, []byte("(nobody 1 0022)")) && bytes.Contains(said, []byte("took too long and was killed")) &&
			bytes.Contains(said, []byte("the service may lack a right, see more-rights.conf"))
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		said, _ = exec.Command(bin, "-s", socket, "exec", "show", "track").CombinedOutput()
		if complete() {
			break
		}
	}
	_ = router.Process.Signal(syscall.SIGTERM)
	select {
	case err = <-ended:
	case <-time.After(20 * time.Second):
		_ = router.Process.Kill()
		err = <-ended
	}
	if err != nil || !complete() {
		t.Errorf("with %s: %v\n%s\n%s", bounding, err, said, &log)
	}
	left, err := exec.Command("pgrep", "-a", "-f", "sleep "+unique).CombinedOutput()
	var none *exec.ExitError
	if !errors.As(err, &none) || none.ExitCode() != 1 { // 1: there is no such process
		t.Errorf("the script left processes: %v\n%s", err, left)
	}
}

// TestDebianPackage builds the package and unpacks it.
func TestDebianPackage(t *testing.T) {
	need(t, "dpkg-deb")
	top := t.TempDir()
	for _, dir := range []string{"packaging", "docs", "conf"} {
		if err := os.CopyFS(filepath.Join(top, dir), os.DirFS(filepath.Join("..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "CHANGELOG.md"), changes, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1770000000")
	t.Setenv("DPKG_DEB_OPTIONS", "-Znone")
	build := func() (string, []byte) {
		run(t, "sh", filepath.Join(top, "packaging", "deb.sh"), bin, "1.2.3+4.gabcdef")
		found, err := filepath.Glob(filepath.Join(top, "dist", "vrrpsh_1.2.3+4.gabcdef_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("packages %q, %v", found, err)
		}
		b, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return found[0], b
	}
	deb, first := build()
	if _, second := build(); !bytes.Equal(first, second) {
		t.Error("the same source produced two different packages")
	}
	// A program for another machine cannot run here: another one of the same release helps.
	foreign := filepath.Join(top, "foreign")
	if err := os.WriteFile(foreign, []byte("\x7fELF for another machine"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "sh", filepath.Join(top, "packaging", "deb.sh"), foreign, "1.2.3", "arm64", bin)
	if got := run(t, "dpkg-deb", "-f", filepath.Join(top, "dist", "vrrpsh_1.2.3_arm64.deb"), "Architecture"); got != "arm64\n" {
		t.Errorf("architecture %q", got)
	}
	root := filepath.Join(t.TempDir(), "root")
	run(t, "dpkg-deb", "-R", deb, root)
	for path, mode := range map[string]fs.FileMode{
		".":                                               0o755,
		"usr/sbin/vrrpsh":                                 0o755,
		"usr/lib/systemd/system/vrrpsh.service":           0o644,
		"usr/share/man/man8/vrrpsh.8.gz":                  0o644,
		"usr/share/man/man8/vrrpsh-login.8.gz":            0o644,
		"usr/share/man/man5/vrrpsh.toml.5.gz":             0o644,
		"usr/share/doc/vrrpsh/copyright":                  0o644,
		"usr/share/doc/vrrpsh/changelog.gz":               0o644,
		"usr/share/doc/vrrpsh/configuration.md":           0o644,
		"usr/share/doc/vrrpsh/examples/reference.toml":    0o644,
		"usr/share/bash-completion/completions/vrrpsh":    0o644,
		"usr/share/zsh/vendor-completions/_vrrpsh":        0o644,
		"usr/share/fish/vendor_completions.d/vrrpsh.fish": 0o644,
		"etc/logrotate.d/vrrpsh":                          0o644,
		"DEBIAN/postinst":                                 0o755,
		"DEBIAN/prerm":                                    0o755,
		"DEBIAN/postrm":                                   0o755,
	} {
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != mode || info.Size() == 0 {
			t.Errorf("%s has mode %v and %d bytes", path, info.Mode(), info.Size())
		}
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		b, err := os.ReadFile(filepath.Join("debian", script))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "systemctl start") || strings.Contains(string(b), "enable") {
			t.Errorf("%s starts something", script)
		}
		run(t, "sh", "-n", filepath.Join("debian", script))
	}
	if got := run(t, "dpkg-deb", "-f", deb, "Version"); got != "1.2.3+4.gabcdef\n" {
		t.Errorf("version %q", got)
	}
}

// TestAppArmorProfile parses the profile with AppArmor's parser. If the kernel has AppArmor, the program runs under the profile in complain
// mode.
func TestAppArmorProfile(t *testing.T) {
	need(t, "apparmor_parser")
	run(t, "apparmor_parser", "--skip-kernel-load", "--skip-cache", "apparmor")
	text, err := os.ReadFile("apparmor")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("flags=(complain")) {
		t.Error("the profile is not in complain mode")
	}
	// The profile must permit every capability of the unit.
	unit, err := os.ReadFile("vrrpsh.service")
	if err != nil {
		t.Fatal(err)
	}
	bounding := regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`).FindSubmatch(unit)
	for _, name := range strings.Fields(string(bounding[1])) {
		if want := "capability " + strings.ToLower(strings.TrimPrefix(name, "CAP_")) + ","; !bytes.Contains(text, []byte(want)) {
			t.Errorf("the profile lacks %q", want)
		}
	}
	if _, err := os.Stat("/sys/kernel/security/apparmor/profiles"); err != nil || os.Geteuid() != 0 {
		t.Log("this kernel has no AppArmor: the profile was parsed only")
		return
	}
	run(t, "apparmor_parser", "--replace", "--skip-cache", "apparmor")
	t.Cleanup(func() { run(t, "apparmor_parser", "--remove", "apparmor") })
	run(t, "aa-exec", "-p", "vrrpsh", "--", bin, "version")
}
