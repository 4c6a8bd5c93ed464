package sshd

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Strangers do not fill the log, and what it leaves out is counted.
func TestComplaintsAreBounded(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }})
	for range 1000 {
		s.complain("SSH connection refused")
	}
	if n := strings.Count(log.String(), "\n"); n != complaints {
		t.Errorf("%d lines, want %d", n, complaints)
	}
	log.Reset()
	now = now.Add(complaintPause)
	s.complain("SSH connection refused")
	if !strings.Contains(log.String(), "more=980") {
		t.Errorf("afterwards: %q", log.String())
	}
}
