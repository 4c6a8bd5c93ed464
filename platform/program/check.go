package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Check says why a file must not be run as a user, if it must not: it has to be an executable
// regular file, and neither it nor a directory on the way to it may be in the hands of anybody but
// root and that user. A directory that all may write to is fine if it is sticky, as /tmp is.
func Check(path string, uid uint32) error {
	if !filepath.IsAbs(path) {
		return errors.New("is not an absolute path")
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return reason(err)
	}
	path = filepath.Clean(path)
	for links := 0; ; links++ {
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			if err := checkDir(dir, uid); err != nil {
				return err
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
		if err := checkOwner(path, uid); err != nil {
			return err
		}
		next, err := follow(path)
		if err != nil {
			return reason(err)
		}
		if next == path {
			break
		}
		if path = next; links == maxLinks {
			return errors.New("is behind too many symbolic links")
		}
	}
	if path != resolved {
		return errors.New("is behind symbolic links that lead back through others")
	}
	info, err := os.Lstat(resolved)
	switch {
	case err != nil:
		return reason(err)
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	case info.Mode()&0o111 == 0:
		return errors.New("is not executable")
	case info.Mode()&0o022 != 0:
		return fmt.Errorf("can be changed by others than its owner (mode %04o)", info.Mode().Perm())
	}
	return nil
}

// maxLinks is how many symbolic links may be on the way: as many as Linux follows.
const maxLinks = 40

// follow replaces the first symbolic link in a path by what it points to: all that is on the way to a program is looked at.
func follow(path string) (string, error) {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != filepath.Separator {
			continue
		}
		link, rest := path[:i], path[i:]
		info, err := os.Lstat(link)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := os.Readlink(link)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		return filepath.Join(target, rest), nil
	}
	return path, nil
}

func checkDir(dir string, uid uint32) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return reason(err)
	}
	if info.IsDir() && info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("is in %s, which others than its owner can write to (mode %04o)", dir, info.Mode().Perm())
	}
	return checkOwner(dir, uid)
}

// checkOwner refuses what belongs to neither root nor the user.
func checkOwner(path string, uid uint32) error {
	info, err := os.Lstat(path)
	if err != nil {
		return reason(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && st.Uid != uid {
		return fmt.Errorf("is in the hands of another user: %s belongs to user %d", path, st.Uid)
	}
	return nil
}

// reason leaves out the path, which the caller names.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("cannot be run: %w", at.Err)
	}
	return fmt.Errorf("cannot be run: %w", err)
}
