// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/engine"
)

// TestMuteIsTold checks that one event says that no advert goes out, and one that they do again.
func TestMuteIsTold(t *testing.T) {
	h, vr := master(t)
	report := func(r engine.SendReport) {
		r.Key, r.Priority = vr.Key, 100
		h.core.ReportSend(h.now, r, &h.out)
		h.answer(len(h.out.Desired))
		h.run(time.Second)
	}
	for n := range 10 {
		if got := h.texts(engine.EventFault); n < 3 && len(got) > 0 {
			t.Errorf("after %d adverts that failed was told: %q", n, got)
		}
		report(engine.SendReport{Failed: 1, Err: errRefused})
	}
	if got := h.texts(engine.EventFault); len(got) != 1 || !strings.HasPrefix(got[0], "cannot send: "+errRefused.Error()) {
		t.Errorf("told: %q", got)
	}
	report(engine.SendReport{Sent: true})
	if got := h.texts(engine.EventFault); len(got) != 2 || got[1] != "adverts can be sent again" {
		t.Errorf("told: %q", got)
	}
}
