// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestBanner checks that clients see the banner before the login.
func TestBanner(t *testing.T) {
	r := newRouter(t, nil)
	said := func(password string) string {
		t.Helper()
		var said string
		c, err := ssh.Dial("tcp", r.addr, &ssh.ClientConfig{
			User: "bob", Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: deadline,
			BannerCallback: func(text string) error { said += text; return nil },
		})
		if err == nil {
			_ = c.Close()
		}
		return said
	}
	if got := said("banana"); got != "" {
		t.Errorf("without a banner: %q", got)
	}
	change := *r.config.Load()
	change.General.Banner = []string{"Authorised users only.", "All is logged."}
	r.config.Store(&change)
	for _, password := range []string{"banana", "wrong"} {
		if got := said(password); got != "Authorised users only.\r\nAll is logged.\r\n" {
			t.Errorf("%s: %q", password, got)
		}
	}
}
