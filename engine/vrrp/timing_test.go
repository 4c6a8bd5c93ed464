// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"
)

// TestTimes covers RFC 9568 section 6.1 and RFC 3768 section 6.1.
func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		version  Version
		priority uint8
		interval time.Duration
		skew     time.Duration
		down     time.Duration
	}{
		{V2, 100, time.Second, 609375 * time.Microsecond, 3609375 * time.Microsecond},
		{V2, 100, 10 * time.Second, 609375 * time.Microsecond, 30609375 * time.Microsecond},
		{V2, 255, time.Second, 3906250, 3003906250},
		{V2, 1, 255 * time.Second, 996093750, 765996093750},
		{V3, 100, time.Second, 609375 * time.Microsecond, 3609375 * time.Microsecond},
		{V3, 100, 10 * time.Second, 6093750 * time.Microsecond, 36093750 * time.Microsecond},
		{V3, 254, 10 * time.Millisecond, 78125, 30078125},
		{V3, 253, 10 * time.Millisecond, 117187, 30117187},
		{V3, 1, IntervalMaxV3, 40790039062, 163640039062},
	} {
		if got := SkewTime(tt.version, tt.priority, tt.interval); got != tt.skew {
			t.Errorf("%v priority %d, %v: Skew_Time is %v, want %v", tt.version, tt.priority, tt.interval, got, tt.skew)
		}
		if got := MasterDownInterval(tt.version, tt.priority, tt.interval); got != tt.down {
			t.Errorf("%v priority %d, %v: Master_Down_Interval is %v, want %v", tt.version, tt.priority, tt.interval, got, tt.down)
		}
	}
}

// TestSkewOrdersBackups shows why times have nanoseconds: even at the shortest interval
// each priority takes over at a different time.
func TestSkewOrdersBackups(t *testing.T) {
	for p := uint8(PriorityMin); p < PriorityMax; p++ {
		if SkewTime(V3, p, IntervalMinV3) <= SkewTime(V3, p+1, IntervalMinV3) {
			t.Errorf("priorities %d and %d take over together", p, p+1)
		}
	}
}
