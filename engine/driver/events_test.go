// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"bytes"
	"log/slog"
	"testing"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Events above the limit are not logged, and do not count as missing.
func TestQuietEventsAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	j := newRecords(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: noTime})))
	key := engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: 51}
	events := make(chan engine.Event, 3)
	events <- engine.Event{Seq: 1, Kind: engine.EventConfig, Text: "applied"}
	events <- engine.Event{Seq: 2, Kind: engine.EventTransition, Key: key, To: vrrp.Master, Quiet: true}
	events <- engine.Event{Seq: 3, Kind: engine.EventFlaps, Key: key, From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.CauseMasterDown, Untold: 600}
	close(events)
	j.run(events)
	want := `level=INFO msg=applied
level=INFO msg="became Master" interface=eth0 family=IPv4 group=51 from=Backup to=Master cause="master down timer expired" transitions_untold=600
`
	if out.String() != want {
		t.Errorf("logged:\n%s\nwant:\n%s", out.String(), want)
	}
}
