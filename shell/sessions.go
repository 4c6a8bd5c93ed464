// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"sync"
	"time"

	"vrrpsh/conf"
	"vrrpsh/platform/process"
)

// Sessions is the registry of a router's sessions. It also knows which session has the exclusive
// lock, and keeps the uncommitted candidates of lost sessions. It is safe for concurrent use.
type Sessions struct {
	mu     sync.Mutex
	next   int
	live   map[*Session]struct{}
	lost   []*lost // the oldest first
	locked *Session
	since  time.Time // when locked took the lock
	// lastLost is the number of the last lost candidate.
	lastLost int
	// commands limits how many commands a user may run at a time.
	commands *process.Quota
	reaching reaching
}

// NewSessions returns an empty registry.
func NewSessions() *Sessions {
	return &Sessions{
		live: make(map[*Session]struct{}), commands: process.NewQuota(userCommands, turnWait), reaching: newReaching(),
	}
}

// add registers a session and assigns its number.
func (r *Sessions) add(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	s.id = r.next
	r.live[s] = struct{}{}
}

// Committed notifies every session of a revision, except the session that committed it. It ends
// sessions whose user is no longer valid. conf.Options.Notify should call it.
func (r *Sessions) Committed(rev *conf.Revision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.live {
		if s.id != rev.Session {
			s.tell(rev)
		}
		if valid := s.user.Valid; valid != nil && !valid(rev.Config) {
			go s.expel(fmt.Sprintf("The session ends: commit %d by %s changed your user", rev.ID, rev.User))
		}
	}
}

// Count returns the number of sessions.
func (r *Sessions) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.live)
}

func (r *Sessions) remove(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, s)
	if r.locked == s {
		r.locked = nil
	}
}

// lock gives a session the exclusive right to commit.
func (r *Sessions) lock(s *Session, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.heldByOther(s); err != nil {
		return err
	}
	r.locked, r.since = s, now
	return nil
}

func (r *Sessions) unlock(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locked == s {
		r.locked = nil
	}
}

// mayCommit returns an error if another session holds the exclusive lock.
func (r *Sessions) mayCommit(s *Session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heldByOther(s)
}

func (r *Sessions) heldByOther(s *Session) error {
	if r.locked == nil || r.locked == s {
		return nil
	}
	return &failure{Locked, fmt.Sprintf("The configuration is locked by %s since %s", r.locked.user.describe(), s.stamp(r.since))}
}

// SessionRow is one session in "show sessions".
type SessionRow struct {
	ID     int       `json:"id"`
	User   string    `json:"user"`
	Source string    `json:"source"`
	Level  int       `json:"level"`
	Since  time.Time `json:"since"`
	Mode   string    `json:"mode"`
	// Changes is true while the session has an uncommitted candidate.
	Changes   bool `json:"changes"`
	Exclusive bool `json:"exclusive"`
	Self      bool `json:"self"`
}

func (r *Sessions) list(self *Session) []SessionRow {
	live, locked := r.others(nil), r.holder()
	rows := make([]SessionRow, 0, len(live))
	for _, s := range live {
		mode, changes := s.glance()
		rows = append(rows, SessionRow{
			ID: s.id, User: s.user.Name, Source: s.user.Source, Level: int(s.user.Level), Since: s.since,
			Mode: mode, Changes: changes, Exclusive: s == locked, Self: s == self,
		})
	}
	return rows
}
