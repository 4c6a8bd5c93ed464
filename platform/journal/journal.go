// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	xterm "golang.org/x/term"

	"vrrpsh/platform/feed"
)

const (
	// kept is the number of remembered entries.
	kept = 1000
	// followerQueue is the number of entries queued for a follower before the oldest are lost.
	followerQueue = 256
)

// Entry is one log message.
type Entry struct {
	Time    time.Time
	Level   slog.Level
	Message string
	// Attrs are the attributes as key=value, separated by blanks.
	Attrs string
	// Event is the event of the engine that the entry reports; nil for all other entries.
	Event *Event
}

// Event identifies the subject of an event of the engine.
type Event struct {
	Interface string // "": no single one
	Group     uint8  // 0: no single group
}

type eventKey struct{}

// WithEvent returns a context for logging an event.
func WithEvent(ctx context.Context, e Event) context.Context {
	return context.WithValue(ctx, eventKey{}, &e)
}

// Settings can be changed while the router runs.
type Settings struct {
	Debug      int // value of the debug directive
	UTC        bool
	TimeFormat TimeFormat
	// Main is the log file; "" for standard error.
	Main string
	// Errors is an additional file for warnings and errors; "" for none.
	Errors string
	// Hosts are the log hosts: URLs such as udp://10.0.0.9:514, tcp://… and tls://…, separated by blanks.
	Hosts string
	// Authority is the file with the certificates (PEM) of those who sign for log hosts; "" for the system's.
	Authority string
	Hostname  string // in messages to log hosts
}

// Journal is a log. It is safe for concurrent use.
type Journal struct {
	level slog.LevelVar
	now   func() time.Time

	mu        sync.Mutex
	settings  Settings
	stderr    io.Writer // nil: not written to
	human     bool      // stderr is a terminal
	priority  bool      // stderr is the system's journal
	main      *file     // nil: stderr
	errors    *file
	hosts     []*host
	output    output
	ring      []Entry
	next      int // where in the ring the next entry goes, once it is full
	followers feed.Feed[Entry]
}

// New returns a journal that writes to stderr, unless that is nil. If stderr is a terminal, the
// entries have a readable form; if it is the system's journal, each begins with its priority.
func New(stderr io.Writer) *Journal {
	j := &Journal{now: time.Now, stderr: stderr}
	if f, ok := stderr.(*os.File); ok {
		j.human = xterm.IsTerminal(int(f.Fd()))
		j.priority = f == os.Stderr && StderrPriority(slog.LevelInfo) != ""
	}
	return j
}

// Logger returns a logger that writes here.
func (j *Journal) Logger() *slog.Logger { return slog.New(newHandler(j)) }

// Configure changes the settings. If a file cannot be opened, nothing changes.
func (j *Journal) Configure(s Settings) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	main, err := j.main.as(s.Main)
	if err != nil {
		return err
	}
	faults, err := j.errors.as(s.Errors)
	if err != nil {
		j.drop(main, j.main)
		return err
	}
	hosts, err := j.hostsAs(s.Hosts)
	if err != nil {
		j.drop(main, j.main)
		j.drop(faults, j.errors)
		return err
	}
	j.dropHosts(j.hosts, hosts)
	j.hosts = hosts
	j.drop(j.main, main)
	j.drop(j.errors, faults)
	j.main, j.errors, j.settings = main, faults, s
	j.level.Set(Threshold(s.Debug))
	return nil
}

// drop closes a file after its last line, unless it is kept.
func (j *Journal) drop(f, kept *file) {
	if f != nil && f != kept {
		j.output.close(f.f)
	}
}

// Reopen opens the log files again, after they were renamed. If a file cannot be
// opened, the journal keeps writing to the old one.
func (j *Journal) Reopen() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var problems []error
	for _, at := range []**file{&j.main, &j.errors} {
		old := *at
		if old == nil {
			continue
		}
		again, err := openFile(old.path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		*at = again
		j.drop(old, again)
	}
	return errors.Join(problems...)
}

// Flush waits until all entries are written, for at most a second.
func (j *Journal) Flush() { j.output.flush(flushLimit) }

// Close closes the log files when all entries are written, and waits for that like Flush. Later
// entries go to standard error.
func (j *Journal) Close() {
	j.mu.Lock()
	j.drop(j.main, nil)
	j.drop(j.errors, nil)
	j.main, j.errors = nil, nil
	j.mu.Unlock()
	j.Flush()
	j.drainHosts(flushLimit)
}

// Last returns the last n entries, the oldest first; all remembered ones if n is 0.
func (j *Journal) Last(n int) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Concat(j.ring[j.next:], j.ring[:j.next])
	if n > 0 && n < len(all) {
		all = all[len(all)-n:]
	}
	return all
}

// Forget makes Last forget all entries. Those of files stay.
func (j *Journal) Forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ring, j.next = nil, 0
}

// Subscribe delivers new entries until stop is called. A reader that falls behind
// loses the oldest entries.
func (j *Journal) Subscribe() (entries <-chan Entry, stop func()) {
	return j.followers.Subscribe(followerQueue)
}

// Line returns an entry in readable form.
func (j *Journal) Line(e *Entry) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.TrimSuffix(string(j.settings.appendHuman(nil, e)), "\n")
}

// add adds an entry. The lock is held.
func (j *Journal) add(e *Entry) {
	if len(j.ring) < kept {
		j.ring = append(j.ring, *e)
	} else {
		j.ring[j.next] = *e
		j.next = (j.next + 1) % kept
	}
	j.followers.Publish(*e)
	for _, h := range j.hosts {
		h.put(e)
	}
	switch {
	case j.main != nil:
		j.print(j.main.f, e, (*Settings).appendPlain)
	case j.stderr != nil && j.human:
		j.print(j.stderr, e, (*Settings).appendHuman)
	case j.stderr != nil && j.priority:
		j.print(j.stderr, e, (*Settings).appendPriority)
	case j.stderr != nil:
		j.print(j.stderr, e, (*Settings).appendPlain)
	}
	if j.errors != nil && e.Level >= slog.LevelWarn {
		j.print(j.errors.f, e, (*Settings).appendPlain)
	}
}

// print queues an entry for writing in a form. The lock is held.
func (j *Journal) print(to io.Writer, e *Entry, form func(*Settings, []byte, *Entry) []byte) {
	line := func(e *Entry) []byte { return form(&j.settings, nil, e) }
	j.output.write(to, line(e), line)
}
