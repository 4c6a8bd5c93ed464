// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"cmp"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"vrrpsh/platform/journal"
	"vrrpsh/platform/printable"
)

// logged returns the log entries that the command requests.
func logged(c *call) []journal.Entry {
	if c.session.env.Journal == nil {
		return nil
	}
	all := c.session.env.Journal.Last(0)
	for _, level := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, journal.Low, journal.Medium, journal.High} {
		if c.step.Has(journal.Name(level)) {
			all = slices.DeleteFunc(all, func(e journal.Entry) bool { return e.Level < level })
		}
	}
	n, err := strconv.Atoi(c.step.Value("lines"))
	if err != nil {
		n = len(all)
	}
	return all[max(0, len(all)-n):]
}

// clearLogging forgets the log entries, except the one that says who did that.
func clearLogging(c *call) error {
	if c.session.env.Journal == nil {
		return failed("This router keeps no log")
	}
	c.session.env.Journal.Forget()
	c.session.audit("log cleared")
	return nil
}

func showLogging(c *call) error {
	for _, e := range logged(c) {
		c.printf("%s\n", printable.Line(c.session.env.Journal.Line(&e)))
	}
	return nil
}

// entryData is one line of the log as JSON.
type entryData struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Details string    `json:"details,omitempty"`
}

func loggingData(c *call) (any, error) {
	rows := []entryData{}
	for _, e := range logged(c) {
		rows = append(rows, entryData{e.Time, journal.Name(e.Level), e.Message, e.Attrs})
	}
	return rows, nil
}

// logHostRow is a log host in "show logging hosts".
type logHostRow struct {
	URL   string `json:"url"`
	Sent  uint64 `json:"sent"`
	Lost  uint64 `json:"lost"`
	Fault string `json:"fault,omitempty"`
}

func logHosts(c *call) []logHostRow {
	rows := []logHostRow{}
	if j := c.session.env.Journal; j != nil {
		for _, h := range j.Hosts() {
			rows = append(rows, logHostRow(h))
		}
	}
	return rows
}

func showLogHosts(c *call) error {
	var rows [][]string
	for _, h := range logHosts(c) {
		rows = append(rows, []string{h.URL, strconv.FormatUint(h.Sent, 10), strconv.FormatUint(h.Lost, 10), cmp.Or(h.Fault, "reached")})
	}
	if len(rows) == 0 {
		c.printf("The log is not sent to other hosts\n")
		return nil
	}
	return c.table([]column{left("Host"), right("Sent"), right("Lost"), left("State")}, rows)
}
