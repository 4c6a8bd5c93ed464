// SPDX-License-Identifier: GPL-3.0-only

package commands_test

import (
	"strings"
	"testing"

	"vrrpsh/conf"
)

// TestLogHostCommands types log hosts and removes them.
func TestLogHostCommands(t *testing.T) {
	e := newEditor(t, "")
	for _, line := range []string{
		"logging host 10.0.0.9", "logging host 10.0.0.9", "logging host 10.0.0.9 transport tcp", "logging host 10.0.0.9 port 515 transport tls",
		"logging host log.example port 1514",
	} {
		e.must(line)
	}
	is := func(want string) {
		t.Helper()
		if got := strings.Join(conf.LogHosts.Value(e.draft.File()), " "); got != want {
			t.Errorf("log hosts %q, want %q", got, want)
		}
	}
	is("udp://10.0.0.9:514 tcp://10.0.0.9:514 tls://10.0.0.9:515 udp://log.example:1514")
	e.must("no logging host 10.0.0.9 transport tcp")
	is("udp://10.0.0.9:514 tls://10.0.0.9:515 udp://log.example:1514")
	e.must("no logging host 10.0.0.9")
	is("udp://log.example:1514")
	if err := e.edit("no logging host 10.0.0.9"); err == nil {
		t.Error("a host was removed that is not there")
	}
	e.must("no logging host")
	is("")
}
