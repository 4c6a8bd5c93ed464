// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrRunning is wrapped in the error of Claim when another process holds the PID file.
var ErrRunning = errors.New("another router is running")

// lockSuffix is the suffix of the lock file beside the PID file. The PID file itself is not locked: every user can read it, and
// a user who can read a file can lock it.
const lockSuffix = ".lock"

// PIDFile is a file with this process's ID. A file beside it is locked as long as the process lives. The lock
// tells a stale PID file from one in use, even if another process has the same ID by now.
type PIDFile struct {
	path string
	lock *os.File
}

// Claim writes the PID file and creates its directory if that is missing. It refuses a symbolic link,
// since other users may write to the directory.
func Claim(path string) (*PIDFile, error) { return claimWith(path, nil) }

// claimWith is Claim with a lock that may be inherited; nil: there is none.
func claimWith(path string, inherited *os.File) (*PIDFile, error) {
	p, err := claim(path, inherited)
	if err != nil {
		return nil, fmt.Errorf("PID file %s: %w", path, err)
	}
	return p, nil
}

func claim(path string, inherited *os.File) (*PIDFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	p := &PIDFile{path: path, lock: inherited}
	if !p.current() {
		p.lock = nil
	}
	for p.lock == nil {
		f, err := openOwn(path+lockSuffix, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = running(path)
			}
			return nil, err
		}
		if p.lock = f; !p.current() { // the file was removed between opening and locking
			_ = f.Close()
			p.lock = nil
		}
	}
	if err := p.write(); err != nil {
		if p.lock != inherited {
			_ = p.unlock()
		}
		return nil, err
	}
	return p, nil
}

// running returns ErrRunning, with the process ID if the PID file has one.
func running(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ErrRunning
	}
	defer func() { _ = f.Close() }()
	owner, _ := io.ReadAll(io.LimitReader(f, 32)) // optional: without it the error lacks the process ID
	if owner = bytes.TrimSpace(owner); len(owner) == 0 {
		return ErrRunning
	}
	return fmt.Errorf("%w with process ID %s", ErrRunning, owner)
}

// openOwn opens a file of this user and creates it if it is missing. It replaces a file that belongs to another user or was
// open to others: others could lock such a file or write to it.
func openOwn(path string, mode os.FileMode) (*os.File, error) {
	for range 10 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, mode)
		var fi os.FileInfo
		if err == nil {
			fi, err = f.Stat()
		} else if there, lerr := os.Lstat(path); lerr == nil && there.Mode().IsRegular() { // some kernels refuse others' files
			fi = there
		}
		if fi == nil || f != nil && own(fi, mode) {
			return f, err
		}
		if f != nil {
			_ = f.Close()
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errors.New("another process keeps replacing the file")
}

// own reports whether a file belongs to this user and has no permissions beyond mode.
func own(fi os.FileInfo, mode os.FileMode) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && fi.Mode().IsRegular() && fi.Mode().Perm()&^mode == 0
}

func (p *PIDFile) write() error {
	f, err := openOwn(p.path, 0o644)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return errors.Join(err, f.Close())
}

// current reports whether the path still leads to the locked file.
func (p *PIDFile) current() bool {
	if p.lock == nil {
		return false
	}
	opened, err := p.lock.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(p.path + lockSuffix)
	return err == nil && os.SameFile(opened, now)
}

// Release removes the file, unless it belongs to another process by now. On a nil PIDFile, it does nothing.
func (p *PIDFile) Release() error {
	if p == nil {
		return nil
	}
	var err error
	if p.current() {
		err = os.Remove(p.path)
	}
	return errors.Join(err, p.unlock())
}

// unlock removes the lock file and releases the lock.
func (p *PIDFile) unlock() error {
	var err error
	if p.current() {
		err = os.Remove(p.path + lockSuffix)
	}
	return errors.Join(err, p.lock.Close())
}

// Enter makes dir the working directory and creates it if it is missing.
func Enter(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	return nil
}
