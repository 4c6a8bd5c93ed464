// SPDX-License-Identifier: GPL-3.0-only

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
	path string // empty: no file is kept
	lock *os.File
	last []byte
	log  *slog.Logger
	told bool // it was logged that the file cannot be written
}

// Open locks the file called name, with the suffix ".json", in dir, which is created if
// missing. With an empty dir no file is kept. The error is platform.ErrConflict if another
// router has locked the file. A full or read-only disk is only logged, so that the router runs anyway.
func Open(dir, name string, log *slog.Logger) (*File, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &File{log: log}
	if dir == "" {
		return f, nil
	}
	path := filepath.Join(dir, name)
	lock, err := openLock(path + lockSuffix)
	switch {
	case unwritable(err):
		f.complain(err)
	case err != nil:
		return nil, fmt.Errorf("state directory: %w", err)
	default:
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = lock.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("%s.json belongs to a running router: %w", path, platform.ErrConflict)
			}
			return nil, fmt.Errorf("lock %s.json: %w", path, err)
		}
		if !isAt(lock, path+lockSuffix) { // another router removed it between opening and locking
			_ = lock.Close()
			return Open(dir, name, log)
		}
	}
	f.path, f.lock = path+".json", lock
	return f, nil
}

// lockSuffix is the suffix of the lock file beside the run-state file.
const lockSuffix = ".lock"

// isAt reports whether a path still leads to an open file.
func isAt(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, now)
}

// openLock opens the lock file, and creates it if needed.
func openLock(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if unwritable(err) { // the file may exist
		if there, rerr := os.Open(path); rerr == nil {
			return there, nil
		}
	}
	return f, err
}

// unwritable reports whether an error means that the disk is full or read-only.
func unwritable(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EIO)
}

// complain logs, once, that the file cannot be written.
func (f *File) complain(err error) {
	if !f.told {
		f.told = true
		f.log.Warn("the run state cannot be written: after a crash the next start may not remove everything", "error", err)
	}
}

// Close releases the lock. The file stays; without one, the lock goes, too: each network namespace of the past would leave its own.
func (f *File) Close() {
	if f.lock != nil {
		if _, err := os.Lstat(f.path); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(f.lock.Name())
		}
		_ = f.lock.Close()
		f.lock = nil
	}
}

// Load reads the state that an earlier run saved. Without a file, state is unchanged.
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

// Save writes state to the file, unless it has this content already. A full or read-only disk is no error: a Master
// needs its addresses more than a record of them. A reader sees the complete old or
// new state. The file is not synced to the disk: after a power failure the kernel has no
// changes to undo.
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

// replace replaces the old file by a new one. The lock ensures that there is no other
// writer.
func (f *File) replace(b []byte) error {
	next := f.path + ".new"
	if err := os.WriteFile(next, b, 0o600); err != nil {
		_ = os.Remove(next) // do not leave half a file on a full disk
		return err
	}
	return os.Rename(next, f.path)
}

// Remove deletes the file when the kernel has none of our changes any more.
func (f *File) Remove() error {
	if f.path == "" {
		return nil
	}
	f.last = nil
	switch err := os.Remove(f.path); {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case unwritable(err): // harmless: the next start finds none of the recorded changes
		f.complain(err)
	default:
		return fmt.Errorf("run state: %w", err)
	}
	return nil
}
