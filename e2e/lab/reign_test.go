// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"net/netip"
	"testing"
	"time"
)

// TestOneMaster checks that OneMaster itself detects the violations.
func TestOneMaster(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int, port string, priority uint8) Advert {
		src := map[string]string{"r1": "192.0.2.1", "r2": "192.0.2.2"}[port]
		return Advert{
			Time: start.Add(time.Duration(ms) * time.Millisecond), Port: port, Src: netip.MustParseAddr(src),
			Priority: priority, Interval: 200 * time.Millisecond,
		}
	}
	for _, tt := range []struct {
		name    string
		adverts []Advert
		faults  int
	}{
		{"one router", []Advert{at(0, "r1", 100), at(200, "r1", 100)}, 0},
		{"preemption", []Advert{at(0, "r1", 100), at(200, "r1", 100), at(300, "r2", 200), at(500, "r2", 200)}, 0},
		{"crossing", []Advert{at(0, "r1", 100), at(199, "r2", 200), at(200, "r1", 100), at(399, "r2", 200)}, 0},
		{"resignation", []Advert{at(0, "r1", 200), at(100, "r1", 0), at(150, "r2", 100)}, 0},
		{"silence", []Advert{at(0, "r1", 200), at(700, "r2", 100), at(900, "r2", 100)}, 0},
		{"deaf Master", []Advert{at(0, "r1", 100), at(150, "r2", 200), at(200, "r1", 100), at(350, "r2", 200), at(400, "r1", 100)}, 1},
		{"two Masters meet", []Advert{at(0, "r2", 200), at(1, "r1", 100), at(200, "r2", 200)}, 0},
		{"two Masters meet, one is deaf", []Advert{at(0, "r2", 200), at(1, "r1", 100), at(200, "r2", 200), at(201, "r1", 100)}, 1},
		{"hasty Backup", []Advert{at(0, "r1", 200), at(300, "r2", 100)}, 1},
		{"Master lowers itself", []Advert{at(0, "r1", 200), at(100, "r2", 254), at(300, "r2", 100), at(500, "r2", 100), at(650, "r1", 200)}, 0},
		{"back after a resignation", []Advert{at(0, "r1", 200), at(100, "r1", 0), at(150, "r2", 100), at(300, "r1", 50)}, 1},
		{"two equals, lower address keeps sending", []Advert{at(0, "r1", 100), at(10, "r2", 100), at(200, "r1", 100)}, 1},
		{"two equals, higher address keeps sending", []Advert{at(0, "r2", 100), at(200, "r2", 100), at(650, "r2", 100)}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := OneMaster(tt.adverts); len(got) != tt.faults {
				t.Errorf("%d faults, want %d: %q", len(got), tt.faults, got)
			}
		})
	}
}
