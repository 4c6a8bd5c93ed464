// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// newFileMode is the mode of new files: they may hold secrets.
const newFileMode = 0o600

// WriteFile replaces the content of a file atomically: even after a crash, the file has either the
// old or the new content in full. It writes and syncs a temporary file in the same directory,
// renames it over the old one, and syncs the directory. It follows symbolic links. An existing file
// keeps its mode and owner; a new one has mode 0600. WriteFile refuses anything but regular files.
func WriteFile(path string, data []byte) error { return replaceFile(osDisk{}, path, data, true) }

// putBack is WriteFile for a disk that has just failed: it replaces the content even if nothing says that it would survive a
// power failure.
func putBack(d Disk, path string, data []byte) error { return replaceFile(d, path, data, false) }

func replaceFile(d Disk, path string, data []byte, synced bool) error {
	target, info, err := existing(d, path)
	if err != nil {
		return err
	}
	if err := replace(d, target, info, data, synced); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// temporary returns the name of the temporary file for a target. The name is fixed, so that files
// left by a crash, which may hold secrets, are found.
func temporary(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+temporarySuffix)
}

const temporarySuffix = ".vrrpsh-new"

// removeTemporary removes files that a WriteFile left in a crash, in this release or in earlier ones, which added
// a random number to the name.
func removeTemporary(d Disk, path string) error {
	target, _, err := existing(d, path)
	if err != nil {
		return nil // WriteFile never ran
	}
	dir, base := filepath.Dir(target), filepath.Base(target)
	files, err := d.ReadDir(dir)
	if err != nil {
		return nil
	}
	var problems []error
	for _, f := range files {
		if f.Type().IsRegular() && isTemporary(f.Name(), base) {
			problems = append(problems, d.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return errors.Join(problems...)
}

// isTemporary reports whether a name is one of the temporary files for base or its backups.
func isTemporary(name, base string) bool {
	rest, ok := strings.CutPrefix(name, "."+base)
	return ok && temporaryEnd.MatchString(rest)
}

// temporaryEnd matches what follows the base in the name of a temporary file. Earlier releases added a 32-bit number;
// people rarely write that many digits.
var temporaryEnd = regexp.MustCompile(`^((\.orig(\.-?[0-9]+)?)?` + regexp.QuoteMeta(temporarySuffix) + `|(\.orig)?[0-9]{6,10})$`)

// replace writes a temporary file and renames it. info describes the target; nil if there is none yet.
func replace(d Disk, target string, info fs.FileInfo, data []byte, synced bool) (err error) {
	name := temporary(target)
	if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.Create(name, newFileMode)
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = d.Remove(name)
		}
	}()
	if info != nil {
		if err := keepOwner(f, info); err != nil {
			return fmt.Errorf("keep its owner: %w", err)
		}
		if err := f.Chmod(info.Mode().Perm()); err != nil { // after keepOwner: changing the owner clears mode bits
			return err
		}
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil && synced {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := d.Rename(name, target); err != nil {
		return err
	}
	if err := syncDir(d, filepath.Dir(target)); err != nil && synced {
		return err
	}
	return nil
}

// existing follows symbolic links to the file to replace. The info is nil if there is none yet.
func existing(d Disk, path string) (string, fs.FileInfo, error) {
	target, err := d.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := d.Lstat(path); err == nil {
			return "", nil, fmt.Errorf("write %s: it is a symbolic link to a file that does not exist", path)
		}
		return path, nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("write %s: %w", path, err)
	}
	info, err := d.Stat(target)
	if err != nil {
		return "", nil, fmt.Errorf("write %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return "", nil, fmt.Errorf("write %s: it is not a regular file", path)
	}
	return target, info, nil
}

func keepOwner(f DiskFile, old fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	was, ok := old.Sys().(*syscall.Stat_t)
	is, ok2 := now.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}
