// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vrrpsh/conf"
	"vrrpsh/platform/printable"
)

// confirmDefault is the confirmation timeout of a confirmed commit when the command gives none.
const confirmDefault = 10 * time.Minute

// commitConfirmed commits the candidate and rolls it back unless the commit is confirmed in time.
func commitConfirmed(c *call) error {
	wait := confirmDefault
	if v := c.step.Value("minutes"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return c.step.Misplaced("minutes", "not a number of minutes")
		}
		wait = time.Duration(n) * time.Minute
	}
	info := c.commitInfo()
	info.Confirm = wait
	return c.commitCandidate(info)
}

// confirm makes a commit that waits for its confirmation permanent.
func confirm(c *call) error {
	s := c.session
	if err := s.registry.mayCommit(s); err != nil {
		return err
	}
	done, err := s.env.Manager.Confirm(c.ctx, s.info(""))
	if errors.Is(err, conf.ErrNothingAwaited) {
		return failed("No commit is waiting for confirmation")
	}
	if err != nil {
		return err
	}
	s.audit("commit confirmed", "revision", done.Commit)
	c.printf("Commit %d is confirmed\n", done.Commit)
	return nil
}

// extend moves the rollback of a commit that waits for its confirmation.
func (c *call) extend(info conf.Info) error {
	s := c.session
	a, err := s.env.Manager.Extend(c.ctx, info.Confirm, info)
	if errors.Is(err, conf.ErrNothingAwaited) { // confirmed, or rolled back, just now
		return failed("No commit is waiting for confirmation")
	}
	if err != nil {
		return err
	}
	s.audit("confirmation extended", "revision", a.Commit, "confirm", info.Confirm)
	c.say(0, "Commit %d now rolls back in %s unless confirmed (\"confirm\" or \"commit\")", a.Commit, span(a.Deadline.Sub(s.now())))
	return nil
}

// commitData is the data of "show commit".
type commitData struct {
	Commit  uint64    `json:"commit"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	Source  string    `json:"source"`
	Comment string    `json:"comment"`
	// Confirm is set while the commit waits for its confirmation.
	Confirm *confirmData `json:"confirm,omitempty"`
}

type confirmData struct {
	Commit   uint64    `json:"commit"`
	User     string    `json:"user"`
	Source   string    `json:"source"`
	Since    time.Time `json:"since"`
	Deadline time.Time `json:"deadline"`
	Left     float64   `json:"left"` // seconds
	// Back is the commit that is restored if no confirmation arrives.
	Back uint64 `json:"back"`
}

func commitOf(c *call) *commitData {
	r := c.session.env.Manager.Running()
	d := &commitData{Commit: r.ID, Time: r.Time, User: r.User, Source: r.Source, Comment: r.Comment}
	if a := c.session.env.Manager.Awaited(); a != nil {
		d.Confirm = &confirmData{
			Commit: a.Commit, User: a.User, Source: a.Source, Since: a.Since, Deadline: a.Deadline,
			Left: max(a.Deadline.Sub(c.session.now()), 0).Seconds(), Back: a.Back,
		}
	}
	return d
}

func showCommit(c *call) error {
	d := commitOf(c)
	c.printf("Running configuration is commit %d", d.Commit)
	if d.User != "" {
		c.printf(" by %s", d.User)
	}
	c.printf(" (%s), %s", printable.Line(d.Source), c.session.stamp(d.Time))
	if d.Comment != "" {
		c.printf(": %s", printable.Line(d.Comment))
	}
	c.printf("\n")
	if a := c.session.env.Manager.Awaited(); a != nil {
		c.say(0, "%s", c.session.awaits(a))
	}
	return nil
}

// awaits describes a commit that waits for its confirmation.
func (s *Session) awaits(a *conf.Confirmation) string {
	return fmt.Sprintf("Commit %d by %s (%s) is waiting for confirmation: without it, commit %d is restored in %s, at %s",
		a.Commit, a.User, a.Source, a.Back, span(a.Deadline.Sub(s.now())), s.stamp(a.Deadline))
}

// Awaiting notifies every session of a commit that waits for its confirmation. conf.Options.Awaiting should call it.
func (r *Sessions) Awaiting(e conf.ConfirmationEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.live {
		switch e.Stage {
		case conf.StageWarning:
			s.notify(s.awaits(&e.Confirmation))
		case conf.StageConfirmed:
			if s.id == e.By.Session {
				continue // the command's answer has already said so
			}
			s.notify(fmt.Sprintf("Commit %d of %s was confirmed by %s (%s)", e.Commit, e.User, e.By.User, e.By.Source))
		case conf.StageExtended:
			if s.id != e.By.Session {
				s.notify(fmt.Sprintf("Commit %d of %s now rolls back in %s unless confirmed: by %s (%s)",
					e.Commit, e.User, span(e.Deadline.Sub(s.now())), e.By.User, e.By.Source))
			}
		case conf.StageFailed:
			reason, _, _ := strings.Cut(e.Err.Error(), "\n")
			s.notify(fmt.Sprintf("Commit %d of %s was not confirmed, but could not be rolled back: %s. Trying again", e.Commit, e.User, reason))
		}
	}
}
