// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Strangers can fill the log with this many lines at once, and one more at every ComplaintPause.
const (
	ComplaintBurst = 20
	ComplaintPause = 5 * time.Second
)

// Complaints logs what those do who have not logged in, without letting them fill the log. It is safe for concurrent
// use.
type Complaints struct {
	log      *slog.Logger
	now      func() time.Time
	limit    *rate.Limiter
	unlogged atomic.Uint64 // since the last that was logged
}

// NewComplaints returns Complaints that are written to log; now is their clock.
func NewComplaints(log *slog.Logger, now func() time.Time) *Complaints {
	return &Complaints{log: log, now: now, limit: rate.NewLimiter(rate.Every(ComplaintPause), ComplaintBurst)}
}

// Warn logs a complaint, with the number of those that were left out before.
func (c *Complaints) Warn(message string, args ...any) {
	if !c.limit.AllowN(c.now(), 1) {
		c.unlogged.Add(1)
		return
	}
	if n := c.unlogged.Swap(0); n > 0 {
		args = append(args, "more", n)
	}
	c.log.Warn(message, args...)
}
