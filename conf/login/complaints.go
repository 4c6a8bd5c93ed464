// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Clients that have not logged in can cause this many log lines at once, and one more every ComplaintPause.
const (
	ComplaintBurst = 20
	ComplaintPause = 5 * time.Second
)

// Complaints logs the actions of clients that have not logged in, and keeps them from filling the log. It is safe
// for concurrent use.
type Complaints struct {
	log      *slog.Logger
	now      func() time.Time
	limit    *rate.Limiter
	unlogged atomic.Uint64 // since the last line logged
}

// NewComplaints returns Complaints that write to log and use now as their clock.
func NewComplaints(log *slog.Logger, now func() time.Time) *Complaints {
	return &Complaints{log: log, now: now, limit: rate.NewLimiter(rate.Every(ComplaintPause), ComplaintBurst)}
}

// Warn logs a complaint, with the number of complaints suppressed before it.
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
