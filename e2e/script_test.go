// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"os"
	"strings"
	"testing"

	"vrrpsh/e2e/lab"
)

// TestScripting checks what scripts rely on: the exit statuses, only data on standard output, where a
// script stops, and the effect of bad input.
func TestScripting(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	v := l.VrrpshFile(bin, l.Routers[0], fast.Table(200))
	if r := v.Exec("", "show", "vrrp"); r.Status != 5 || r.Stdout != "" || r.Stderr == "" {
		t.Errorf("without a router: %+v, want status 5", r)
	}
	v.Start()
	v.WaitReady()
	v.WaitState("Master", patience)
	file := l.File("commands", "! a comment\n\nshow version\n# another\nshow clock\n")

	for _, tt := range []struct {
		name, input string
		args        []string
		status      int
		out, err    string // text that it contains; "" for no output at all
	}{
		{"arguments", "", []string{"show", "vrrp", "brief"}, 0, "MASTER", ""},
		{"one argument", "", []string{"show vrrp brief | include MASTER | count"}, 0, "1", ""},
		{"a pipe in arguments", "", []string{"show", "vrrp", "brief", "|", "include", "BACKUP"}, 0, "", ""},
		{"a file", "", []string{"-f", file}, 0, "UTC", ""},
		{"a missing file", "", []string{"-f", file + "-"}, 1, "", "no such file"},
		{"standard input", "show vrrp brief\nshow clock\n", nil, 0, "MASTER", ""},
		{"no end of line", "show vrrp brief", nil, 0, "MASTER", ""},
		{"nothing", "", nil, 0, "", ""},
		{"unknown word", "", []string{"show", "vrpp"}, 2, "", "Did you mean: vrrp"},
		{"the first failure ends it", "show vrpp\nshow vrrp brief\n", nil, 2, "", "Invalid input"},
		{"or not", "show vrpp\nshow vrrp brief\n", []string{"--keep-going"}, 2, "MASTER", "Invalid input"},
		{"a command that fails", "", []string{"vrrp resign interface eth9 group 9"}, 1, "", "not configured"},
		{"a commit that is rejected", "configure\ninterface eth0 vrrp 9 priority 9\ncommit\n", nil, 3, "", "vip"},
		{"changes left behind", "configure\nhostname other\n", nil, 1, "", "ncommitted"},
		{"a control character", "show \x07version\n", nil, 2, "", "^"},
		{"not UTF-8", "show \xffversion\n", nil, 2, "", "Invalid input"},
		{"a line of a megabyte", "show " + strings.Repeat("x", 1<<20) + "\n", nil, 2, "", "long"},
		{"and on", "", []string{"show", "vrrp", "brief"}, 0, "MASTER", ""},
	} {
		r := v.Exec(tt.input, tt.args...)
		if r.Status != tt.status || !says(r.Stdout, tt.out) || !says(r.Stderr, tt.err) {
			t.Errorf("%s: exit status %d, output %.200q, errors %.300q; want %d, %q, %q",
				tt.name, r.Status, r.Stdout, r.Stderr, tt.status, tt.out, tt.err)
		}
	}

	// A file changed by another program is not overwritten.
	if err := os.WriteFile(v.Config, []byte(v.ConfigText()+"# by hand\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := v.Exec("configure\nhostname other\ncommit\n"); r.Status != 4 || !strings.Contains(r.Stderr, "was changed") {
		t.Errorf("a file changed by hand: %+v, want status 4", r)
	}

	// A reader that closes the pipe early causes no error message.
	out := l.Routers[0].Run("sh", "-c", bin+" -s "+v.Socket+" exec show running-config 2>&1 | head -n 1")
	if strings.Count(out, "\n") != 1 || strings.Contains(out, "pipe") {
		t.Errorf("into head: %q", out)
	}
}

// says reports whether a text contains want, or is empty if want is.
func says(text, want string) bool {
	if want == "" {
		return text == ""
	}
	return strings.Contains(text, want)
}
