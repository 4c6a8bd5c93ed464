// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"
	"testing"
)

// TestListenersAreOpenedOnPurpose: a user, a secret or a certificate opens no listener, and a commit check names the listener that a
// commit will open.
func TestListenersAreOpenedOnPurpose(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		opens string // "" for none
	}{
		{[]string{"api user bob level 3 password x"}, ""},
		{[]string{"api secret 0123456789abcdef"}, ""},
		{[]string{"api tls-key /k.pem"}, ""},
		{[]string{"api user bob level 3 password x", "api enable"}, "HTTP API on 0.0.0.0:7080, without TLS"},
		{[]string{"api enable", "api user bob level 3 password x"}, "HTTP API on 0.0.0.0:7080, without TLS"},
		{[]string{"api user bob level 3 password x", "api host 192.0.2.1:80"}, "HTTP API on 192.0.2.1:80, without TLS"},
		{[]string{"api host 192.0.2.1:80", "api tls"}, "HTTPS API on 192.0.2.1:80"},
		{[]string{"api host 192.0.2.1:80", "client-api disabled"}, ""},
		{[]string{"ssh listen [::]:22"}, "SSH server on [::]:22"},
	} {
		env, _ := newEnv(t, "")
		s := newSession(t, env, admin)
		must(t, s, append([]string{"configure"}, tc.lines...)...)
		for command, want := range map[string]string{"show changes": "! opens a listener: ", "commit check": "Opens a listener: "} {
			out := must(t, s, command)
			if tc.opens == "" && strings.Contains(out, "listener") || tc.opens != "" && !strings.Contains(out, want+tc.opens+"\n") {
				t.Errorf("%q: %s, want %q:\n%s", tc.lines, command, tc.opens, out)
			}
		}
		if json := must(t, s, "commit check | json"); strings.Contains(json, `"listeners"`) != (tc.opens != "") {
			t.Errorf("%q as JSON:\n%s", tc.lines, json)
		}
		must(t, s, "commit")
		if got := env.Manager.Running().Config.API.Enabled; got != strings.Contains(tc.opens, "API") {
			t.Errorf("%q: the API listens: %t", tc.lines, got)
		}
		if out := must(t, s, "show changes"); strings.Contains(out, "listener") {
			t.Errorf("%q: after the commit\n%s", tc.lines, out)
		}
	}
}

// TestListenersAreOpenedByOneSetting: the listener was configured before, but switched off.
func TestListenersAreOpenedByOneSetting(t *testing.T) {
	env, _ := newEnv(t, "client_api = \"disabled\"\n[api]\nhost = \"192.0.2.1:80\"\n")
	s := newSession(t, env, admin)
	if out := must(t, s, "configure", "hostname x", "show changes", "commit check"); strings.Contains(out, "listener") {
		t.Errorf("another setting:\n%s", out)
	}
	const opens = "opens a listener: HTTP API on 192.0.2.1:80, without TLS\n"
	if out := must(t, s, "client-api http", "show changes"); !strings.Contains(out, opens) {
		t.Errorf("switched on:\n%s", out)
	}
}
