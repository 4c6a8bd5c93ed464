// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Disk is the file system with the configuration file, the history and the awaited confirmation. Its methods work like the
// functions of package os, and EvalSymlinks like that of path/filepath.
type Disk interface {
	Open(name string) (DiskFile, error)
	// Create creates a file to write, which must not exist.
	Create(name string, mode fs.FileMode) (DiskFile, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	EvalSymlinks(name string) (string, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	MkdirAll(name string, mode fs.FileMode) error
	Chmod(name string, mode fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
}

// DiskFile is an open file or directory of a Disk, with methods of os.File.
type DiskFile interface {
	io.ReadWriteCloser
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Chown(uid, gid int) error
	Sync() error
}

var (
	_ Disk     = osDisk{}
	_ DiskFile = (*os.File)(nil)
)

// osDisk is the file system of the operating system.
type osDisk struct{}

func (osDisk) Open(name string) (DiskFile, error) {
	// Without O_NONBLOCK, opening a pipe waits for its other end, which may never come.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err == nil {
		_ = f.SetReadDeadline(time.Now().Add(pipeTimeout)) // other files have no deadlines and need none
	}
	return opened(f, err)
}

func (osDisk) Create(name string, mode fs.FileMode) (DiskFile, error) {
	return opened(os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode))
}
func (osDisk) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (osDisk) Lstat(name string) (fs.FileInfo, error)       { return os.Lstat(name) }
func (osDisk) EvalSymlinks(name string) (string, error)     { return filepath.EvalSymlinks(name) }
func (osDisk) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (osDisk) MkdirAll(name string, mode fs.FileMode) error { return os.MkdirAll(name, mode) }
func (osDisk) Chmod(name string, mode fs.FileMode) error    { return os.Chmod(name, mode) }
func (osDisk) Rename(from, to string) error                 { return os.Rename(from, to) }
func (osDisk) Remove(name string) error                     { return os.Remove(name) }

// opened returns a nil DiskFile in place of one that holds a nil *os.File.
func opened(f *os.File, err error) (DiskFile, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// readAll is os.ReadFile.
func readAll(d Disk, name string) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(f)
}

// syncDir makes the names in a directory survive a power failure.
func syncDir(d Disk, name string) error {
	dir, err := d.Open(name)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) { // the file system does not support syncing directories
		err = nil
	}
	return errors.Join(err, dir.Close())
}
