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
	"strconv"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// maxKeysFile is the maximum size of a file of authorized keys, in bytes.
const maxKeysFile = 1 << 20

// readKeys reads a user's authorized keys. It refuses a file that anyone except the user, root and
// the router could have written, as sshd(8) does with StrictModes.
func readKeys(path, userName string) ([]byte, error) {
	owners := []uint32{0, uint32(os.Geteuid())}
	if u, err := user.Lookup(userName); err == nil {
		if uid, err := strconv.ParseUint(u.Uid, 10, 32); err == nil {
			owners = append(owners, uint32(uid))
		}
	}
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
	if err := onlyOf(owners, path, fi); err != nil {
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
		if err := onlyOf(owners, dir, fi); err != nil {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// onlyOf refuses a file or directory that users other than the owners may change. In a directory
// such as /tmp, other users may write but not replace files of the owners.
func onlyOf(owners []uint32, path string, fi fs.FileInfo) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s has no owner", path)
	}
	owned := false
	for _, uid := range owners {
		owned = owned || st.Uid == uid
	}
	sticky := fi.IsDir() && fi.Mode()&fs.ModeSticky != 0 && st.Uid == 0
	switch {
	case !owned:
		return fmt.Errorf("%s belongs to somebody else", path)
	case fi.Mode().Perm()&0o022 != 0 && !sticky:
		return fmt.Errorf("%s can be written by others (mode %04o)", path, fi.Mode().Perm())
	}
	return nil
}

// hostKey reads the router's private key, or creates one if there is none yet.
func hostKey(path string) (ssh.Signer, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = makeHostKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("ssh host key: %s can be used by others: its mode must be 0600", path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		err = safeDirs([]uint32{0, uint32(os.Geteuid())}, real)
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

func makeHostKey(path string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "vrrpsh")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	data := pem.EncodeToMemory(block)
	return data, renameio.WriteFile(path, data, 0o600)
}
