// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"testing"
	"time"
)

// pollInterval is the time between two checks of a condition.
const pollInterval = 5 * time.Millisecond

// Until calls cond until it returns nil. After limit it fails the test with the last error.
func Until(tb testing.TB, limit time.Duration, what string, cond func() error) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("not within %v: %s: %v", limit, what, err)
		}
		<-tick.C
	}
}
