// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"runtime/debug"
	"testing"
)

func TestSaveMemory(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	for _, tt := range []struct {
		gogc string
		want int
	}{{"", gcPercent}, {"200", 123}} {
		t.Setenv("GOGC", tt.gogc)
		debug.SetGCPercent(123) // the runtime has read GOGC long ago
		SaveMemory()
		if got := debug.SetGCPercent(123); got != tt.want {
			t.Errorf("with GOGC=%q it is %d, want %d", tt.gogc, got, tt.want)
		}
	}
}
