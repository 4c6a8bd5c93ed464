// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Revision is one committed configuration. It is immutable.
type Revision struct {
	ID      uint64 // number of the commit, never reused
	Time    time.Time
	User    string
	Source  string // origin:
	Comment string
	// File and Config are nil in the past revisions that History returns; those stay on disk, and
	// Manager.Load reads their File.
	File   *File
	Config *Config
	// ConfirmBy is when the commit rolls back unless confirmed; zero if it needs no confirmation.
	ConfirmBy time.Time
	// Notes are messages for the user who committed, such as that a file written by hand was
	// rewritten.
	Notes []string
	// Session is Info.Session of the commit. It is not saved on disk: a session ends with the router.
	Session int
}

// Info says who commits, and why.
type Info struct {
	// Session is the number of the committing session, so that the other sessions can be told; 0:
	// no session.
	Session int
	User    string
	Source  string
	Comment string
	// Overwrite allows a commit to replace a file that was changed by hand.
	Overwrite bool
	// Confirm, unless zero, is the time after which the commit rolls back unless confirmed.
	Confirm time.Duration
	// Progress, unless nil, is called with the next step of the commit: "validating", "applying"
	// and so on.
	Progress func(stage string)
}

func (i *Info) progress(format string, args ...any) {
	if i.Progress != nil {
		i.Progress(fmt.Sprintf(format, args...))
	}
}

// Options configure a Manager.
type Options struct {
	// Path is the configuration file. If empty, commits are not written to a file.
	Path   string
	Format Format
	// StateDir is the directory that contains "history". If empty, the history is kept in memory.
	StateDir string
	// Host is the system that must support the configurations; zero: any.
	Host Host
	Now  func() time.Time // nil: time.Now
	// AfterFunc is time.AfterFunc for the clock Now; nil: time.AfterFunc.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
	// Block is called before a method waits for another one. It returns when ready returns true; a simulation runs
	// everything else meanwhile. Nil: the method just waits.
	Block func(ready func() bool)
	Disk  Disk // nil: the file system of the operating system
	// Uptime returns a name for this boot of the machine, different from every other boot, and the time since then; nil, or
	// an empty name: unknown.
	Uptime func() (boot string, up time.Duration)
	// Notify is called after each successful commit, in order, outside the Manager's lock.
	Notify func(*Revision)
	// Awaiting is called in the same way for each event of a commit that awaits confirmation.
	Awaiting func(ConfirmationEvent)
}

// Format is the syntax of a configuration file.
type Format uint8

// The formats.
const (
	TOML Format = iota
	JSON
)

// String returns "toml" or "json".
func (f Format) String() string {
	if f == JSON {
		return "json"
	}
	return "toml"
}

// Candidate is a session's own copy of the configuration, which the session edits freely and Commit
// makes the running configuration. Until then File may be invalid.
type Candidate struct {
	Base *Revision
	File *File
}

// Manager owns the running configuration. It is safe for concurrent use.
type Manager struct {
	o     Options
	write func(path string, data []byte) error // WriteFile to Options.Disk; tests make it fail

	// turn holds one token; only the holder of the token may change the running configuration.
	turn chan struct{}
	// disk is the content of the file as the Manager last read or wrote it; rewritten reports
	// whether a commit, not a person, wrote it. Only the holder of the turn uses both.
	disk      onDisk
	rewritten bool
	// refused is set while the file has a configuration that does not run, because the one that runs could not be put
	// back. Only the holder of the turn uses it.
	refused bool
	// undone is the commit that this start rolled back, while the file still has it: the next start puts the file back. Only
	// the holder of the turn uses it.
	undone *awaited
	// forgotten is set while there is no note of an awaited confirmation, not even after a loss of power.
	forgotten bool
	parts     []Part // only for the holder of the turn; in the order in which they apply a configuration

	running atomic.Pointer[Revision]
	missing atomic.Pointer[[]missing] // parts that could not be applied; only the holder of the turn changes them
	mu      sync.Mutex                // guards the fields below, and keeps running consistent with them
	history *history
	awaited *awaited // nil if no commit awaits confirmation
	closed  bool

	calls callQueue // of Options.Notify and Options.Awaiting
}

// onDisk identifies the content of the configuration file.
type onDisk struct {
	exists bool
	sum    digest
}

