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
	path, err := filepath.EvalSymlinks(path)
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
	if err := safeDirs(owners, path); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeysFile+1))
	if err == nil && len(data) > maxKeysFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxKeysFile)
	}
	return data, err
}

// safeDirs refuses a file if users other than the owners could replace it through a directory on its path.
func safeDirs(owners []uint32, path string) error {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		fi, err := os.Lstat(dir)
		if err != nil {
			return err
		}
		if err := onlyOf(owners, toWrite, dir, fi); err != nil {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
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
	data, err := readOwned(path, routerOwners(), toUse)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeHostKey(path); err == nil {
			data, err = readOwned(path, routerOwners(), toUse)
		}
	}
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
