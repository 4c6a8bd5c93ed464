package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// newFileMode is the mode of files that did not exist: they may hold secrets.
const newFileMode = 0o600

// WriteFile replaces a file's content so that, whatever happens, either the old or the new one
// is there in full: a temporary file in the same directory, synced, renamed over the old one,
// and the directory synced. A symbolic link is followed. An existing file keeps its mode and
// owner; a new one has mode 0600. What is not a regular file is refused.
func WriteFile(path string, data []byte) error {
	target, info, err := existing(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	options := []renameio.Option{renameio.WithTempDir(dir), renameio.WithStaticPermissions(newFileMode)}
	if info != nil {
		options = append(options, renameio.WithExistingPermissions())
	}
	f, err := renameio.NewPendingFile(target, options...)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = f.Cleanup() }()
	if err := keepOwner(f.File, info); err != nil {
		return fmt.Errorf("write %s: keep its owner: %w", path, err)
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// existing follows symbolic links to the file to replace. The info is nil if there is none yet.
func existing(path string) (string, fs.FileInfo, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return "", nil, fmt.Errorf("write %s: it is a symbolic link to a file that does not exist", path)
		}
		return path, nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("write %s: %w", path, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", nil, fmt.Errorf("write %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return "", nil, fmt.Errorf("write %s: it is not a regular file", path)
	}
	return target, info, nil
}

func keepOwner(f *os.File, old fs.FileInfo) error {
	if old == nil {
		return nil
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	was, ok := old.Sys().(*syscall.Stat_t)
	is, ok2 := now.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	if err := f.Chown(int(was.Uid), int(was.Gid)); err != nil {
		return err
	}
	return f.Chmod(old.Mode().Perm()) // chown may clear bits
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) { // this file system does not sync directories
		err = nil
	}
	return errors.Join(err, d.Close())
}
