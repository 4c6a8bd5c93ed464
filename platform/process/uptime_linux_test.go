// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestUptime(t *testing.T) {
	boot, up := Uptime()
	again, later := Uptime()
	if boot == "" || boot != again || later < up {
		t.Errorf("%q up %s, and then %q up %s", boot, up, again, later)
	}
	data, err := os.ReadFile("/proc/uptime") // which this clock reads
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseFloat(strings.Fields(string(data))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	if d := up - time.Duration(seconds*float64(time.Second)); d.Abs() > time.Minute {
		t.Errorf("up %s, but /proc/uptime says %v", up, seconds)
	}
}
