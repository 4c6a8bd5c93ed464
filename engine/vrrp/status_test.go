// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestChecksumMode checks the checksum form of sent adverts, before and after a peer was
// heard.
func TestChecksumMode(t *testing.T) {
	const before, message, pseudo = ChecksumForm(255), FormMessage, FormPseudoHeader
	for _, tt := range []struct {
		version Version
		mode    ChecksumMode
		heard   ChecksumForm
		want    ChecksumForm
	}{
		{V3, ChecksumAuto, before, pseudo},
		{V3, ChecksumAuto, message, message},
		{V3, ChecksumAuto, pseudo, pseudo},
		{V3, ChecksumRFC5798, before, pseudo},
		{V3, ChecksumRFC5798, message, pseudo},
		{V3, ChecksumRFC9568, before, message},
		{V3, ChecksumRFC9568, pseudo, message},
		{V2, ChecksumAuto, before, message},
		{V2, ChecksumAuto, message, message},
	} {
		cfg := base(tt.version, func(c *Config) { c.Checksum = tt.mode })
		r := master(cfg)
		r.Message(100)
		if tt.heard != before {
			a := new(Advertisement)
			Decode(a, packet(&cfg, lower, 50, tt.heard), IPv4, 0)
			step(r, sec/2, Event{Kind: EventAdvert, Advert: a})
		}
		var got Advertisement
		if drop := Decode(&got, Packet{Src: self, Dst: GroupIPv4, TTL: TTL, Payload: r.Message(100)}, IPv4, 0); drop != DropNone {
			t.Errorf("%v, %v, heard %v: %v", tt.version, tt.mode, tt.heard, drop)
		}
		if got.Form != tt.want {
			t.Errorf("%v, %v, heard %v: sends %v, want %v", tt.version, tt.mode, tt.heard, got.Form, tt.want)
		}
		if s := r.Status(); s.PeerFormKnown != (tt.heard != before && tt.version == V3) {
			t.Errorf("%v, %v, heard %v: peer form known is %t", tt.version, tt.mode, tt.heard, s.PeerFormKnown)
		}
	}
}

// TestMessageIsNotOverwritten checks that a message that is being sent does not change.
func TestMessageIsNotOverwritten(t *testing.T) {
	r := master(base(V3))
	first := r.Message(100)
	want := append([]byte(nil), first...)
	cfg := base(V3, func(c *Config) { c.Priority, c.Addresses = 7, append(c.Addresses[:1:1], higher) })
	step(r, sec/2, Event{Kind: EventConfigure, Config: &cfg})
	r.Message(7)
	r.Message(0)
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("message changed (-want +got):\n%s", diff)
	}
}

func TestStatus(t *testing.T) {
	r := backup(base(V3))
	step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), higher, 200)})
	want := Status{
		State: Backup, Since: epoch, Cause: CauseStartup, Priority: 100, Local: Local{Primary: self},
		MasterAddr: higher, MasterPriority: 200, LastHeard: at(sec),
		MasterAdverInterval: sec, SkewTime: skew100, MasterDownInterval: down100,
		MasterDownAt: at(sec + down100), PeerForm: FormPseudoHeader, PeerFormKnown: true,
	}
	if diff := cmp.Diff(want, r.Status(), compareAddr); diff != "" {
		t.Errorf("Backup (-want +got):\n%s", diff)
	}

	step(r, sec+down100, Event{Kind: EventTimer})
	step(r, 6*sec, Event{Kind: EventInstalled})
	want.State, want.Since, want.Cause = Master, at(sec+down100), CauseMasterDown
	want.MasterAddr, want.MasterPriority, want.LastHeard = self, 100, at(sec+down100)
	want.MasterDownAt, want.NextAdvertAt, want.Installed = time.Time{}, at(2*sec+down100), true
	if diff := cmp.Diff(want, r.Status(), compareAddr); diff != "" {
		t.Errorf("Master (-want +got):\n%s", diff)
	}
}
