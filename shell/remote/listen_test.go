// SPDX-License-Identifier: GPL-3.0-only

package remote_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vrrpsh/shell/remote"
)

func TestDialErrors(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	leaveSocket(t, stale)
	mute := filepath.Join(dir, "mute") // accepts and sends nothing
	l, err := net.Listen("unix", mute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, tt := range []struct {
		name, path, want string
		ctx              context.Context
	}{
		{"missing", filepath.Join(dir, "none"), "no router listens on", t.Context()},
		{"stale", stale, "no router listens on", t.Context()},
		{"mute", mute, "no answer", short},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := remote.Dial(tt.ctx, tt.path)
			if !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// leaveSocket leaves the socket of a dead process.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestListen(t *testing.T) {
	t.Run("makes directory and socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a", "b", "s")
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		fi, err := os.Stat(path)
		if err != nil || fi.Mode().Perm() != 0o660 {
			t.Errorf("socket %v, %v", fi.Mode(), err)
		}
		if fi, err = os.Stat(filepath.Dir(path)); err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("directory %v, %v", fi.Mode(), err)
		}
	})
	t.Run("removes it at the end", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	})
	t.Run("replaces a stale one", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		leaveSocket(t, path)
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	})
	t.Run("in use", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := remote.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := remote.Listen(path); !errors.Is(err, remote.ErrInUse) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
		if c, err := net.Dial("unix", path); err != nil {
			t.Errorf("the first router was disturbed: %v", err)
		} else {
			_ = c.Close()
		}
	})
	t.Run("not a socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Listen(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
			t.Errorf("got %v", err)
		}
		if b, _ := os.ReadFile(path); string(b) != "precious" {
			t.Error("the file is gone")
		}
	})
	t.Run("too long", func(t *testing.T) {
		if _, err := remote.Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 120))); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("two at once", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		leaveSocket(t, path)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var open []net.Listener
		for range 8 {
			wg.Go(func() {
				l, err := remote.Listen(path)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					open = append(open, l)
				case !errors.Is(err, remote.ErrInUse):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(open) != 1 {
			t.Errorf("%d routers have the socket", len(open))
		}
		for _, l := range open {
			_ = l.Close()
		}
	})
}

func TestPeer(t *testing.T) {
	r := startRouter(t, nil)
	_, conv := r.dial(t)
	p := conv.peer
	if p.UID != os.Getuid() || p.GID != os.Getgid() || p.Username == "" || !p.Owner() {
		t.Errorf("peer %+v", p)
	}
	if p.PID != 0 && p.PID != os.Getpid() {
		t.Errorf("pid %d", p.PID)
	}
	if (remote.Peer{UID: 54321}).Owner() {
		t.Error("a stranger counts as the owner of the router")
	}
}
