// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"vrrpsh/conf"
)

// disk is a machine's file system. What was written lasts a power loss only once it was synced: the content of a file by its
// own Sync, its name by that of the directory.
type disk struct {
	names map[string]*inode // as programs see them
	last  map[string]*inode // as they are after a power loss
	// pending are the changes of names that last does not have, oldest first.
	pending []renaming
	// fault is asked before each call: it may return an error, delay it, or end the program.
	fault func(op diskOp, path string) error
	// done is told after each call that has changed something.
	done func(op diskOp, path string)
}

// inode is a file or a directory.
type inode struct {
	data, last []byte // last is what a Sync has written
	synced     bool   // there was one
	mode       fs.FileMode
}

// renaming makes the inode of a path another one; nil: there is none any more. from, unless empty, is gone at the same time.
type renaming struct {
	path string
	to   *inode
	from string
}

// apply changes names.
func (r renaming) apply(names map[string]*inode) {
	if names[r.path] = r.to; r.to == nil {
		delete(names, r.path)
	}
	delete(names, r.from)
}

// diskOp is a call of the file system.
type diskOp string

const (
	opOpen    diskOp = "open"
	opRead    diskOp = "read"
	opCreate  diskOp = "create"
	opWrite   diskOp = "write"
	opSync    diskOp = "sync"
	opClose   diskOp = "close"
	opRename  diskOp = "rename"
	opRemove  diskOp = "remove"
	opChmod   diskOp = "chmod"
	opStat    diskOp = "stat"
	opReadDir diskOp = "readdir"
	opMkdir   diskOp = "mkdir"
)

var diskOps = []diskOp{
	opOpen, opRead, opCreate, opWrite, opSync, opClose, opRename, opRemove, opChmod, opStat, opReadDir, opMkdir,
}

// writes tells whether a call changes the disk.
func (o diskOp) writes() bool {
	switch o {
	case opCreate, opWrite, opSync, opRename, opRemove, opChmod, opMkdir:
		return true
	default:
		return false
	}
}

func newDisk(dirs ...string) *disk {
	d := &disk{
		names: make(map[string]*inode), last: make(map[string]*inode),
		fault: func(diskOp, string) error { return nil }, done: func(diskOp, string) {},
	}
	for _, dir := range dirs {
		for ; d.names[dir] == nil; dir = filepath.Dir(dir) {
			n := &inode{mode: fs.ModeDir | 0o755}
			d.names[dir], d.last[dir] = n, n
		}
	}
	return d
}

// handMode is the mode of a file that a person has written.
const handMode fs.FileMode = 0o640

// put writes a file as a person does, to last, with what was done to its directory before.
func (d *disk) put(path string, data []byte) {
	d.settle(func(r renaming) bool { return filepath.Dir(r.path) == filepath.Dir(path) })
	n := &inode{data: slices.Clone(data), last: slices.Clone(data), synced: true, mode: handMode}
	d.names[path], d.last[path] = n, n
}

// get reads a file; false if there is none.
func (d *disk) get(path string) ([]byte, bool) {
	n := d.names[path]
	if n == nil {
		return nil, false
	}
	return n.data, true
}

// list returns the names of all files below a directory.
func (d *disk) list(dir string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if strings.HasPrefix(name, dir+"/") && !d.names[name].mode.IsDir() {
			list = append(list, name)
		}
	}
	return list
}

// rename notes what a path is from now on.
func (d *disk) rename(path string, to *inode, from string) {
	r := renaming{path, to, from}
	r.apply(d.names)
	d.pending = append(d.pending, r)
}

// settle makes pending changes of names last.
func (d *disk) settle(which func(renaming) bool) {
	var left []renaming
	for _, r := range d.pending {
		if which(r) {
			r.apply(d.last)
		} else {
			left = append(left, r)
		}
	}
	d.pending = left
}

// losePower forgets what was not synced, but for what has reached the disk by chance: the first of the changes of
// names, and parts of contents.
func (d *disk) losePower(r *rand.Rand) {
	n := r.IntN(len(d.pending) + 1)
	d.settle(func(renaming) bool { n--; return n >= 0 })
	d.pending = nil
	for name := range maps.Clone(d.last) { // what lasts in a directory makes the directory last
		for dir := filepath.Dir(name); d.last[dir] == nil && d.names[dir] != nil; dir = filepath.Dir(dir) {
			d.last[dir] = d.names[dir]
		}
	}
	d.names = maps.Clone(d.last)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		f := d.names[name]
		if f.mode.IsDir() || f.synced && string(f.data) == string(f.last) {
			continue
		}
		switch r.IntN(4) {
		case 0:
			f.data = slices.Clone(f.last)
		case 1: // all of it
		case 2:
			f.data = f.data[:r.IntN(len(f.data)+1)]
		case 3: // it has its length, but not its content
			f.data = make([]byte, len(f.data))
		}
		f.last, f.synced = slices.Clone(f.data), true
	}
}

var _ conf.Disk = (*disk)(nil)

// call makes a call unless it is to fail.
func (d *disk) call(op diskOp, path string, do func() error) error {
	err := d.fault(op, path)
	if err == nil {
		err = do()
	}
	if err != nil {
		return &fs.PathError{Op: string(op), Path: path, Err: err}
	}
	if op.writes() {
		d.done(op, path)
	}
	return nil
}

func (d *disk) find(path string) (*inode, error) {
	if n := d.names[path]; n != nil {
		return n, nil
	}
	return nil, syscall.ENOENT
}

