// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listening is the flag of /proc/net/unix for a socket that accepts connections (__SO_ACCEPTCON of the kernel).
const listening = 0x10000

// Listeners returns the paths of the Unix sockets on which a process accepts connections.
func Listeners(pid int) ([]string, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	held := map[string]bool{} // inodes of its sockets
	descriptors, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, fmt.Errorf("sockets of process %d: %w", pid, err)
	}
	for _, d := range descriptors {
		target, err := os.Readlink(filepath.Join(dir, "fd", d.Name()))
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			held[strings.TrimSuffix(inode, "]")] = true
		}
	}
	f, err := os.Open(filepath.Join(dir, "net", "unix"))
	if err != nil {
		return nil, fmt.Errorf("sockets of process %d: %w", pid, err)
	}
	defer func() { _ = f.Close() }()
	var paths []string
	for s := bufio.NewScanner(f); s.Scan(); {
		// Num RefCount Protocol Flags Type St Inode Path
		fields := strings.SplitN(strings.Join(strings.Fields(s.Text()), " "), " ", 8)
		if len(fields) < 8 || !held[fields[6]] || !strings.HasPrefix(fields[7], "/") {
			continue
		}
		if flags, err := strconv.ParseUint(fields[3], 16, 32); err == nil && flags&listening != 0 {
			paths = append(paths, fields[7])
		}
	}
	return paths, nil
}
