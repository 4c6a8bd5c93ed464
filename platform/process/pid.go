package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrRunning is in the error of Claim when another process has the PID file.
var ErrRunning = errors.New("another router is running")

// PIDFile is a file with this process's ID. It is locked as long as the process lives, so that
// one that was left behind is told from one in use, whoever has the number in it by now.
type PIDFile struct {
	path string
	f    *os.File
}

// Claim writes the PID file, making its directory if that is missing. A symbolic link is refused,
// since the directory may be everybody's.
func Claim(path string) (*PIDFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("PID file: %w", err)
	}
	for {
		p, err := claim(path)
		if err != nil {
			return nil, fmt.Errorf("PID file %s: %w", path, err)
		}
		if p != nil {
			return p, nil
		}
	}
}

// claim returns nil when the file was removed between opening and locking it.
func claim(path string) (*PIDFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	p := &PIDFile{path: path, f: f}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, err
		}
		owner, _ := io.ReadAll(io.LimitReader(f, 32)) // it says more, if it can be read
		if owner = bytes.TrimSpace(owner); len(owner) > 0 {
			return nil, fmt.Errorf("%w with process ID %s", ErrRunning, owner)
		}
		return nil, ErrRunning
	}
	if !p.current() {
		_ = f.Close()
		return nil, nil
	}
	if err := p.write(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return p, nil
}

func (p *PIDFile) write() error {
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	_, err := p.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// current tells whether the file that was opened is still the one with the path.
func (p *PIDFile) current() bool {
	opened, err := p.f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(p.path)
	return err == nil && os.SameFile(opened, now)
}

// Release removes the file, unless it is another's by now.
func (p *PIDFile) Release() error {
	var err error
	if p.current() {
		err = os.Remove(p.path)
	}
	return errors.Join(err, p.f.Close())
}

// Enter makes dir, which is made if it is missing, the working directory.
func Enter(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	return nil
}
