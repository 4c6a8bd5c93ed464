// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"log/slog"

	"vrrpsh/conf"
	"vrrpsh/platform/feed"
	"vrrpsh/platform/printable"
)

// Notices implements Conversation.
func (s *Session) Notices() <-chan string { return s.notices }

// notify gives a line to the terminal; the oldest that waits goes when there are too many.
func (s *Session) notify(line string) {
	feed.Send(s.notices, printable.Line(line))
}

// watch turns what is logged into notices: everything while "terminal monitor" is on, but for events that are
// debugged and shown as such, and warnings and errors on the router's console always.
func (s *Session) watch() {
	if s.env.Journal == nil {
		return
	}
	entries, stop := s.env.Journal.Subscribe()
	s.watching.Go(func() {
		defer stop()
		for {
			select {
			case <-s.ctx.Done():
				return
			case e := <-entries:
				monitors := s.monitors()
				if monitors && e.Event != nil && s.debugsEvent(e.Event) {
					continue
				}
				if monitors || s.user.Source == Console && e.Level >= slog.LevelWarn {
					s.notify(s.env.Journal.Line(&e))
				}
			}
		}
	})
}

func (s *Session) monitors() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.monitor
}

// tell tells of a commit.
func (s *Session) tell(r *conf.Revision) {
	line := fmt.Sprintf("Commit %d by %s (%s)", r.ID, r.User, r.Source)
	if r.Comment != "" {
		line += ": " + r.Comment
	}
	if !r.ConfirmBy.IsZero() {
		line += fmt.Sprintf("; it is taken back in %s unless it is confirmed", span(r.ConfirmBy.Sub(s.now())))
	}
	s.notify(line)
}
