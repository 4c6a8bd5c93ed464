// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime names this start of the machine, as no other is called, and says how long the machine runs, by a clock that nobody
// sets and that all processes share. The name is empty where it is not known.
func Uptime() (boot string, up time.Duration) {
	var t unix.Timespec
	if unix.ClockGettime(uptimeClock, &t) != nil {
		return "", 0
	}
	return bootName(), time.Duration(t.Nano())
}