// Open implements conf.Disk.
func (d *disk) Open(name string) (conf.DiskFile, error) {
	f := &file{disk: d, path: name}
	err := d.call(opOpen, name, func() (err error) {
		f.inode, err = d.find(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Create implements conf.Disk.
func (d *disk) Create(name string, mode fs.FileMode) (conf.DiskFile, error) {
	f := &file{disk: d, path: name}
	err := d.call(opCreate, f.path, func() error {
		if _, err := d.find(filepath.Dir(name)); err != nil {
			return err
		}
		if d.names[name] != nil {
			return syscall.EEXIST
		}
		f.inode = &inode{mode: mode}
		d.rename(f.path, f.inode, "")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Stat implements conf.Disk.
func (d *disk) Stat(name string) (fs.FileInfo, error) {
	var i info
	err := d.call(opStat, name, func() error {
		n, err := d.find(name)
		i = info{filepath.Base(name), n}
		return err
	})
	return i, err
}

// Lstat implements conf.Disk.
func (d *disk) Lstat(name string) (fs.FileInfo, error) { return d.Stat(name) }

// EvalSymlinks implements conf.Disk: there are none.
func (d *disk) EvalSymlinks(name string) (string, error) {
	_, err := d.Stat(name)
	return name, err
}

// ReadDir implements conf.Disk.
func (d *disk) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	err := d.call(opReadDir, name, func() error {
		if _, err := d.find(name); err != nil {
			return err
		}
		for _, path := range slices.Sorted(maps.Keys(d.names)) {
			if filepath.Dir(path) == name && path != name {
				list = append(list, fs.FileInfoToDirEntry(info{filepath.Base(path), d.names[path]}))
			}
		}
		return nil
	})
	return list, err
}

// MkdirAll implements conf.Disk.
func (d *disk) MkdirAll(name string, mode fs.FileMode) error {
	if d.names[name] != nil {
		return nil
	}
	if err := d.MkdirAll(filepath.Dir(name), mode); err != nil {
		return err
	}
	return d.call(opMkdir, name, func() error {
		d.rename(name, &inode{mode: fs.ModeDir | mode}, "")
		return nil
	})
}

// Chmod implements conf.Disk.
func (d *disk) Chmod(name string, mode fs.FileMode) error {
	return d.call(opChmod, name, func() error {
		n, err := d.find(name)
		if err == nil {
			n.mode = n.mode&^fs.ModePerm | mode
		}
		return err
	})
}

// Rename implements conf.Disk.
func (d *disk) Rename(from, to string) error {
	return d.call(opRename, to, func() error {
		n, err := d.find(from)
		if err == nil {
			d.rename(to, n, from)
		}
		return err
	})
}

// Remove implements conf.Disk.
func (d *disk) Remove(name string) error {
	return d.call(opRemove, name, func() error {
		_, err := d.find(name)
		if err == nil {
			d.rename(name, nil, "")
		}
		return err
	})
}

// file is an open file or directory.
type file struct {
	disk  *disk
	path  string
	inode *inode
	at    int
}

// Read implements conf.DiskFile.
func (f *file) Read(b []byte) (n int, err error) {
	err = f.disk.call(opRead, f.path, func() error {
		n = copy(b, f.inode.data[min(f.at, len(f.inode.data)):])
		f.at += n
		return nil
	})
	if err == nil && n == 0 && len(b) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements conf.DiskFile. A disk that becomes full takes a part.
func (f *file) Write(b []byte) (n int, err error) {
	err = f.disk.call(opWrite, f.path, func() error {
		f.inode.data = append(f.inode.data, b...)
		return nil
	})
	if err != nil {
		part := b[:len(b)/2]
		f.inode.data = append(f.inode.data, part...)
		return len(part), err
	}
	return len(b), nil
}

// Stat implements conf.DiskFile.
func (f *file) Stat() (fs.FileInfo, error) { return info{filepath.Base(f.path), f.inode}, nil }

// Chmod implements conf.DiskFile.
func (f *file) Chmod(mode fs.FileMode) error {
	return f.disk.call(opChmod, f.path, func() error {
		f.inode.mode = f.inode.mode&^fs.ModePerm | mode
		return nil
	})
}

// Chown implements conf.DiskFile.
func (f *file) Chown(int, int) error { return nil }

// Sync implements conf.DiskFile.
func (f *file) Sync() error {
	return f.disk.call(opSync, f.path, func() error {
		if f.inode.mode.IsDir() {
			f.disk.settle(func(r renaming) bool { return filepath.Dir(r.path) == f.path })
			return nil
		}
		f.inode.last, f.inode.synced = slices.Clone(f.inode.data), true
		return nil
	})
}

// Close implements conf.DiskFile.
func (f *file) Close() error {
	return f.disk.call(opClose, f.path, func() error { return nil })
}

// info is what Stat tells.
type info struct {
	name  string
	inode *inode
}

var _ fs.FileInfo = info{}

// Name implements fs.FileInfo.
func (i info) Name() string { return i.name }

// Size implements fs.FileInfo.
func (i info) Size() int64 { return int64(len(i.inode.data)) }

// Mode implements fs.FileInfo.
func (i info) Mode() fs.FileMode { return i.inode.mode }

// ModTime implements fs.FileInfo.
func (i info) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (i info) IsDir() bool { return i.inode.mode.IsDir() }

// Sys implements fs.FileInfo.
func (i info) Sys() any { return nil }
