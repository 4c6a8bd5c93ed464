// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"vrrpsh/engine/driver"
	"vrrpsh/platform/frame"
	"vrrpsh/platform/journal"
)

// TestLogLevels checks at which levels packets are logged.
func TestLogLevels(t *testing.T) {
	for _, test := range []struct {
		debug                      int
		interfaces, discarded, all bool
	}{
		{debug: 0},
		{debug: 1, interfaces: true},
		{debug: 2, interfaces: true},
		{debug: 3, interfaces: true, discarded: true},
		{debug: 5, interfaces: true, discarded: true, all: true},
	} {
		inBubble(t, func(t *testing.T) {
			lab, log := newLab(), &logBuffer{}
			r2 := lab.router(t, 2)
			r2.apply(group(7, 100))
			sleep(5 * time.Second) // it is Master
			kernel := lab.AddRouter("r1", netipPrefix("10.0.0.1/24"))
			r1 := start(t, kernel, driver.Options{
				System: kernel.Boot(),
				Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: journal.Threshold(test.debug)})),
			})
			r1.apply(group(7, 50), group(8, 200))
			sleep(5 * time.Second)
			b, err := frame.AppendAdvert(nil, platformFrame("10.0.0.77", []byte{0x21, 7, 9}))
			if err != nil {
				t.Fatal(err)
			}
			lab.host.Send(b)
			sleep(time.Second)
			if err := r1.Unplug("eth0"); err != nil {
				t.Fatal(err)
			}
			sleep(time.Second)
			if err := r1.stop(); err != nil {
				t.Error(err)
			}
			got := log.String()
			for text, want := range map[string]bool{
				`msg="became Master"`:               true,
				`discarding adverts from 10.0.0.77`: true,
				`level=DEBUG+3`:                     test.interfaces,
				`msg="packet discarded" interface=eth0 family=IPv4 source=10.0.0.77 group=7 reason=length`: test.discarded,
				`msg="advert received" interface=eth0 family=IPv4 source=10.0.0.2 group=7`:                 test.all,
				`msg="advert sent" interface=eth0 family=IPv4 source=10.0.0.1 group=8`:                     test.all,
			} {
				if strings.Contains(got, text) != want {
					t.Errorf("debug %d: %s in the log is %v, want %v:\n%s", test.debug, text, !want, want, got)
				}
			}
		})
	}
}
