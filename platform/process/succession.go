// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// successorEnv says what a process inherits from the program that it ran before: the process ID, so that no
// other process believes it, and the descriptors of the document and of the listener.
const successorEnv = "VRRPSH_SUCCESSOR"

// predecessorEnv is the descriptor of the program that ran before, and returnedEnv why the one that came after it
// could not take over. lockEnv is the descriptor of the lock of the PID file, which nobody else gets meanwhile, with its
// identity, and stateEnv the state directory.
const (
	predecessorEnv = "VRRPSH_PREDECESSOR"
	returnedEnv    = "VRRPSH_RETURNED"
	lockEnv        = "VRRPSH_LOCK"
	stateEnv       = "VRRPSH_STATE_DIR"
)

// Program is this program as it was started: what is found there later may be a newer release.
type Program struct {
	// Path is absolute, with symbolic links as they were.
	Path string
	dir  string
}

// Self returns this program. It must be called before the working directory changes.
func Self() (Program, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Program{}, fmt.Errorf("working directory: %w", err)
	}
	running, err := os.Executable()
	if err != nil {
		return Program{}, fmt.Errorf("this program: %w", err)
	}
	p := Program{Path: running, dir: dir}
	if path, err := exec.LookPath(os.Args[0]); err == nil {
		if path, err = filepath.Abs(path); err == nil && sameFile(path, running) {
			p.Path = path
		}
	}
	return p, nil
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// Command returns the program with other arguments, in the directory in which it was started.
func (p Program) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.Path, args...)
	cmd.Dir = p.dir
	return cmd
}

// Succeed runs the program, as it is found now, in place of this one: in the same process, with the same
// arguments, with a document, a listener and the claim of a PID file, which may be nil, to inherit. Where there are no files in
// memory the document is written to one without a name in dir. Succeed returns only if that fails, and nothing has changed then.
func (p Program) Succeed(dir string, document []byte, l *net.UnixListener, pid *PIDFile) error {
	var lock *os.File
	if pid != nil {
		lock = pid.lock
	}
	var env []string
	if self, err := os.Open("/proc/self/exe"); err == nil { // whatever is on the disk by now
		defer func() { _ = self.Close() }()
		fd, err := keep(self)
		if err != nil {
			return fmt.Errorf("hand over to %s: %w", p.Path, err)
		}
		env = append(env, fmt.Sprintf("%s=%d", predecessorEnv, fd))
	}
	was, err := os.Getwd()
	if err == nil {
		err = os.Chdir(p.dir) // arguments may be relative to it
	}
	if err != nil {
		return fmt.Errorf("hand over to %s: %w", p.Path, err)
	}
	return errors.Join(execute(p.Path, dir, document, l, lock, env...), os.Chdir(was))
}

// execute runs a program in this process. There may be no lock.
func execute(path, dir string, document []byte, l *net.UnixListener, lock *os.File, env ...string) error {
	fail := func(err error) error { return fmt.Errorf("hand over to %s: %w", path, err) }
	doc, err := nameless(dir, document)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = doc.Close() }()
	listener, err := l.File()
	if err != nil {
		return fail(err)
	}
	defer func() { _ = listener.Close() }()
	env = append(env, stateEnv+"="+dir)
	if lock != nil {
		kept, err := another(lock)
		if err != nil {
			return fail(err)
		}
		defer func() { _ = kept.Close() }()
		fd, err := keep(kept)
		if err != nil {
			return fail(err)
		}
		id, err := identity(fd)
		if err != nil {
			return fail(err)
		}
		env = append(env, fmt.Sprintf("%s=%d %s", lockEnv, fd, id))
	}
	marker := fmt.Sprintf("%s=%d", successorEnv, os.Getpid())
	for _, f := range []*os.File{doc, listener} {
		fd, err := keep(f)
		if err != nil {
			return fail(err)
		}
		marker += fmt.Sprintf(" %d", fd)
	}
	// Until the successor handles it, the order to reload would end the process. It
	// reads the configuration anyway.
	signal.Ignore(syscall.SIGHUP)
	return fail(syscall.Exec(path, os.Args, append(append(os.Environ(), marker), env...)))
}

// unlinked returns a file in dir that vanishes with its last user, with the reading position at its beginning.
func unlinked(dir string, content []byte) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".handover-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, err
	}
	return filled(f, content)
}

