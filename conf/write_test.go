// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("new files are private", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, "one")
		checkFile(t, path, "one", 0o600)
	})
	t.Run("mode is kept", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, "one")
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		write(t, path, "two")
		checkFile(t, path, "two", 0o640)
	})
	t.Run("mode and owner are kept", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, "one")
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		uid := os.Getuid()
		if uid == 0 {
			uid = 1234
			if err := os.Chown(path, uid, 4321); err != nil {
				t.Fatal(err)
			}
		}
		write(t, path, "two")
		checkFile(t, path, "two", 0o640)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != uid {
			t.Errorf("owner %d, want %d", st.Uid, uid)
		}
	})
	t.Run("symbolic links are followed", func(t *testing.T) {
		dir := t.TempDir()
		target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
		write(t, target, "one")
		if err := os.Symlink("target", link); err != nil {
			t.Fatal(err)
		}
		write(t, link, "two")
		checkFile(t, target, "two", 0o600)
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link was replaced (%v)", err)
		}
	})
	t.Run("the old file is never changed in place", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, "one")
		old, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		write(t, path, "two")
		b := make([]byte, 9)
		if n, _ := old.Read(b); string(b[:n]) != "one" {
			t.Errorf("a reader of the old file sees %q", b[:n])
		}
	})
}

// TestWriteFileFails checks that a failed write neither damages the file nor leaves others behind.
func TestWriteFileFails(t *testing.T) {
	tests := []struct {
		name string
		path func(dir string) string
		want string
	}{
		{"no directory", func(dir string) string { return filepath.Join(dir, "gone", "f") }, "no such file or directory"},
		{"a directory", func(dir string) string { return dir }, "it is not a regular file"},
		{"a pipe", func(dir string) string {
			pipe := filepath.Join(dir, "pipe")
			_ = syscall.Mkfifo(pipe, 0o600)
			return pipe
		}, "it is not a regular file"},
		{"a dangling link", func(dir string) string {
			link := filepath.Join(dir, "link")
			_ = os.Symlink("nowhere", link)
			return link
		}, "it is a symbolic link to a file that does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := tt.path(dir)
			err := WriteFile(path, []byte("x"))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "write "+path) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f.Name() != "link" && f.Name() != "pipe" || f.Type().IsRegular() {
					t.Errorf("left over: %v", f)
				}
			}
		})
	}
}

func checkFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != content {
		t.Errorf("%s contains %q, want %q", path, data, content)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != mode {
		t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), mode)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			t.Errorf("left over: %s", f.Name())
		}
	}
}

// TestWriteFileFull makes the kernel refuse the data half way. It runs in a separate process
// because the limit applies to a process.
func TestWriteFileFull(t *testing.T) {
	const variable = "VRRPSH_TEST_FULL"
	if path := os.Getenv(variable); path != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, make([]byte, 1<<20)); !errors.Is(err, syscall.EFBIG) {
			t.Fatalf("got %v, want %v", err, syscall.EFBIG)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := WriteFile(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestWriteFileFull$")
	child.Env = append(os.Environ(), variable+"="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkFile(t, path, "one", 0o600)
}

// TestFirstCommitCreatesTheDirectory checks a start without a file in a directory that does not exist yet.
func TestFirstCommitCreatesTheDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etc", "vrrpsh", "vrrpsh.toml")
	m, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := m.Edit()
	Hostname.Set(c.File, "r1")
	if _, err := m.Commit(t.Context(), c, Info{User: "a"}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), "r1") {
		t.Errorf("%q, %v", data, err)
	}
}

// TestPutBackIsSynced checks that the old content that replaces a refused one is made safe from a power failure as far as the disk lets
// it, although the directory cannot be synced.
func TestPutBackIsSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	d := &failingDirs{}
	if err := putBack(d, path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if checkFile(t, path, "old", newFileMode); d.synced != 1 {
		t.Errorf("the file was synced %d times", d.synced)
	}
	if err := replaceFile(d, path, []byte("new"), true); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v although the directory was not synced", err)
	}
}

// failingDirs is a Disk that cannot sync directories.
type failingDirs struct {
	osDisk
	synced int
}

func (d *failingDirs) Open(name string) (DiskFile, error) {
	f, err := d.osDisk.Open(name)
	return syncFunc{f, func() error { return syscall.EIO }}, err
}

func (d *failingDirs) Create(name string, mode fs.FileMode) (DiskFile, error) {
	f, err := d.osDisk.Create(name, mode)
	return syncFunc{f, func() error { d.synced++; return nil }}, err
}

type syncFunc struct {
	DiskFile
	sync func() error
}

func (f syncFunc) Sync() error { return f.sync() }
