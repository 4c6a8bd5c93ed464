// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is also the program that runs in the background.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCESS_TEST") {
	case "ready":
		p := InBackground()
		if os.Getenv(readyEnv) != "" {
			p.Failed(errors.New("the marker is handed on"))
		}
		p.Ready()
		p.Failed(errors.New("too late"))
	case "failed":
		InBackground().Failed(errors.New("r1.toml:1: wrong\nr1.toml:2: wrong"))
		os.Exit(1)
	case "died":
		os.Exit(7)
	case "first":
		os.Exit(first())
	case "second":
		os.Exit(second())
	case "unfit":
		os.Exit(unfit())
	case "again":
		os.Exit(again())
	default:
		os.Exit(m.Run())
	}
}

func TestBackground(t *testing.T) {
	for _, test := range []struct{ how, want string }{
		{"ready", ""},
		{"failed", "r1.toml:1: wrong\nr1.toml:2: wrong"},
		{"died", "the router ended before it was ready: exit status 7"},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PROCESS_TEST="+test.how)
		err := background(cmd)
		if got := errors.Join(err); got == nil && test.want != "" || got != nil && err.Error() != test.want {
			t.Errorf("%s: %v, want %q", test.how, err, test.want)
		}
	}
	if InBackground() != nil {
		t.Error("a process started in another way has a parent")
	}
	var nobody *Parent
	nobody.Ready()
	nobody.Failed(errors.New("x"))
}

// first is a program that hands over to second: by another name, in another directory, and after a
// failed attempt.
func first() int {
	fail := func(err error) int {
		fmt.Println("first:", err)
		return 1
	}
	p, err := Self()
	if err != nil {
		return fail(err)
	}
	if in, err := Inherited(); in != nil || err != nil {
		return fail(fmt.Errorf("it inherits %v: %w", in, err))
	}
	l, err := net.Listen("unix", "socket")
	if err != nil {
		return fail(err)
	}
	pid, err := Claim("router.pid")
	if err != nil {
		return fail(err)
	}
	if err := os.Chdir("/"); err != nil {
		return fail(err)
	}
	_ = os.Setenv("PROCESS_TEST", cmp.Or(os.Getenv("PROCESS_TEST_NEXT"), "second"))
	_ = os.Setenv("PROCESS_TEST_PID", strconv.Itoa(os.Getpid()))
	link := p.Path
	p.Path = link + ".missing"
	if err := p.Succeed(p.dir, []byte("document"), l.(*net.UnixListener), pid); !errors.Is(err, os.ErrNotExist) {
		return fail(err)
	}
	if in, err := os.Getwd(); err != nil || in != "/" {
		return fail(fmt.Errorf("after a failure: %s, %w", in, err))
	}
	p.Path = link
	return fail(p.Succeed(p.dir, []byte("document"), l.(*net.UnixListener), pid))
}

func second() int {
	in, err := Inherited()
	if err != nil || in == nil {
		fmt.Println("second:", in, err)
		return 1
	}
	again, _ := Inherited()
	dir, _ := os.Getwd()
	if err := inheritsLock(in); err != nil {
		fmt.Println("second:", err)
		return 1
	}
	_, err = os.Stat("socket")
	_ = in.Listener.Close()
	_, gone := os.Stat("socket")
	entries, _ := os.ReadDir(".")
	fmt.Println(string(in.Document), filepath.Base(dir), os.Getenv("PROCESS_TEST_PID") == strconv.Itoa(os.Getpid()),
		again == nil, err == nil, errors.Is(gone, os.ErrNotExist), len(entries), filepath.Base(os.Args[0]))
	return 0
}

// inheritsLock checks that only the successor can claim the PID file, and removes it.
func inheritsLock(in *Inheritance) error {
	if _, err := Claim("router.pid"); !errors.Is(err, ErrRunning) {
		return fmt.Errorf("other processes can claim the PID file: %w", err)
	}
	pid, err := in.Claim("router.pid")
	if err != nil {
		return err
	}
	if in.StateDir == "" {
		return errors.New("no state directory")
	}
	in.ReleasePredecessor(in.Listener, pid)
	if _, err := Claim("router.pid"); !errors.Is(err, ErrRunning) {
		return fmt.Errorf("other processes can claim the PID file after the succession: %w", err)
	}
	return pid.Release()
}

// unfit is a successor that returns to the previous program, whose file was deleted.
func unfit() int {
	in, err := Inherited()
	if err == nil {
		err = os.Chdir("/")
	}
	if err == nil {
		_ = os.Setenv("PROCESS_TEST", "again")
		err = in.Return(append(in.Document, " comes back"...), errors.New("it is unfit"))
	}
	fmt.Println("unfit:", err)
	return 1
}

func again() int {
	in, err := Inherited()
	if err != nil || in == nil {
		fmt.Println("again:", in, err)
		return 1
	}
	dir, _ := os.Getwd()
	returnable := in.Returnable()
	if err := inheritsLock(in); err != nil {
		fmt.Println("again:", err)
		return 1
	}
	_, err = os.Stat("socket")
	fmt.Println(string(in.Document), in.Returned, filepath.Base(dir), os.Getenv("PROCESS_TEST_PID") == strconv.Itoa(os.Getpid()), err == nil,
		returnable, os.Getenv(successorEnv)+os.Getenv(predecessorEnv)+os.Getenv(returnedEnv)+os.Getenv(lockEnv)+os.Getenv(stateEnv))
	return 0
}

