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

// notify queues a line for the terminal. If the queue is full, the oldest line is dropped.
func (s *Session) notify(line string) {
	feed.Send(s.notices, printable.Line(line))
}

// watch turns log entries into notices. With "terminal monitor" it passes every entry except events that the session
// already displays through "debug". The router's console always gets warnings and errors.
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

// tell notifies the user of a commit. In plain line mode it does so only with "terminal monitor": a program would take the
// notice for the output of its command.
func (s *Session) tell(r *conf.Revision) {
	if s.Plain() && !s.monitors() {
		return
	}
	line := fmt.Sprintf("Commit %d by %s (%s)", r.ID, r.User, r.Source)
	if r.Comment != "" {
		line += ": " + r.Comment
	}
	if !r.ConfirmBy.IsZero() {
		line += fmt.Sprintf("; rolls back in %s unless confirmed", span(r.ConfirmBy.Sub(s.now())))
	}
	s.notify(line)
}
