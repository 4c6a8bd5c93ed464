package journal

import (
	"fmt"
	"os"
	"syscall"
)

// fileMode is that of new log files. They hold no secrets, but who uses the router and from where.
const fileMode = 0o640

// file is a log file. A nil one is none.
type file struct {
	path string
	f    *os.File
}

// openFile opens a log file to append to it. It does not wait for the reader of a pipe.
func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &file{path: path, f: f}, nil
}

// as returns the file with a path, nil if that is empty: this one or a newly opened one.
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

// closeUnless closes the file unless it is kept.
func (f *file) closeUnless(kept *file) {
	if f != nil && f != kept {
		_ = f.f.Close() // every line was written already
	}
}

func (f *file) reopen() error {
	if f == nil {
		return nil
	}
	again, err := openFile(f.path)
	if err != nil {
		return err
	}
	_ = f.f.Close()
	f.f = again.f
	return nil
}

// write appends a line. There is nobody to tell of a full disk: the journal's memory has the line.
func (f *file) write(line []byte) { _, _ = f.f.Write(line) }
