package runstate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
}

// Open locks the file that is called name, with the suffix ".json", in dir, which is made when
// missing. With an empty dir no file is kept. It is platform.ErrConflict when another
// router has the file.
func Open(dir, name string) (*File, error) {
	f := new(File)
	if dir == "" {
		return f, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	f.path = filepath.Join(dir, name+".json")
	lock, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s belongs to a router that is running: %w", f.path, platform.ErrConflict)
		}
		return nil, fmt.Errorf("lock %s: %w", f.path, err)
	}
	f.lock = lock
	return f, nil
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

// Save makes the file say state, unless it says that already. Whoever reads it sees the old or
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
		return fmt.Errorf("run state: %w", err)
	}
	f.last = b
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
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run state: %w", err)
	}
	return nil
}
