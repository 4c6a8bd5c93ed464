//go:build linux

package linux

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// runState is the content of the run-state file: what this run may have changed in the kernel.
// It is written before the change. Interfaces are by index, which survives a rename.
type runState struct {
	Origin   origin          `json:"origin"`
	Macvlans []macvlanRecord `json:"macvlans,omitempty"`
	Addrs    []addrRecord    `json:"addresses,omitempty"`
	MACs     []macRecord     `json:"macs,omitempty"`
	Settings []settingRecord `json:"settings,omitempty"`
}

type macvlanRecord struct {
	Name   string `json:"name"`
	Parent int    `json:"parent"`
	MAC    hexMAC `json:"mac"`
}

type addrRecord struct {
	Link   int          `json:"link"`
	Prefix netip.Prefix `json:"address"`
}

type macRecord struct {
	Link     int    `json:"link"`
	Original hexMAC `json:"original"`
	Virtual  hexMAC `json:"virtual"`
}

// settingRecord is a setting of an interface that we changed from Original to Value.
type settingRecord struct {
	Link     int     `json:"link"`
	Setting  setting `json:"setting"`
	Original uint32  `json:"original"`
	Value    uint32  `json:"value"`
}

// hexMAC is an Ethernet address in the usual notation.
type hexMAC [6]byte

// MarshalText implements encoding.TextMarshaler.
func (m hexMAC) MarshalText() ([]byte, error) {
	return []byte(net.HardwareAddr(m[:]).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *hexMAC) UnmarshalText(b []byte) error {
	mac, err := net.ParseMAC(string(b))
	if err != nil || len(mac) != len(m) {
		return fmt.Errorf("ethernet address %q: %w", b, err)
	}
	copy(m[:], mac)
	return nil
}

// stateFile is the run-state file, locked against other routers.
type stateFile struct {
	path   string // empty: none is kept
	origin origin
	lock   *os.File
	last   []byte
}

// openStateFile locks the file of a network namespace in dir. Namespaces other than the machine's
// own have a file each, since routers in several may share the directory.
func openStateFile(dir string, o origin) (*stateFile, error) {
	f := &stateFile{origin: o}
	if dir == "" {
		return f, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	name := "run-state"
	if !o.initial {
		name = fmt.Sprintf("run-state-%d", o.Inode)
	}
	f.path = filepath.Join(dir, name+".json")
	lock, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s belongs to a router that is running: %w", f.path, platform.ErrConflict)
		}
		return nil, fmt.Errorf("lock %s: %w", f.path, err)
	}
	f.lock = lock
	return f, nil
}

func (f *stateFile) close() {
	if f.lock != nil {
		_ = f.lock.Close()
		f.lock = nil
	}
}

// load returns what an earlier run has recorded of this boot and namespace. A file of
// another, or one that cannot be understood, has nothing to say.
func (f *stateFile) load() (runState, error) {
	var s runState
	if f.path == "" {
		return s, nil
	}
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("run state: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return runState{}, fmt.Errorf("run state %s: %w", f.path, err)
	}
	if !s.Origin.same(f.origin) {
		return runState{}, nil
	}
	return s, nil
}

// save writes the file unless it says that already.
func (f *stateFile) save(s *runState) error {
	if f.path == "" {
		return nil
	}
	s.Origin = f.origin
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("run state: %w", err)
	}
	b = append(b, '\n')
	if bytes.Equal(b, f.last) {
		return nil
	}
	if err := renameio.WriteFile(f.path, b, 0o600, renameio.WithTempDir(filepath.Dir(f.path))); err != nil {
		return fmt.Errorf("run state: %w", err)
	}
	f.last = b
	return nil
}

// remove deletes the file: nothing of ours is left in the kernel.
func (f *stateFile) remove() error {
	if f.path == "" {
		return nil
	}
	f.last = nil
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run state: %w", err)
	}
	return nil
}
