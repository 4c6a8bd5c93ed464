// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Revision is one committed configuration. It is immutable.
type Revision struct {
	ID      uint64 // counts commits, never reused
	Time    time.Time
	User    string
	Source  string // where from: "console", "control socket", an address
	Comment string
	// File and Config are nil in the past revisions that History returns, which stay
	// on disk: Manager.Load reads their File.
	File   *File
	Config *Config
	// ConfirmBy is when the commit is taken back unless it is confirmed; zero if it need not be.
	ConfirmBy time.Time
	// Notes tell the user who committed what else there is to know, such as that a file written
	// by hand was rewritten.
	Notes []string
	// Session is Info.Session of the commit. It is not kept on disk: a session does not outlive the router.
	Session int
}

// Info says who commits, and why.
type Info struct {
	// Session is the number of the session that commits, for who tells the others; 0: none does.
	Session int
	User    string
	Source  string
	Comment string
	// Overwrite lets a commit replace a file that was changed by hand.
	Overwrite bool
	// Confirm, unless zero, is after what time the commit is taken back unless it is confirmed.
	Confirm time.Duration
	// Progress, unless nil, is told what the commit does next: "validating", "applying" and so on.
	Progress func(stage string)
}

func (i *Info) progress(format string, args ...any) {
	if i.Progress != nil {
		i.Progress(fmt.Sprintf(format, args...))
	}
}

// Options configure a Manager.
type Options struct {
	// Path is the configuration file. Without one, commits are not written anywhere.
	Path   string
	Format Format
	// StateDir is the directory below which "history" is kept. Without one, the history is kept in
	// memory.
	StateDir string
	// Host is what configurations have to be possible on; zero: any.
	Host Host
	Now  func() time.Time // nil: time.Now
	// Uptime names this start of the machine, as no other is called, and says how long ago it was; nil, or no name: unknown.
	Uptime func() (boot string, up time.Duration)
	// Notify is called after each commit that took effect, in order, outside the Manager's lock.
	Notify func(*Revision)
	// Awaiting is called, likewise, when there is something to tell of a commit that waits for its
	// confirmation.
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

// ParseFormat reads "toml" or "json".
func ParseFormat(s string) (Format, error) {
	switch s {
	case "toml":
		return TOML, nil
	case "json":
		return JSON, nil
	default:
		return 0, fmt.Errorf(`format %s is not "toml" or "json"`, quote(s))
	}
}

// Candidate is a session's own copy of the configuration, edited freely and made
// running by Commit. File may be invalid until then.
type Candidate struct {
	Base *Revision
	File *File
}

// Manager owns the running configuration. It is safe for concurrent use.
type Manager struct {
	o     Options
	write func(path string, data []byte) error // WriteFile; tests make it fail

	// turn holds one token; who has it may change the running configuration.
	turn chan struct{}
	// disk is the content of the file as it was last read or written here, rewritten tells
	// whether it is ours and not a person's. Both belong to who has the turn.
	disk      onDisk
	rewritten bool
	parts     []Part // likewise, in the order in which they follow

	running atomic.Pointer[Revision]
	missing atomic.Pointer[[]missing] // parts that the router runs without; who has the turn changes them
	mu      sync.Mutex                // guards what follows, and running against it
	history *history
	awaited *awaited // nil while nothing waits for a confirmation
	closed  bool

	subscribers subscribers
}

// onDisk identifies the content of the configuration file.
type onDisk struct {
	exists bool
	sum    digest
}

// Open reads the file and validates it. It is the running configuration from then on, which nothing follows before
// Start. A file that does not exist is an empty configuration. Errors are Faults and those of reading the file. What
// went wrong with the history alone is in the Notes of the running revision.
func Open(o Options) (*Manager, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Manager{o: o, write: WriteFile, turn: make(chan struct{}, 1)}
	data, disk, err := m.read()
	if err != nil {
		return nil, err
	}
	rev := &Revision{Time: o.Now(), Source: o.Path, Comment: "as found at start"}
	if err := m.removeTemporary(); err != nil {
		rev.Notes = append(rev.Notes, fmt.Sprintf("what a crash has left beside the configuration file cannot be removed: %v", err))
	}
	waits, err := m.recall(disk)
	if err != nil {
		rev.Notes = append(rev.Notes, fmt.Sprintf("a commit may have waited for its confirmation: %v", err))
	}
	if waits != nil && !rev.Time.Before(waits.Deadline) {
		info := waits.takenBack()
		rev.User, rev.Source, rev.Comment = info.User, info.Source, info.Comment
		data = waits.old
		if disk, err = m.undoFile(waits, disk); err != nil {
			rev.Notes = append(rev.Notes, fmt.Sprintf("%s still has what was not confirmed: %v", o.Path, err))
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
	rev.File, rev.Config = file, cfg
	if waits != nil {
		if err := m.remember(waits); err != nil {
			rev.Notes = append(rev.Notes, fmt.Sprintf("another start will not know how long a commit may wait for its confirmation: %v", err))
		}
		rev.ConfirmBy = waits.Deadline
	}
	m.running.Store(rev)
	m.give()
	return m, nil
}

// removeTemporary removes what a crash in the middle of a commit has left.
func (m *Manager) removeTemporary() error {
	var err error
	if m.o.Path != "" {
		err = removeTemporary(m.o.Path)
	}
	if m.o.StateDir != "" {
		err = errors.Join(err, removeTemporary(filepath.Join(m.o.StateDir, confirmFile)))
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
	h, err := openHistory(dir)
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
	data, err := readLimited(m.o.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none, nil
	}
	if err != nil {
		return nil, none, err
	}
	return data, onDisk{exists: true, sum: sha256.Sum256(data)}, nil
}

// origin describes the file. One that does not exist is empty in either format.
func (m *Manager) origin(data []byte, disk onDisk) *Origin {
	o := &Origin{Name: m.o.Path, Data: data, Format: m.o.Format}
	if !disk.exists {
		o.Format = TOML
	}
	return o
}

// isRewritten tells whether the file says nothing beyond its settings, such as comments, that a
// commit would lose.
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

// History returns the revisions kept, newest first: index 0 is the running one, and
// index n is what "rollback n" loads. All but the first are without File and Config; Load reads
// their File.
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

// Load returns a copy of the File of History()[n]: 0 is the running one, 1 the one before.
// An n that the history does not have is ErrNoRevision.
func (m *Manager) Load(n int) (*File, error) {
	if n == 0 {
		return m.Running().File.Clone(), nil
	}
	data, e, err := m.stored(n)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("revision %d", e.rev.ID)
	if len(data) == 0 { // there was no file
		return NewFile(), nil
	}
	return Parse(name, data, e.format)
}

// Source returns the bytes of History()[n] as they were in the configuration file, comments
// included.
func (m *Manager) Source(n int) ([]byte, error) {
	data, _, err := m.stored(n)
	return data, err
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

// Subscribe delivers the revisions that become running from now on, until stop is called. A
// reader that falls behind loses the oldest.
func (m *Manager) Subscribe() (revisions <-chan *Revision, stop func()) {
	return m.subscribers.readers.Subscribe(backlog)
}

// backup keeps a file that a person wrote beside itself. It is called when the history could not.
func (m *Manager) backup(data []byte) (string, error) {
	name := m.o.Path + ".orig"
	if _, err := os.Lstat(name); err == nil {
		name = fmt.Sprintf("%s.%d", name, m.o.Now().UnixNano())
	}
	return name, m.write(name, data)
}
