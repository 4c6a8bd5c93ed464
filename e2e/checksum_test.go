// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestChecksumFollowsThePeer checks that checksum = "auto" uses the same form of the checksum as the peer, and
// that show commands name the form.
func TestChecksumFollowsThePeer(t *testing.T) {
	rfc9568 := fast
	rfc9568.Extra = "checksum = \"rfc9568\"\n"
	for _, tc := range []struct {
		name   string
		group  lab.Group
		new    func(l *lab.Lab, n *lab.Namespace, g lab.Group) lab.Router
		pseudo bool
		shown  string
	}{
		{"keepalived", fast, (*lab.Lab).Keepalived, true, "checksum auto (the peer's covers the message and a pseudo-header)"},
		{"RFC 9568", rfc9568, another, false, "checksum auto (the peer's covers the message only)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 2)
			wire := l.Capture()
			r1, peer := l.Vrrpsh(bin, l.Routers[0], fast), tc.new(l, l.Routers[1], tc.group)
			peer.SetPriority(150)
			start := time.Now()
			peer.Start()
			wire.WaitMaster("r2", start, patience)
			r1.Start()
			r1.WaitState("Backup", patience)
			lab.Until(t, patience, "r1 shows the peer's checksum", func() error {
				if !strings.Contains(r1.Show("show", "vrrp"), tc.shown) {
					return errNotYet
				}
				return nil
			})
			start = time.Now()
			r1.SetPriority(200)
			wire.WaitMaster("r1", start, patience)
			for _, port := range []string{"r2", "r1"} {
				for _, f := range wire.Frames(port, time.Time{}) {
					if pseudo, ok := lab.CoversPseudoHeader(f); ok && pseudo != tc.pseudo {
						t.Fatalf("%s computes its checksum with a pseudo-header: %t", port, pseudo)
					}
				}
			}
			// The peer accepts it: only one Master remains.
			r1.WaitState("Master", patience)
			since := time.Now()
			for range 3 {
				wire.WaitMaster("r1", time.Now(), patience)
			}
			if n := len(wire.Adverts("r2", since.Add(fast.Interval))); n > 0 {
				t.Errorf("the peer still advertises: %d adverts", n)
			}
		})
	}
}