// TestReturn checks that a successor that cannot take over can run the previous program again.
func TestReturn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc/self/exe")
	}
	cmd := exec.Command("./vrrpsh")
	cmd.Path, cmd.Dir = programIn(t)
	cmd.Env = append(os.Environ(), "PROCESS_TEST=first", "PROCESS_TEST_NEXT=unfit")
	out, err := cmd.CombinedOutput()
	if want := "document comes back it is unfit start true true false \n"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

// programIn returns a symbolic link to this program and the link's directory.
func programIn(t *testing.T) (path, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "start")
	self, err := os.Executable()
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	path = filepath.Join(dir, "vrrpsh")
	if err == nil {
		err = os.Symlink(self, path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, dir
}

func TestSuccession(t *testing.T) {
	cmd := exec.Command("./vrrpsh")
	cmd.Path, cmd.Dir = programIn(t)
	cmd.Env = append(os.Environ(), "PROCESS_TEST=first")
	out, err := cmd.CombinedOutput()
	if want := "document start true true true true 1 vrrpsh\n"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

// TestPID covers the directive pid.
func TestPID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "vrrpsh.pid")
	first, err := Claim(path)
	if err != nil {
		t.Fatal(err)
	}
	own := strconv.Itoa(os.Getpid())
	if got, err := os.ReadFile(path); err != nil || string(got) != own+"\n" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if _, err := Claim(path); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), own) {
		t.Errorf("a second router: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != own+"\n" {
		t.Errorf("after a second router the file has %q, %v", got, err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}

	// A live process now has the process ID of the crashed router.
	if err := os.WriteFile(path, []byte("1 and more than a number\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := Claim(path)
	if err != nil {
		t.Fatalf("a file that was left behind: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != own+"\n" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if err := os.Remove(path); err != nil { // no other process can claim it because of that
		t.Fatal(err)
	}
	if _, err := Claim(path); !errors.Is(err, ErrRunning) {
		t.Errorf("without the file: %v", err)
	}
	if err := os.Rename(path+lockSuffix, path+".old"); err != nil {
		t.Fatal(err)
	}
	other, err := Claim(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a file of another process was removed: %v", err)
	}
	if err := other.Release(); err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink("/etc/hostname", path); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(path); err == nil {
		t.Error("a symbolic link was followed for writing")
	}
}

// TestPIDFileIsNobodyElses checks that users who can read the PID file, or have replaced it, cannot prevent a router
// from starting.
func TestPIDFileIsNobodyElses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vrrpsh.pid")
	lock := func(path string) {
		t.Helper()
		f, err := os.Open(path)
		if err == nil {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
	}
	claim := func(what string) *PIDFile {
		t.Helper()
		p, err := Claim(path)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for name, mode := range map[string]os.FileMode{path: 0o644, path + lockSuffix: 0o600} {
			if fi, err := os.Stat(name); err != nil || fi.Mode() != mode {
				t.Errorf("%s: %s: %v, %v", what, name, fi.Mode(), err)
			}
		}
		return p
	}
	p := claim("the first")
	lock(path) // as any user can
	if _, err := Claim(path); !errors.Is(err, ErrRunning) {
		t.Errorf("a second router: %v", err)
	}
	if err := p.Release(); err != nil {
		t.Fatal(err)
	}
	for what, name := range map[string]string{"a PID file": path, "a lock file": path + lockSuffix} {
		if err := os.WriteFile(name, []byte("1\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o666); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		lock(name)
		if err := claim(what + " that others can lock").Release(); err != nil {
			t.Error(err)
		}
		if os.Geteuid() != 0 {
			continue
		}
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Chown(name, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
		lock(name)
		if err := claim(what + " of another user").Release(); err != nil {
			t.Error(err)
		}
	}
	if err := os.Symlink("/etc/hostname", path+lockSuffix); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(path); err == nil {
		t.Error("a symbolic link was followed for the lock")
	}
}

// TestWorkingDir covers the directive working_dir.
func TestWorkingDir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := Enter(filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Getwd(); err != nil || filepath.Base(got) != "new" {
		t.Errorf("in %s, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Enter(filepath.Join(dir, "file")); err == nil {
		t.Error("a file was accepted as the working directory")
	}
}

// TestService checks the messages to a service manager.
func TestService(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	var s Service
	s.Ready() // there is no service manager
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_USEC", "30000000")
	s.Ready()
	ctx, cancel := context.WithCancel(t.Context())
	s.Watch(ctx, func(context.Context) error { cancel(); return nil })
	s.Reloading()
	s.Stopping()
	for _, want := range []string{"READY=1", "WATCHDOG=1", "RELOADING=1\nMONOTONIC_USEC=", "STOPPING=1"} {
		b := make([]byte, 100)
		if err := manager.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := manager.Read(b)
		if got := string(b[:n]); err != nil || got != want && !(strings.HasSuffix(want, "=") && strings.HasPrefix(got, want)) {
			t.Errorf("the service manager receives %q, %v, want %s", got, err, want)
		}
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		start := time.Now()
		stuck := func(ctx context.Context) error {
			if time.Since(start) < 50*time.Second {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		alive := 0
		watch(ctx, 10*time.Second, stuck, func() { alive++ })
		if alive != 5 {
			t.Errorf("%d watchdog messages in 50 s of health and 45 s without", alive)
		}
	})
}