// Open reads and validates the file, which becomes the running configuration; Start applies it. A missing file is an
// empty configuration. Errors are Faults and errors reading the file. Errors of the history alone are in the Notes
// of the running revision.
func Open(o Options) (*Manager, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	if o.Disk == nil {
		o.Disk = osDisk{}
	}
	m := &Manager{o: o, turn: make(chan struct{}, 1)}
	m.write = func(path string, data []byte) error {
		err := replaceFile(o.Disk, path, data, true)
		if errors.Is(err, fs.ErrNotExist) && !m.disk.exists { // the first commit may also create the directory
			if err = o.Disk.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				err = replaceFile(o.Disk, path, data, true)
			}
		}
		return err
	}
	data, disk, err := m.read()
	if err != nil {
		return nil, err
	}
	rev := &Revision{Time: o.Now(), Source: o.Path, Comment: "as found at start"}
	if err := m.removeTemporary(); err != nil {
		rev.Notes = append(rev.Notes, fmt.Sprintf("files that a crash left beside the configuration file cannot be removed: %v", err))
	}
	waits, err := m.recall(disk)
	if err != nil {
		rev.Notes = append(rev.Notes, fmt.Sprintf("a commit may have been waiting for confirmation: %v", err))
	}
	if waits != nil && !rev.Time.Before(waits.Deadline) {
		info := waits.takenBack()
		rev.User, rev.Source, rev.Comment = info.User, info.Source, info.Comment
		data = waits.old
		if disk, err = m.undoFile(waits, disk); err != nil {
			m.refused, m.undone = true, waits
			rev.Notes = append(rev.Notes, fmt.Sprintf("%s still contains the configuration that was not confirmed: %v", o.Path, err))
		}
		waits = nil
	}
	file, cfg, err := load(m.origin(data, disk), nil, o.Host)
	if err != nil {
		return nil, err
	}
	rewritten, err := isRewritten(file, data, disk, o.Format)
	if err != nil {
		return nil, err
	}
	m.disk, m.rewritten, m.awaited = disk, rewritten, waits

	if err := m.openHistory(rev, data); err != nil {
		rev.Notes = append(rev.Notes, notComplete(err))
	}
	cfg.Warnings = append(cfg.Warnings, exposed(o.Disk, o.Path, file)...)
	rev.File, rev.Config = file, cfg
	if waits != nil {
		if err := m.remember(waits); err != nil {
			rev.Notes = append(rev.Notes, fmt.Sprintf("the next start will not know how long a commit may wait for confirmation: %v", err))
		}
		rev.ConfirmBy = waits.Deadline
	}
	m.running.Store(rev)
	m.give()
	return m, nil
}

// removeTemporary removes files left by a crash during a commit.
func (m *Manager) removeTemporary() error {
	var err error
	if m.o.Path != "" {
		err = removeTemporary(m.o.Disk, m.o.Path)
	}
	if m.o.StateDir != "" {
		err = errors.Join(err, removeTemporary(m.o.Disk, filepath.Join(m.o.StateDir, confirmFile)))
	}
	return err
}

func notComplete(err error) string { return fmt.Sprintf("the commit history is not complete: %v", err) }

// openHistory opens the history and finds rev there by the bytes of its file, or else adds it, in memory until Start.
func (m *Manager) openHistory(rev *Revision, data []byte) error {
	dir := ""
	if m.o.StateDir != "" {
		dir = filepath.Join(m.o.StateDir, "history")
	}
	h, err := openHistory(m.o.Disk, dir)
	m.history = h
	if e := h.newest(); e != nil && e.sum == sha256.Sum256(data) && e.format == m.o.Format {
		notes := rev.Notes
		*rev = *e.rev
		rev.Notes = notes
		return err
	}
	rev.ID = h.last + 1
	h.append(rev, data, m.o.Format)
	return err
}

// read returns the content of the configuration file.
func (m *Manager) read() ([]byte, onDisk, error) {
	none := onDisk{sum: sha256.Sum256(nil)}
	if m.o.Path == "" {
		return nil, none, nil
	}
	data, err := readLimited(m.o.Disk, m.o.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none, nil
	}
	if err != nil {
		return nil, none, err
	}
	return data, onDisk{exists: true, sum: sha256.Sum256(data)}, nil
}

// origin returns the Origin of the file. A missing file is empty in either format.
func (m *Manager) origin(data []byte, disk onDisk) *Origin {
	o := &Origin{Name: m.o.Path, Data: data, Format: m.o.Format}
	if !disk.exists {
		o.Format = TOML
	}
	return o
}

// isRewritten reports whether the file contains nothing that a commit would lose, such as comments.
func isRewritten(f *File, data []byte, disk onDisk, format Format) (bool, error) {
	if !disk.exists || len(data) == 0 {
		return true, nil
	}
	ours, err := Marshal(f, format)
	return bytes.Equal(ours, data), err
}

// Running returns the running configuration.
func (m *Manager) Running() *Revision { return m.running.Load() }

// Edit returns a new candidate based on the running configuration.
func (m *Manager) Edit() *Candidate {
	rev := m.Running()
	return &Candidate{Base: rev, File: rev.File.Clone()}
}

// History returns the stored revisions, newest first: index 0 is the running one, and index n is
// the one that "rollback n" loads. All but the first have no File and Config; Load reads their
// File.
func (m *Manager) History() []*Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := m.history.entries
	revs := make([]*Revision, len(entries))
	for i, e := range entries {
		revs[len(entries)-1-i] = e.rev
	}
	revs[0] = m.Running()
	return revs
}

// Load returns a copy of the File of History()[n]: 0 is the running one, 1 the one before. If the
// history has no revision n, the error is ErrNoRevision.
func (m *Manager) Load(n int) (*File, error) {
	if n == 0 {
		return m.Running().File.Clone(), nil
	}
	data, e, err := m.stored(n)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("commit %d", e.rev.ID)
	if len(data) == 0 { // there was no file
		return NewFile(), nil
	}
	return Parse(name, data, e.format)
}

func (m *Manager) stored(n int) ([]byte, *entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := m.history.entries
	if n < 0 || n >= len(entries) {
		return nil, nil, fmt.Errorf("%w: the history has 0-%d", ErrNoRevision, len(entries)-1)
	}
	e := entries[len(entries)-1-n]
	data, err := m.history.content(e)
	return data, e, err
}

// backup saves a file that a person wrote next to the original, if the history could not save it.
func (m *Manager) backup(data []byte) (string, error) {
	name := m.o.Path + ".orig"
	if _, err := m.o.Disk.Lstat(name); err == nil {
		name = fmt.Sprintf("%s.%d", name, m.o.Now().UnixNano())
	}
	return name, m.write(name, data)
}
