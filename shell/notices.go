package shell

import (
	"fmt"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// Notices implements Conversation.
func (s *Session) Notices() <-chan string { return s.notices }

// notify gives a line to the terminal; the oldest that waits goes when there are too many.
func (s *Session) notify(line string) {
	for {
		select {
		case s.notices <- printable(line):
			return
		default:
		}
		select {
		case <-s.notices:
		default:
		}
	}
}

// watch turns events into notices while "terminal monitor" is on.
func (s *Session) watch() {
	events, stopEvents := s.env.View.Subscribe()
	if events != nil {
		s.watching.Go(func() {
			defer stopEvents()
			for {
				select {
				case <-s.ctx.Done():
					return
				case e, ok := <-events:
					if !ok {
						return
					}
					s.mu.Lock()
					show := s.monitor
					s.mu.Unlock()
					if show {
						s.notify(s.eventLine(&e))
					}
				}
			}
		})
	}
}

// committed tells of a revision. One that arrives while this session commits may be its own: it
// waits until the session knows.
func (s *Session) committed(r *conf.Revision) {
	s.commits.Lock()
	defer s.commits.Unlock()
	if s.committing {
		s.waiting = append(s.waiting, r)
		return
	}
	s.tell(r)
}

func (s *Session) tell(r *conf.Revision) {
	line := fmt.Sprintf("Commit %d by %s (%s)", r.ID, r.User, r.Source)
	if r.Comment != "" {
		line += ": " + r.Comment
	}
	s.notify(line)
}

// holdCommits keeps the notices of commits back until release is called with the session's own
// revision, nil if it made none.
func (s *Session) holdCommits() (release func(own *conf.Revision)) {
	s.commits.Lock()
	defer s.commits.Unlock()
	s.committing = true
	return func(own *conf.Revision) {
		s.commits.Lock()
		defer s.commits.Unlock()
		for _, r := range s.waiting {
			if own == nil || r.ID != own.ID {
				s.tell(r)
			}
		}
		s.committing, s.waiting = false, nil
	}
}

// eventLine writes an event as a log line.
func (s *Session) eventLine(e *engine.Event) string {
	line := s.stamp(e.Time)
	if e.Key != (engine.Key{}) {
		line += " " + e.Key.String() + ":"
	}
	if e.Kind == engine.EventTransition {
		return fmt.Sprintf("%s %s → %s: %s", line, e.From, e.To, e.Cause)
	}
	return line + " " + e.Text
}
