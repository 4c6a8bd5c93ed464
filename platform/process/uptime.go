// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime returns a unique name of this boot and the time since then, by a clock that is never set and that all processes
// share. The name is empty if it is unknown.
func Uptime() (boot string, up time.Duration) {
	var t unix.Timespec
	if unix.ClockGettime(uptimeClock, &t) != nil {
		return "", 0
	}
	return bootName(), time.Duration(t.Nano())
}
