package runstate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// File is a run-state file, locked against other routers. Its methods are called by one
// goroutine at a time.
type File struct {
	path string // empty: none is kept
	lock *os.File
	last []byte
	log  *slog.Logger
	told bool // that it cannot be written
}

// Open locks the file that is called name, with the suffix ".json", in dir, which is made when
// missing. With an empty dir no file is kept. It is platform.ErrConflict when another
// router has the file. A disk that is full or cannot be written keeps no router from running: that is logged.
func Open(dir, name string, log *slog.Logger) (*File, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &File{log: log}
	if dir == "" {
		return f, nil
	}
	path := filepath.Join(dir, name)
	lock, err := openLock(path + ".lock")
	switch {
	case unwritable(err):
		f.complain(err)
	case err != nil:
		return nil, fmt.Errorf("state directory: %w", err)
	default:
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = lock.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("%s.json belongs to a router that is running: %w", path, platform.ErrConflict)
			}
			return nil, fmt.Errorf("lock %s.json: %w", path, err)
		}
	}
	f.path, f.lock = path+".json", lock
	return f, nil
}

// openLock opens a file to lock it, which it is made for.
func openLock(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if unwritable(err) { // it may be there
		if there, rerr := os.Open(path); rerr == nil {
			return there, nil
		}
	}
	return f, err
}

// unwritable tells whether an error is that of a disk that takes nothing any more.
func unwritable(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EIO)
}

// complain tells, once, that the file cannot be written.
func (f *File) complain(err error) {
	if !f.told {
		f.told = true
		f.log.Warn("the run state cannot be written: after a crash not all that is left might be removed", "error", err)
	}
}

// Close lets go of the lock. The file stays as it is.
func (f *File) Close() {
	if f.lock != nil {
		_ = f.lock.Close()
		f.lock = nil
	}
}

// Load reads what an earlier run has saved into state. Without a file, state stays as it is.
func (f *File) Load(state any) error {
	if f.path == "" {
		return nil
	}
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("run state: %w", err)
	}
	if err := json.Unmarshal(b, state); err != nil {
		return fmt.Errorf("run state %s: %w", f.path, err)
	}
	return nil
}

// Save makes the file say state, unless it says that already. A disk that does not take it is no error: a Master
// needs its addresses more than a record of them. Whoever reads it sees the old or
// the new state in full. It is not forced to the disk: after a power failure there is
// nothing left in the kernel either.
func (f *File) Save(state any) error {
	if f.path == "" {
		return nil
	}
	b, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("run state: %w", err)
	}
	b = append(b, '\n')
	if bytes.Equal(b, f.last) {
		return nil
	}
	if err := f.replace(b); err != nil {
		if unwritable(err) {
			f.complain(err)
			return nil
		}
		return fmt.Errorf("run state: %w", err)
	}
	f.last, f.told = b, false
	return nil
}

// replace puts a new file in the place of the old one. The lock makes sure that nobody
// else writes here.
func (f *File) replace(b []byte) error {
	next := f.path + ".new"
	if err := os.WriteFile(next, b, 0o600); err != nil {
		_ = os.Remove(next) // a full disk must not keep half of it
		return err
	}
	return os.Rename(next, f.path)
}

// Remove deletes the file: nothing of ours is left in the kernel.
func (f *File) Remove() error {
	if f.path == "" {
		return nil
	}
	f.last = nil
	switch err := os.Remove(f.path); {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case unwritable(err): // the next start finds nothing of what it says
		f.complain(err)
	default:
		return fmt.Errorf("run state: %w", err)
	}
	return nil
}
