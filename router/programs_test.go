// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"vrrpsh/platform/program"
)

// TestRunProgram pings this host with the ping of the system.
func TestRunProgram(t *testing.T) {
	if err := runProgram(t.Context(), "no-such-program", nil, nil); err == nil || err.Error() != "no-such-program is not installed on this host" {
		t.Errorf("a missing program: %v", err)
	}
	if program.Find("ping") == "" {
		t.Skip("ping is not installed")
	}
	var out bytes.Buffer
	if err := runProgram(t.Context(), "ping", []string{"-n", "-c", "1", "-s", "56", "--", "127.0.0.1"}, &out); err != nil || !strings.Contains(out.String(), "from 127.0.0.1") {
		t.Errorf("%v\n%s", err, out.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := &firstWrite{cancel: cancel}
	start := time.Now()
	if err := runProgram(ctx, "ping", []string{"-n", "-c", "100", "--", "127.0.0.1"}, first); err == nil || time.Since(start) > 20*time.Second {
		t.Errorf("interrupted after the first answer: %v after %s", err, time.Since(start))
	}
}

// firstWrite cancels a context at the first write.
type firstWrite struct{ cancel context.CancelFunc }

func (w *firstWrite) Write(b []byte) (int, error) { w.cancel(); return len(b), nil }
