// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vrrpsh/conf"
)

// zone returns the time zone of displayed times.
func (s *Session) zone() *time.Location {
	if conf.TimeZone.Value(s.env.Manager.Running().File) == "utc" {
		return time.UTC
	}
	return time.Local
}

// stamp formats a time as log lines do.
func (s *Session) stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(s.zone()).Format("2006-01-02 15:04:05.000")
}

// span formats a duration for people: "1 d 2 h", "5 min 3 s".
func span(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	var parts []string
	for _, u := range units {
		n := int(d / u.size)
		d -= time.Duration(n) * u.size
		if n == 0 && (u.size > time.Second || len(parts) > 0) {
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
	}
	return strings.Join(parts, " ")
}

// countdown formats the time left for a prompt: "4m", and in the last minute "59s".
func countdown(d time.Duration) string {
	d = max(d, 0)
	if d > time.Minute {
		return strconv.Itoa(int((d+time.Minute-1)/time.Minute)) + "m"
	}
	return strconv.Itoa(int((d+time.Second-1)/time.Second)) + "s"
}

// millis formats a duration in milliseconds, with decimals only if it has a fraction.
func millis(d time.Duration) string {
	s := strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
