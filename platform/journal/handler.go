// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"vrrpsh/platform/printable"
)

// handler adds records to a Journal.
type handler struct {
	journal *Journal
	// text writes the attributes into buf, which the lock guards.
	text slog.Handler
	buf  *bytes.Buffer
	lock *sync.Mutex
}

var _ slog.Handler = (*handler)(nil)

func newHandler(j *Journal) *handler {
	h := &handler{journal: j, buf: new(bytes.Buffer), lock: new(sync.Mutex)}
	h.text = slog.NewTextHandler(h.buf, &slog.HandlerOptions{
		Level: Extensive,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{} // Entry has fields for these
			}
			return a
		},
	})
	return h
}

// Enabled implements slog.Handler. It costs next to nothing.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.journal.level.Level() }

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	h.lock.Lock()
	h.buf.Reset()
	err := h.text.Handle(ctx, r)
	attrs := strings.TrimSpace(h.buf.String())
	h.lock.Unlock()
	if err != nil {
		return err
	}
	e := Entry{Time: r.Time, Level: r.Level, Message: r.Message, Attrs: attrs}
	e.Event, _ = ctx.Value(eventKey{}).(*Event) // nil if the entry is not about an event
	h.journal.mu.Lock()
	defer h.journal.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = h.journal.now()
	}
	h.journal.add(&e)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	derived.text = h.text.WithAttrs(attrs)
	return &derived
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	derived := *h
	derived.text = h.text.WithGroup(name)
	return &derived
}

// stamp writes a time.
func (s *Settings) stamp(t time.Time) string {
	if s.UTC {
		t = t.UTC()
	} else {
		t = t.Local()
	}
	return t.Format(s.TimeFormat.layout())
}

// appendHuman writes an entry in readable form, with newline.
func (s *Settings) appendHuman(b []byte, e *Entry) []byte {
	b = append(b, s.stamp(e.Time)...)
	b = append(b, ' ')
	if name := Name(e.Level); name != "info" {
		b = append(b, name...)
		b = append(b, ": "...)
	}
	b = append(b, printable.Line(e.Message)...)
	if e.Attrs != "" {
		b = append(b, " ("...)
		b = append(b, e.Attrs...)
		b = append(b, ')')
	}
	return append(b, '\n')
}

// appendPriority is appendPlain for the system's journal.
func (s *Settings) appendPriority(b []byte, e *Entry) []byte {
	return s.appendPlain(append(b, priority(e.Level)...), e)
}

// appendPlain writes an entry as key=value, with newline.
func (s *Settings) appendPlain(b []byte, e *Entry) []byte {
	b = append(b, "time="...)
	b = appendValue(b, s.stamp(e.Time))
	b = append(b, " level="...)
	b = append(b, Name(e.Level)...)
	b = append(b, " msg="...)
	b = appendValue(b, e.Message)
	if e.Attrs != "" {
		b = append(b, ' ')
		b = append(b, e.Attrs...)
	}
	return append(b, '\n')
}

// appendValue writes a value, in quotes if needed.
func appendValue(b []byte, s string) []byte {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || !unicode.IsPrint(r) }) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}
