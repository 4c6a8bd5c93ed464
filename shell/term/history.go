// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"vrrpsh/platform/printable"
	"vrrpsh/shell"
)

const defaultHistory = 1000

// history contains the lines of this session and, from a file, of earlier sessions.
type history struct {
	path    string
	size    int
	private func(string) bool
	lines   []string
}

// openHistory reads the history file. If that fails, it returns the error and a history without a file.
func openHistory(o Options) (*history, error) {
	h := &history{path: o.HistoryFile, size: o.HistorySize, private: o.Private}
	if h.size <= 0 {
		h.size = defaultHistory
	}
	if h.path == "" {
		return h, nil
	}
	if err := h.load(); err != nil {
		h.path = ""
		return h, fmt.Errorf("history: %w", err)
	}
	return h, nil
}

// open opens the file for reading and appending, with access for its owner only.
func (h *history) open() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return nil, err
	}
	// Do not follow a link, and do not wait for the other end of a pipe.
	f, err := os.OpenFile(h.path, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New(h.path + " is not a file")
	}
	if err == nil && fi.Mode().Perm() != 0o600 {
		err = f.Chmod(0o600)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (h *history) load() error {
	f, err := h.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	n := 0
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" && len(line) <= maxLine {
			h.lines = append(h.lines, printable.Line(line))
			n++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(h.lines) > 2*h.size {
			h.trim()
		}
	}
	h.trim()
	if n > 2*h.size {
		return h.rewrite()
	}
	return nil
}

func (h *history) trim() {
	if n := len(h.lines) - h.size; n > 0 {
		h.lines = slices.Clone(h.lines[n:])
	}
}

// rewrite truncates the file to the lines that are kept.
func (h *history) rewrite() error {
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(h.lines, "\n") + "\n")
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// add adds a line. It writes the line to the file immediately and in one write, so that parallel
// sessions do not mix parts of lines.
func (h *history) add(line string) {
	line = strings.TrimSpace(line)
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.trim()
	if _, secret := shell.SecretIn(line); h.path == "" || secret || h.private != nil && h.private(line) {
		return
	}
	f, err := h.open()
	if err != nil {
		return // a failure of the history is no reason to disturb the user
	}
	_, _ = f.WriteString(line + "\n")
	_ = f.Close()
}

// older returns the newest line before index from that contains what, and the line's index, or -1
// if there is no such line.
func (h *history) older(what string, from int) (string, int) {
	for i := min(from, len(h.lines)) - 1; i >= 0; i-- {
		if strings.Contains(h.lines[i], what) {
			return h.lines[i], i
		}
	}
	return "", -1
}
