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
// arguments, with a document and a listener to inherit. The document is written to a file without a
// name in dir. Succeed returns only if that fails, and nothing has changed then.
func (p Program) Succeed(dir string, document []byte, l *net.UnixListener) error {
	doc, err := nameless(dir, document)
	if err != nil {
		return fmt.Errorf("hand over to %s: %w", p.Path, err)
	}
	defer func() { _ = doc.Close() }()
	listener, err := l.File()
	if err != nil {
		return fmt.Errorf("hand over to %s: %w", p.Path, err)
	}
	defer func() { _ = listener.Close() }()
	marker := fmt.Sprintf("%s=%d", successorEnv, os.Getpid())
	for _, f := range []*os.File{doc, listener} {
		fd, err := keep(f)
		if err != nil {
			return fmt.Errorf("hand over to %s: %w", p.Path, err)
		}
		marker += fmt.Sprintf(" %d", fd)
	}
	was, err := os.Getwd()
	if err == nil {
		err = os.Chdir(p.dir) // arguments may be relative to it
	}
	if err != nil {
		return fmt.Errorf("hand over to %s: %w", p.Path, err)
	}
	// Until the successor handles it, the order to reload would end the process. It
	// reads the configuration anyway.
	signal.Ignore(syscall.SIGHUP)
	err = syscall.Exec(p.Path, os.Args, append(os.Environ(), marker))
	return errors.Join(fmt.Errorf("hand over to %s: %w", p.Path, err), os.Chdir(was))
}

// nameless returns a file that vanishes with its last user, with the reading position at its beginning.
func nameless(dir string, content []byte) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".handover-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(f.Name())
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
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
	Listener *net.UnixListener
}

// Inherited returns what the program that ran in this process before has left; nil if there was none.
func Inherited() (*Inheritance, error) {
	marker := os.Getenv(successorEnv)
	_ = os.Unsetenv(successorEnv) // not for the programs that this one starts
	fields := strings.Fields(marker)
	if len(fields) != 3 || fields[0] != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	var files [2]*os.File
	for i := range files {
		fd, err := strconv.Atoi(fields[i+1])
		if err != nil || fd <= 2 {
			return nil, fmt.Errorf("%s: bad descriptor %q", successorEnv, fields[i+1])
		}
		syscall.CloseOnExec(fd)
		files[i] = os.NewFile(uintptr(fd), "inherited")
		defer func() { _ = files[i].Close() }()
	}
	document, err := io.ReadAll(files[0])
	if err != nil {
		return nil, fmt.Errorf("what was handed over: %w", err)
	}
	listener, err := net.FileListener(files[1])
	if err != nil {
		return nil, fmt.Errorf("inherited listener: %w", err)
	}
	l, ok := listener.(*net.UnixListener)
	if !ok {
		_ = listener.Close()
		return nil, errors.New("the inherited listener is none of a Unix socket")
	}
	l.SetUnlinkOnClose(true)
	return &Inheritance{document, l}, nil
}
