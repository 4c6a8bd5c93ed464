package conf

import (
	"context"
	"time"

	"vrrpsh/engine"
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
	// Notes tell the user who committed what else there is to know, such as that a file written
	// by hand was rewritten.
	Notes []string
}

// Info says who commits, and why.
type Info struct {
	User    string
	Source  string
	Comment string
	// Overwrite lets a commit replace a file that was changed by hand.
	Overwrite bool
}

// Options configure a Manager.
type Options struct {
	Path     string // configuration file
	Format   Format
	StateDir string // history is kept below it
	Applier  engine.Applier
	Now      func() time.Time
	// Notify is called after each commit that took effect, outside the Manager's lock.
	Notify func(*Revision)
}

// Format is the syntax of a configuration file.
type Format uint8

// The formats.
const (
	TOML Format = iota
	JSON
)

// Candidate is a session's own copy of the configuration, edited freely and made
// running by Commit. File may be invalid until then.
type Candidate struct {
	Base *Revision
	File *File
}

// Manager owns the running configuration. It is safe for concurrent use.
type Manager struct{}

// Open reads the file, validates it and applies it. A file that does not
// exist is an empty configuration.
func Open(ctx context.Context, o Options) (*Manager, error) { return nil, nil }

// Running returns the running configuration.
func (m *Manager) Running() *Revision { return nil }

// Edit returns a new candidate based on the running configuration.
func (m *Manager) Edit() *Candidate { return nil }

// Check validates a candidate and says what committing it would do.
func (m *Manager) Check(c *Candidate) ([]engine.Change, error) { return nil, nil }

// Commit makes the candidate running: validate, refuse a stale base (ErrStale), apply, write
// the file, record history. After an error running, file and kernel are as they were.
func (m *Manager) Commit(ctx context.Context, c *Candidate, info Info) (*Revision, error) {
	return nil, nil
}

// History returns the revisions kept, newest first: index 0 is the running one, and
// index n is what "rollback n" loads.
func (m *Manager) History() []*Revision { return nil }

// Load returns a copy of the File of History()[n]: 0 is the running one, 1 the one before.
// An n that the history does not have is ErrNoRevision.
func (m *Manager) Load(n int) (*File, error) { return nil, nil }

// Reload makes the configuration file, changed by hand, the running configuration.
func (m *Manager) Reload(ctx context.Context, info Info) (*Revision, error) { return nil, nil }

// Subscribe delivers the revisions that become running from now on, until stop is called. A
// reader that falls behind loses the oldest.
func (m *Manager) Subscribe() (revisions <-chan *Revision, stop func()) { return nil, nil }
