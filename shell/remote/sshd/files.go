// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// maxKeysFile is the maximum size of a file of keys, in bytes.
const maxKeysFile = 1 << 20

// Permissions of others than the owner that a file must not give.
const (
	toWrite fs.FileMode = 0o022
	toUse   fs.FileMode = 0o077
)

// readKeys reads a user's authorized keys. It refuses a file that anyone except the user, root and
// the router could have written, as sshd(8) does with StrictModes.
func readKeys(path, userName string) ([]byte, error) {
	owners := routerOwners()
	if u, err := user.Lookup(userName); err == nil {
		if uid, err := strconv.ParseUint(u.Uid, 10, 32); err == nil {
			owners = append(owners, uint32(uid))
		}
	}
	return readOwned(path, owners, toWrite)
}

// routerOwners returns the users that a file of the router may belong to.
func routerOwners() []uint32 { return []uint32{0, uint32(os.Geteuid())} }

// readOwned reads a file that belongs to one of the owners. It refuses a file that gives others a forbidden permission, and one that
// others could have replaced.
func readOwned(path string, owners []uint32, forbidden fs.FileMode) ([]byte, error) {
	path, err := follow(owners, path)
	if err != nil {
		return nil, err
	}
	// O_NONBLOCK: do not wait for the other end of a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if err := onlyOf(owners, forbidden, path, fi); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeysFile+1))
	if err == nil && len(data) > maxKeysFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxKeysFile)
	}
	return data, err
}

// maxLinks is the number of symbolic links that Linux follows in a path.
const maxLinks = 40

// follow follows a path like the kernel, link by link, and returns the path of the file without links. It refuses a path on which others
// than the owners could have changed a directory or a link.
func follow(owners []uint32, path string) (string, error) {
	at, links := "/", 0
	for steps := strings.Split(path, "/"); ; {
		fi, err := os.Lstat(at)
		if err != nil {
			return "", err
		}
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			if err := onlyOf(owners, 0, at, fi); err != nil {
				return "", err
			}
			target, err := os.Readlink(at)
			if err != nil {
				return "", err
			}
			if links++; links > maxLinks {
				return "", fmt.Errorf("%s is behind too many symbolic links", path)
			}
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = "/"
			}
			steps = append(strings.Split(target, "/"), steps...)
		case fi.IsDir():
			if err := onlyOf(owners, toWrite, at, fi); err != nil {
				return "", err
			}
		case len(steps) > 0: // the kernel does not continue after a file, not even with ".."
			return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
		}
		if len(steps) == 0 {
			return at, nil
		}
		at = filepath.Join(at, steps[0]) // "" and "." stay here
		steps = steps[1:]
	}
}

// onlyOf refuses a file or directory that belongs to others than the owners or gives others a forbidden permission. In a directory
// such as /tmp, other users may write but not replace files of the owners.
func onlyOf(owners []uint32, forbidden fs.FileMode, path string, fi fs.FileInfo) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s has no owner", path)
	}
	sticky := fi.IsDir() && fi.Mode()&fs.ModeSticky != 0 && st.Uid == 0
	switch {
	case !slices.Contains(owners, st.Uid):
		return fmt.Errorf("%s belongs to another user", path)
	case fi.Mode().Perm()&forbidden == 0 || sticky:
		return nil
	case forbidden == toUse:
		return fmt.Errorf("%s can be used by others: its mode must be 0600", path)
	default:
		return fmt.Errorf("%s can be written by others (mode %04o)", path, fi.Mode().Perm())
	}
}

// hostKey reads the router's private key, or creates one if there is none yet. It refuses a key that others than root and the router
// could know or have written.
func hostKey(path string) (ssh.Signer, error) {
	key, err := readHostKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := makeHostKey(path); err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	return readHostKey(path)
}

func readHostKey(path string) (ssh.Signer, error) {
	data, err := readOwned(path, routerOwners(), toUse)
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %s: %w", path, err)
	}
	return signing(signer)
}

func makeHostKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "vrrpsh")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}
