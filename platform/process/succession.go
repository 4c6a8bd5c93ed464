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

// successorEnv describes what a program inherits from the previous program in the same process: the process ID, so that
// no other process uses the variable, and the descriptors of the document and of the listener.
const successorEnv = "VRRPSH_SUCCESSOR"

// predecessorEnv holds the descriptor of the previous program, and returnedEnv the reason why its successor
// could not take over. lockEnv holds the descriptor and the identity of the PID file's lock, which stays locked during
// the hand-over. stateEnv holds the state directory.
const (
	predecessorEnv = "VRRPSH_PREDECESSOR"
	returnedEnv    = "VRRPSH_RETURNED"
	lockEnv        = "VRRPSH_LOCK"
	stateEnv       = "VRRPSH_STATE_DIR"
)

// Program is the place from which this program was started. A newer release may be there later.
type Program struct {
	// Path is absolute. Symbolic links in it are not resolved.
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

// Command returns a command that runs the program with other arguments in the directory in which it was started.
func (p Program) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.Path, args...)
	cmd.Dir = p.dir
	return cmd
}

// Succeed replaces this program with the program that is at Path now: in the same process, with the same
// arguments. The successor inherits a document, a listener and the claim of a PID file, which may be nil. On systems without
// files in memory, the document is written to an unnamed file in dir. Succeed returns only if it fails; nothing has changed then.
func (p Program) Succeed(dir string, document []byte, l *net.UnixListener, pid *PIDFile) error {
	var lock *os.File
	if pid != nil {
		lock = pid.lock
	}
	var env []string
	if self, err := os.Open("/proc/self/exe"); err == nil { // the running program, even if the file was replaced
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

// execute runs a program in this process. lock may be nil.
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
	// Until the successor handles SIGHUP, the signal would end the process. The successor
	// reads the configuration anyway.
	signal.Ignore(syscall.SIGHUP)
	return fail(syscall.Exec(path, os.Args, append(append(os.Environ(), marker), env...)))
}

// unlinked returns a file in dir that vanishes when its last descriptor is closed, with the offset at its beginning.
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

// filled writes the content of a file and returns the file with the offset at its beginning.
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

// TryDocument returns an error if such a document could not be handed over.
func TryDocument(dir string, document []byte) error {
	f, err := nameless(dir, document)
	if err != nil {
		return err
	}
	return f.Close()
}

// another returns a second descriptor of an open file, which can be closed separately.
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

// identity identifies the file behind a descriptor. A release that does not know lockEnv passes the variable on, but the
// descriptor belongs to another file by then.
func identity(fd uintptr) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d", st.Dev, st.Ino), nil
}

// keep keeps a file open for the successor and returns its descriptor.
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

// Inheritance holds what a successor inherits.
type Inheritance struct {
	Document []byte
	Listener *net.UnixListener // nil: it is lost
	// Returned is the reason why the successor of this program could not take over; empty: this program is
	// the successor.
	Returned string
	// StateDir is the state directory; empty: an earlier release did not name it.
	StateDir string

	predecessor *os.File // nil: it cannot be executed again
	lock        *os.File // of the PID file; nil: there is none
	dir         string
}

// Claim is like the function Claim, but uses the inherited lock if there is one.
func (in *Inheritance) Claim(path string) (*PIDFile, error) {
	if in == nil {
		return Claim(path)
	}
	return claimWith(path, in.lock)
}

// Return runs the previous program in this process again, because this program cannot take over for the given reason. The
// previous program inherits document and starts in the working directory in which this program was started. Return returns
// only if it fails.
func (in *Inheritance) Return(document []byte, reason error) error {
	if !in.Returnable() {
		return errors.New("there is no previous program to return to")
	}
	fd, err := keep(in.predecessor)
	if err == nil && in.dir != "" {
		err = os.Chdir(in.dir)
	}
	if err != nil {
		return fmt.Errorf("return to the previous program: %w", err)
	}
	return execute(fmt.Sprintf("/proc/self/fd/%d", fd), in.StateDir, document, in.Listener, in.lock, returnedEnv+"="+reason.Error())
}

// Inherited returns what the previous program in this process left; nil if there was none. With an error, the inheritance is
// incomplete. Inherited must be called before the working directory changes.
func Inherited() (*Inheritance, error) {
	take := func(name string) string {
		value := os.Getenv(name)
		_ = os.Unsetenv(name) // the programs that this process starts must not see it
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
	in.dir, _ = os.Getwd() // the directory may have been removed meanwhile
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
		err = fmt.Errorf("inherited document: %w", err)
	}
	var lerr error
	if in.Listener, lerr = inheritedListener(open(fields[2])); lerr != nil {
		err = errors.Join(err, fmt.Errorf("inherited listener: %w", lerr))
	}
	return in, err
}

// inheritedListener returns the listener of a file.
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
		return nil, errors.New("not a Unix socket")
	}
	l.SetUnlinkOnClose(true)
	return l, nil
}

// Returnable reports whether there is a program to Return to.
func (in *Inheritance) Returnable() bool {
	return in != nil && in.predecessor != nil && in.Listener != nil
}

// ReleasePredecessor releases what only Return needs: the previous program, and the listener and the lock if they are not in use.
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
