// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"vrrpsh/engine/driver"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
)

func netipPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func platformFrame(source string, payload []byte) *platform.Frame {
	return &platform.Frame{MAC: [6]byte{2, 9, 9, 9, 9, 9}, Source: netip.MustParseAddr(source), Payload: payload}
}

func itoa(n uint8) string { return strconv.Itoa(int(n)) }

// logBuffer keeps the log for tests.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func bootLogged(t *testing.T, r *fake.Router, log *logBuffer) *node {
	t.Helper()
	return start(t, r, driver.Options{System: r.Boot(), Logger: slog.New(slog.NewTextHandler(log, nil))})
}
