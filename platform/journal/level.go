// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"fmt"
	"log/slog"

	sdjournal "github.com/coreos/go-systemd/v22/journal"
)

// The levels below slog.LevelInfo, with the names of the debug directive. Its
// value n shows everything from level −n upwards.
const (
	// Low is for changes around the router: interfaces, other routers on the link.
	Low = slog.Level(-1)
	// Medium is for actions of users and programs: sessions, edits, API requests.
	Medium = slog.Level(-2)
	// High is for single faulty packets: each discarded packet with the reason.
	High = slog.Level(-3)
	// Extensive is for every packet.
	Extensive = slog.Level(-5)
)

// Threshold returns the lowest level shown by a value of the debug directive, 0 to 5.
func Threshold(debug int) slog.Level { return slog.Level(-debug) }

// Name returns the name of a level in the log.
func Name(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warning"
	case l >= slog.LevelInfo:
		return "info"
	case l == Low:
		return "low"
	case l == Medium:
		return "medium"
	case l == High:
		return "high"
	default:
		return "extensive"
	}
}

// StderrPriority returns what tells the system's journal the level of a line on standard error (sd-daemon(3)); empty if standard error is
// not the journal.
func StderrPriority(l slog.Level) string {
	if is, err := sdjournal.StderrIsJournalStream(); err != nil || !is {
		return ""
	}
	return priority(l)
}

func priority(l slog.Level) string { return fmt.Sprintf("<%d>", severity(l)) }

// severity returns the severity of a level (RFC 5424 section 6.2.1).
func severity(l slog.Level) sdjournal.Priority {
	switch {
	case l >= slog.LevelError:
		return sdjournal.PriErr
	case l >= slog.LevelWarn:
		return sdjournal.PriWarning
	case l >= slog.LevelInfo:
		return sdjournal.PriInfo
	default:
		return sdjournal.PriDebug
	}
}

// TimeFormat is the format of time stamps.
type TimeFormat uint8

// The formats of time stamps.
const (
	Default TimeFormat = iota // ISO 8601 with milliseconds (RFC 3339)
	Short                     // as in the system's log files
	RFC2822                   // as in mail headers
)

// ParseTimeFormat reads a value of the time_format directive.
func ParseTimeFormat(s string) (TimeFormat, error) {
	switch s {
	case "", "disabled":
		return Default, nil
	case "short":
		return Short, nil
	case "rfc2822":
		return RFC2822, nil
	default:
		return 0, fmt.Errorf("unknown time format %q", s)
	}
}

// layout returns the layout for package time.
func (f TimeFormat) layout() string {
	switch f {
	case Short:
		return "Jan _2 15:04:05.000"
	case RFC2822:
		return "Mon, 02 Jan 2006 15:04:05 -0700"
	default:
		return "2006-01-02T15:04:05.000Z07:00"
	}
}
