// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// uptimeClock keeps running while the machine is suspended.
const uptimeClock = unix.CLOCK_BOOTTIME

func bootName() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