// filled writes the content of a file, and returns it with the reading position at its beginning.
func filled(f *os.File, content []byte) (*os.File, error) {
	_, err := f.Write(content)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// TryDocument tells whether a document like this one could be handed over.
func TryDocument(dir string, document []byte) error {
	f, err := nameless(dir, document)
	if err != nil {
		return err
	}
	return f.Close()
}

// another returns another descriptor of an open file, which may be closed by itself.
func another(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var inner error
	err = raw.Control(func(d uintptr) { fd, inner = unix.FcntlInt(d, unix.F_DUPFD_CLOEXEC, 3) })
	if err = errors.Join(err, inner); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// identity tells the file behind a descriptor from others: a release that knows nothing of a lock hands on what it was told of one,
// and the descriptor is another file's by then.
func identity(fd uintptr) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d", st.Dev, st.Ino), nil
}

// keep leaves a file open for the successor and returns its descriptor.
func keep(f *os.File) (fd uintptr, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var inner error
	err = raw.Control(func(d uintptr) {
		fd = d
		_, inner = unix.FcntlInt(d, unix.F_SETFD, 0)
	})
	return fd, errors.Join(err, inner)
}

// Inheritance is what a successor gets.
type Inheritance struct {
	Document []byte
	Listener *net.UnixListener // nil: it is lost
	// Returned is why the program that should have come after this one could not take over; empty: this one is
	// the successor.
	Returned string
	// StateDir is the state directory; empty: an earlier release has not said it.
	StateDir string

	predecessor *os.File // nil: it cannot be executed again
	lock        *os.File // of the PID file; nil: there is none
	dir         string
}

// Claim is as the function of this name, but that the lock may have been inherited.
func (in *Inheritance) Claim(path string) (*PIDFile, error) {
	if in == nil {
		return Claim(path)
	}
	return claimWith(path, in.lock)
}

// Return runs the program that ran before in this process again, in the working directory that this one was
// started in, with a document for it to inherit: that of this process cannot take over, for a reason. It returns if that
// cannot be done.
func (in *Inheritance) Return(document []byte, reason error) error {
	if !in.Returnable() {
		return errors.New("nobody is there to return to")
	}
	fd, err := keep(in.predecessor)
	if err == nil && in.dir != "" {
		err = os.Chdir(in.dir)
	}
	if err != nil {
		return fmt.Errorf("return to the program before: %w", err)
	}
	return execute(fmt.Sprintf("/proc/self/fd/%d", fd), in.StateDir, document, in.Listener, in.lock, returnedEnv+"="+reason.Error())
}

// Inherited returns what the program that ran in this process before has left; nil if there was none. With an error it is not
// everything. It must be called before the working directory changes.
func Inherited() (*Inheritance, error) {
	take := func(name string) string {
		value := os.Getenv(name)
		_ = os.Unsetenv(name) // not for the programs that this one starts
		return value
	}
	marker, before, returned, lock, state := take(successorEnv), take(predecessorEnv), take(returnedEnv), take(lockEnv), take(stateEnv)
	fields := strings.Fields(marker)
	if len(fields) != 3 || fields[0] != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	in := &Inheritance{Returned: returned, StateDir: state}
	open := func(descriptor string) (*os.File, error) {
		fd, err := strconv.Atoi(descriptor)
		if err != nil || fd <= 2 {
			return nil, fmt.Errorf("%s: bad descriptor %q", successorEnv, descriptor)
		}
		syscall.CloseOnExec(fd)
		return os.NewFile(uintptr(fd), "inherited"), nil
	}
	var err error
	in.dir, _ = os.Getwd() // it may have been removed meanwhile
	if descriptor, id, ok := strings.Cut(lock, " "); ok {
		if fd, err := strconv.Atoi(descriptor); err == nil && fd > 2 {
			if now, err := identity(uintptr(fd)); err == nil && now == id {
				syscall.CloseOnExec(fd)
				in.lock = os.NewFile(uintptr(fd), "lock")
			}
		}
	}
	if before != "" && returned == "" {
		if in.predecessor, err = open(before); err != nil {
			return in, err
		}
	}
	document, err := open(fields[1])
	if err == nil {
		in.Document, err = io.ReadAll(document)
		_ = document.Close()
	}
	if err != nil {
		err = fmt.Errorf("what was handed over: %w", err)
	}
	var lerr error
	if in.Listener, lerr = inheritedListener(open(fields[2])); lerr != nil {
		err = errors.Join(err, fmt.Errorf("inherited listener: %w", lerr))
	}
	return in, err
}

// inheritedListener returns the listener that a file is.
func inheritedListener(f *os.File, err error) (*net.UnixListener, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	listener, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	l, ok := listener.(*net.UnixListener)
	if !ok {
		_ = listener.Close()
		return nil, errors.New("it is none of a Unix socket")
	}
	l.SetUnlinkOnClose(true)
	return l, nil
}

// Returnable says whether there is a program to Return to.
func (in *Inheritance) Returnable() bool {
	return in != nil && in.predecessor != nil && in.Listener != nil
}

// ReleasePredecessor lets go of what only Return needs: the program before, and what of the listener and the lock is not in use.
func (in *Inheritance) ReleasePredecessor(l *net.UnixListener, pid *PIDFile) {
	if in == nil {
		return
	}
	if in.predecessor != nil {
		_ = in.predecessor.Close()
		in.predecessor = nil
	}
	if in.Listener != nil && in.Listener != l {
		_ = in.Listener.Close()
	}
	if in.lock != nil && (pid == nil || pid.lock != in.lock) {
		_ = in.lock.Close()
		in.lock = nil
	}
}
