// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"fmt"
	"testing"
)

// TestNames pins the names that show, the logs and the API print, and checks that an
// unknown value has a name too.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		value fmt.Stringer
		want  string
	}{
		{IPv4, "IPv4"}, {IPv6, "IPv6"}, {Family(5), "Family(5)"},
		{V2, "VRRPv2"}, {V3, "VRRPv3"}, {Version(4), "Version(4)"},
		{Initialize, "Init"}, {Backup, "Backup"}, {Master, "Master"}, {State(9), "State(9)"},
		{AuthNone, "none"}, {AuthSimple, "rfc2338-simple"},
		{AuthP0, "p0-t8-sha256"}, {AuthP1, "p1-t8-shake256"}, {AuthAH, "ah"}, {AuthCiscoMD5, "cisco-md5"}, {AuthType(3), "AuthType(3)"},
		{ChecksumAuto, "auto"}, {ChecksumRFC5798, "rfc5798"}, {ChecksumRFC9568, "rfc9568"},
		{ChecksumMode(9), "ChecksumMode(9)"},
		{FormMessage, "message"}, {FormPseudoHeader, "pseudo-header"}, {ChecksumForm(9), "ChecksumForm(9)"},
		{EventUp, "up"}, {EventDown, "down"}, {EventAdvert, "advert"}, {EventTimer, "timer"},
		{EventInstalled, "installed"}, {EventRefused, "refused"}, {EventResign, "resign"},
		{EventConfigure, "configure"}, {EventUnsent, "unsent"}, {EventSent, "sent"}, {EventKind(99), "EventKind(99)"},
		{ActionSend, "send"}, {ActionInstall, "install"}, {ActionWithdraw, "withdraw"},
		{ActionAnnounce, "announce"}, {ActionTransition, "transition"}, {ActionKind(99), "ActionKind(99)"},
		{DropNone, "none"}, {DropTTL, "ttl"}, {DropAuthType, "auth-type"}, {DropAddressList, "address-list"},
		{DropCARP, "carp"}, {DropNoAddresses, "no-addresses"},
		{DropReason(99), "DropReason(99)"},
		{CauseNone, "none"}, {CauseReconfigured, "reconfigured"}, {Cause(99), "Cause(99)"},
	} {
		if got := tt.value.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
