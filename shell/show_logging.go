// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
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
	n, _ := strconv.Atoi(c.step.Value("lines")) // in range by the grammar; 0 without "lines": all entries
	return c.session.env.Journal.Last(n)
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
