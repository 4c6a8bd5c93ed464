// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Check returns an error if a file must not be run as a user. The file must be an executable
// regular file, and only root and that user may be able to change the file, its interpreter and the directories and links
// that lead to them. A directory that everybody may write to is allowed if it is sticky, like /tmp.
func Check(path string, uid uint32) error {
	_, err := resolve(path, uid)
	return err
}

// maxInterpreters is the depth to which Linux lets scripts interpret scripts.
const maxInterpreters = 5

// resolve returns the path of the file that a path leads to, if that file may be run as a user. No other user can make the
// returned path lead elsewhere afterwards.
func resolve(path string, uid uint32) (string, error) {
	file, err := replaceFirstLink(path, uid)
	if err != nil {
		return "", err
	}
	script := file
	for range maxInterpreters {
		interpreters, err := interpretersOf(script)
		switch {
		case err != nil:
			return "", reason(err)
		case len(interpreters) == 0:
			return file, nil
		}
		for _, path := range interpreters {
			if script, err = replaceFirstLink(path, uid); err != nil {
				return "", fmt.Errorf("is interpreted by %s, which %w", path, err)
			}
		}
	}
	return "", errors.New("is interpreted by too many scripts")
}

// maxLinks is the number of symbolic links that Linux follows in a path.
const maxLinks = 40

// replaceFirstLink follows a path like the kernel, link by link, and checks every step: what no other user can change is still
// there when the kernel follows the path. It returns the path without links.
func replaceFirstLink(path string, uid uint32) (string, error) {
	if !filepath.IsAbs(path) {
		return "", errors.New("is not an absolute path")
	}
	at, links := "/", 0
	root, err := os.Lstat(at)
	if err != nil {
		return "", reason(err)
	}
	if err := checkDir(at, root, uid); err != nil {
		return "", err
	}
	for steps := strings.Split(path, "/"); len(steps) > 0; {
		step := steps[0]
		steps = steps[1:]
		switch step {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, step)
		info, err := os.Lstat(next)
		switch {
		case err != nil:
			return "", reason(err)
		case info.Mode()&fs.ModeSymlink != 0:
			if err := checkOwner(next, info, uid); err != nil {
				return "", err
			}
			target, err := os.Readlink(next)
			if err != nil {
				return "", reason(err)
			}
			if links++; links > maxLinks {
				return "", errors.New("cannot be run: it is behind too many symbolic links")
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			steps = append(strings.Split(target, "/"), steps...)
		case info.IsDir():
			if err := checkDir(next, info, uid); err != nil {
				return "", err
			}
			at = next
		case len(steps) > 0: // the kernel does not continue after a file, not even with ".."
			return "", fmt.Errorf("cannot be run: %w", syscall.ENOTDIR)
		default:
			return next, checkFile(next, info, uid)
		}
	}
	return "", errors.New("is not a regular file")
}

func checkFile(path string, info fs.FileInfo, uid uint32) error {
	if err := checkOwner(path, info, uid); err != nil {
		return err
	}
	switch {
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	case info.Mode()&0o111 == 0:
		return errors.New("is not executable")
	case info.Mode()&0o022 != 0:
		return fmt.Errorf("can be changed by users other than its owner (mode %04o)", info.Mode().Perm())
	}
	return nil
}

func checkDir(dir string, info fs.FileInfo, uid uint32) error {
	if info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("is in %s, which users other than its owner can write to (mode %04o)", dir, info.Mode().Perm())
	}
	return checkOwner(dir, info, uid)
}

// checkOwner refuses a path that belongs to neither root nor the user.
func checkOwner(path string, info fs.FileInfo, uid uint32) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && st.Uid != uid {
		return fmt.Errorf("is under the control of another user: %s belongs to user %d", path, st.Uid)
	}
	return nil
}

// firstLine is the number of bytes in which Linux looks for the interpreter of a script.
const firstLine = 256

// interpretersOf returns the interpreter of a script, and for "env" also the program that env runs; nil for other files.
func interpretersOf(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	head, err := io.ReadAll(io.LimitReader(f, firstLine))
	if err != nil {
		return nil, err
	}
	line, script := strings.CutPrefix(string(head), "#!")
	if !script {
		return nil, nil
	}
	line, _, _ = strings.Cut(line, "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, nil // the kernel refuses it
	}
	if filepath.Base(words[0]) == "env" {
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "-") || strings.Contains(word, "=") {
				continue
			}
			if !strings.Contains(word, "/") {
				word = lookUp(word)
			}
			return []string{words[0], word}, nil
		}
	}
	return words[:1], nil
}

// searchPath is the PATH of the programs.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Find returns the path of a program of the system, or "" if it is not installed.
func Find(name string) string {
	if path := lookUp(name); executable(path) {
		return path
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// lookUp returns the path of a command; if it is not found, its path in the first directory of searchPath.
func lookUp(command string) string {
	dirs := strings.Split(searchPath, ":")
	for _, dir := range dirs {
		path := filepath.Join(dir, command)
		if executable(path) {
			return path
		}
	}
	return filepath.Join(dirs[0], command)
}

// reason removes the path from an error, because the caller names it.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("cannot be run: %w", at.Err)
	}
	return fmt.Errorf("cannot be run: %w", err)
}
