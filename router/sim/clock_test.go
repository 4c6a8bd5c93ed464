// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"testing"
	"time"
)

// TestStamp holds stamp against package time: what it makes is like what time.Now returns.
func TestStamp(t *testing.T) {
	wall := time.Date(2030, 3, 4, 5, 6, 7, 8, time.UTC)
	a, b := stamp(wall, time.Minute), stamp(wall.Add(time.Hour), 2*time.Minute)
	if !a.Round(0).Equal(wall) || a.UnixNano() != wall.UnixNano() {
		t.Errorf("the wall clock of %v is %v", wall, a.Round(0))
	}
	if d := b.Sub(a); d != time.Minute {
		t.Errorf("%s apart by the monotonic clock", d)
	}
	if d := b.Round(0).Sub(a.Round(0)); d != time.Hour {
		t.Errorf("%s apart by the wall clock", d)
	}
	if d := b.Add(time.Second).Sub(a); d != time.Minute+time.Second {
		t.Errorf("%s apart after Add", d)
	}
}

func TestClock(t *testing.T) {
	s := newScheduler(false)
	c := newClock(s, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	began := c.now()
	s.run(10 * time.Second)
	c.step(-time.Hour)
	c.drift(2)
	s.run(15 * time.Second)
	if d := c.now().Sub(began); d != 20*time.Second {
		t.Errorf("%s have passed", d)
	}
	if d := c.now().Round(0).Sub(began.Round(0)); d != 20*time.Second-time.Hour {
		t.Errorf("%s have passed by the wall clock", d)
	}
	if at := c.when(c.now().Add(4 * time.Second)); at < 17*time.Second || at > 17*time.Second+2 {
		t.Errorf("four seconds by a clock that is twice as fast are over after %s", at-s.now)
	}
}
