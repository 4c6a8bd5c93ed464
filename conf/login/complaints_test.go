// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Strangers cannot fill the log, and the suppressed messages are counted.
func TestComplaintsAreBounded(t *testing.T) {
	var log bytes.Buffer
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	complaints := NewComplaints(slog.New(slog.NewTextHandler(&log, nil)), c.Now)
	for range 1000 {
		complaints.Warn("refused")
	}
	if n := strings.Count(log.String(), "\n"); n != ComplaintBurst {
		t.Errorf("%d lines, want %d", n, ComplaintBurst)
	}
	log.Reset()
	c.advance(ComplaintPause)
	complaints.Warn("refused")
	if !strings.Contains(log.String(), "more=980") {
		t.Errorf("afterwards: %q", log.String())
	}
}
