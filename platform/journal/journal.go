package journal

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	xterm "golang.org/x/term"
)

const (
	// kept is how many entries are remembered.
	kept = 1000
	// followerQueue is how many entries wait for a follower before the oldest are lost.
	followerQueue = 256
)

// Entry is one thing that was logged.
type Entry struct {
	Time    time.Time
	Level   slog.Level
	Message string
	// Attrs are the attributes as key=value, separated by blanks.
	Attrs string
}

// Settings are what can be changed while the router runs.
type Settings struct {
	Debug      int // value of the debug directive
	UTC        bool
	TimeFormat TimeFormat
	// Main is the log file; without one, standard error is written to.
	Main string
	// Errors is a file that gets warnings and errors in addition; "" for none.
	Errors string
}

// Journal is a log. It is safe for concurrent use.
type Journal struct {
	level slog.LevelVar
	now   func() time.Time

	mu        sync.Mutex
	settings  Settings
	stderr    io.Writer // nil: nobody reads it
	human     bool      // stderr is a terminal
	main      *file     // nil: stderr
	errors    *file
	ring      []Entry
	next      int // where in the ring the next entry goes, once it is full
	followers []chan Entry
}

// New returns a journal that writes to stderr, unless that is nil, in a form for people if
// it is a terminal.
func New(stderr io.Writer) *Journal {
	j := &Journal{now: time.Now, stderr: stderr}
	if f, ok := stderr.(*os.File); ok {
		j.human = xterm.IsTerminal(int(f.Fd()))
	}
	return j
}

// Logger returns a logger that writes here.
func (j *Journal) Logger() *slog.Logger { return slog.New(newHandler(j)) }

// Configure changes the settings. When a file cannot be opened nothing changes.
func (j *Journal) Configure(s Settings) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	main, err := j.main.as(s.Main)
	if err != nil {
		return err
	}
	faults, err := j.errors.as(s.Errors)
	if err != nil {
		main.closeUnless(j.main)
		return err
	}
	j.main.closeUnless(main)
	j.errors.closeUnless(faults)
	j.main, j.errors, j.settings = main, faults, s
	j.level.Set(Threshold(s.Debug))
	return nil
}

// Reopen opens the log files again, after somebody has renamed them. A file that cannot be
// opened is written to as before.
func (j *Journal) Reopen() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.main.reopen(), j.errors.reopen())
}

// Close closes the log files. What is logged after that goes to standard error.
func (j *Journal) Close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.main.closeUnless(nil)
	j.errors.closeUnless(nil)
	j.main, j.errors = nil, nil
}

// Last returns the last n entries, the oldest first; all that are remembered if n is 0.
func (j *Journal) Last(n int) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Concat(j.ring[j.next:], j.ring[:j.next])
	if n > 0 && n < len(all) {
		all = all[len(all)-n:]
	}
	return all
}

// Follow delivers what is logged from now on until stop is called. A reader that falls behind
// loses the oldest entries.
func (j *Journal) Follow() (entries <-chan Entry, stop func()) {
	c := make(chan Entry, followerQueue)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.followers = append(j.followers, c)
	return c, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if i := slices.Index(j.followers, c); i >= 0 {
			j.followers = slices.Delete(j.followers, i, i+1)
			close(c)
		}
	}
}

// Line returns an entry in the form for people.
func (j *Journal) Line(e *Entry) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.settings.appendHuman(nil, e))
}

// add takes an entry in. The lock is held.
func (j *Journal) add(e *Entry) {
	if len(j.ring) < kept {
		j.ring = append(j.ring, *e)
	} else {
		j.ring[j.next] = *e
		j.next = (j.next + 1) % kept
	}
	for _, c := range j.followers {
		offer(c, e)
	}
	switch {
	case j.main != nil:
		j.main.write(j.settings.appendPlain(nil, e))
	case j.stderr != nil && j.human:
		_, _ = j.stderr.Write(append(j.settings.appendHuman(nil, e), '\n')) // nobody to tell
	case j.stderr != nil:
		_, _ = j.stderr.Write(j.settings.appendPlain(nil, e)) // likewise
	}
	if j.errors != nil && e.Level >= slog.LevelWarn {
		j.errors.write(j.settings.appendPlain(nil, e))
	}
}

// offer gives an entry to a follower, at the expense of the oldest when it is slow.
func offer(c chan Entry, e *Entry) {
	for {
		select {
		case c <- *e:
			return
		default:
		}
		select {
		case <-c:
		default: // the follower was quicker
		}
	}
}
