// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// fileMode is the mode of new log files. They contain no secrets, but users and their addresses.
const fileMode = 0o640

// file is a log file. nil means that there is none.
type file struct {
	path string
	f    *os.File
}

// openFile opens a log file to append to it. It does not wait for the reader of a pipe. It follows
// a symbolic link only if root or the router's user owns it, since every user may be able to write to the directory.
func openFile(path string) (*file, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND | syscall.O_NONBLOCK
	f, err := os.OpenFile(path, flags|syscall.O_NOFOLLOW, fileMode)
	if link, lerr := os.Lstat(path); err != nil && lerr == nil && link.Mode()&fs.ModeSymlink != 0 {
		if !trusted(link) {
			return nil, fmt.Errorf("open the log: %s is a symbolic link that another user owns", path)
		}
		f, err = os.OpenFile(path, flags, fileMode)
	}
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &file{path: path, f: f}, nil
}

func trusted(link fs.FileInfo) bool {
	st, ok := link.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}

// as returns the file with a path: this one or a newly opened one, or nil if the path is empty.
func (f *file) as(path string) (*file, error) {
	switch {
	case path == "":
		return nil, nil
	case f != nil && f.path == path:
		return f, nil
	default:
		return openFile(path)
	}
}
