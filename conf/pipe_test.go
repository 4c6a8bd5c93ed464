// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadFileFromPipe: a user who can name a pipe where an administrator loads a file must not stop the session.
func TestReadFileFromPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no pipes:", err)
	}
	read := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			f, _, err := ReadFile(path, TOML)
			if err == nil {
				if text, _ := Marshal(f, TOML); !strings.Contains(string(text), "debug") {
					t.Error("the content is lost")
				}
			}
			done <- err
		}()
		return done
	}
	select {
	case err := <-read():
		if err == nil || !strings.Contains(err.Error(), "nothing to read") {
			t.Errorf("a pipe that nobody writes to: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a pipe that nobody writes to is waited for")
	}
	// As the shell's <(command).
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := read()
	// It is more than a pipe holds: when it is written somebody reads.
	if _, err := w.WriteString("#" + strings.Repeat(" ", 1<<17) + "\ndebug = 1\n"); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if err := <-done; err != nil {
		t.Errorf("a pipe with content: %v", err)
	}
}
