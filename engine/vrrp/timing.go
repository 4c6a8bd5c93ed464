// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import "time"

// SkewTime returns Skew_Time: the delay by which a Backup with this priority takes over
// later than one with the highest.
//
// For VRRPv2 it is (256 − priority)/256 seconds (RFC 3768 section 6.1), for VRRPv3
// (256 − priority)/256 of Master_Adver_Interval (RFC 9568 section 6.1). Its unit is the nanosecond: in
// the centiseconds of the RFC it would be zero for short intervals, and all Backups would
// take over at once.
func SkewTime(version Version, priority uint8, masterAdverInterval time.Duration) time.Duration {
	unit := masterAdverInterval
	if version == V2 {
		unit = time.Second
	}
	return time.Duration(256-int(priority)) * unit / 256
}

// MasterDownInterval returns Master_Down_Interval, the silence after which a Backup
// takes over: 3 × Master_Adver_Interval + Skew_Time (RFC 9568 section 6.1; for VRRPv2,
// where it is Advertisement_Interval, RFC 3768 section 6.1).
func MasterDownInterval(version Version, priority uint8, masterAdverInterval time.Duration) time.Duration {
	return 3*masterAdverInterval + SkewTime(version, priority, masterAdverInterval)
}

// earliest returns the earlier of two timers; the zero time means not running.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due reports whether a timer has expired; the zero time means not running.
func due(timer, now time.Time) bool {
	return !timer.IsZero() && !timer.After(now)
}
