// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someCommands = `! saved on r9
configure terminal
hostname r9
interface eth0
 vrrp 7
  vip 10.0.0.7
  auth rfc2338-simple secret hunter7
  exit
 exit
ip route 10.9.0.0/16 10.0.0.9
end
`

// typing is a terminal whose user types the lines of a text, and Ctrl-D.
func typing(text string) *display {
	return answering(strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
}

// TestLoadCommands loads configurations as commands: a file, and what a user types.
func TestLoadCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r9.conf")
	if err := os.WriteFile(file, []byte(someCommands), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		line, text string
		gone       bool // what was there before
	}{
		{"load merge " + file, "", false},
		{"load replace " + file, "", true},
		{"load override " + file, "", true},
		{"merge " + file, "", false},
		{"load merge terminal", someCommands, false},
		{"load replace terminal", someCommands, true},
		{"load merge terminal", "# TOML\nhostname = \"r9\"\n[[vrouter]]\ngroup = 7\ninterface = \"eth0\"\nvip = \"10.0.0.7\"\n", false},
		{"load replace terminal", `{"hostname": "r9", "vrouter": [{"group": 7, "interface": "eth0", "vip": "10.0.0.7"}]}`, true},
	} {
		env, _ := newEnv(t, sampleFile)
		s := newSession(t, env, admin)
		must(t, s, "configure", "interface eth0 vrrp 1")
		out := typing(tt.text)
		if status := s.Execute(t.Context(), tt.line, out.io(80)); status != Done {
			t.Errorf("%s: %s", tt.line, out)
			continue
		}
		shown := must(t, s, "show candidate-config")
		if !strings.Contains(shown, "hostname r9") || !strings.Contains(shown, "vip 10.0.0.7") || strings.Contains(shown, "10.0.0.102") == tt.gone {
			t.Errorf("%s:\n%s", tt.line, shown)
		}
		must(t, s, "commit and-quit")
		if p := s.Prompt(); p != "r9# " {
			t.Errorf("%s: prompt %q after the commit", tt.line, p)
		}
	}
}

// TestLoadNothingWrong loads texts with a mistake: the error names the place without the secret, and the candidate stays.
func TestLoadNothingWrong(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"interface eth0\n vrrp 1\n  priority 300\n", "terminal, line 3: priority 300 Invalid input in column 10. Priority must be 1-254"},
		{"hostname r9\nvrpp 1\n", "line 2"},
		{"interface eth0\n vrrp 1\n  auth rfc2339-simple secret hunter7\n", "line 3: auth *"},
		{"interface eth0 vrrp 1\nauth rfc2338-simple secret\n", "The secret is missing"},
		{"hostname r9\nshow vrrp\n", "Only settings can be loaded"},
		{"hostname r9\ndo configure\n", "Only settings can be loaded"},
		{"hostname r9\ncommit\n", "Only settings can be loaded"},
		{"hostname r9 | count\n", "pipe"},
		{"hostname = 5\n", "hostname"},
		{strings.Repeat("! "+strings.Repeat("x", 1000)+"\n", 1100), "more than 1024 KiB"},
	} {
		env, _ := newEnv(t, sampleFile)
		s := newSession(t, env, admin)
		must(t, s, "configure")
		out := typing(tt.text)
		status := s.Execute(t.Context(), "load merge terminal", out.io(0))
		said := strings.Join(strings.Fields(out.String()), " ")
		if status == Done || !strings.Contains(said, tt.want) || strings.Contains(said, "hunter") {
			t.Errorf("%.40q: status %d: %s", tt.text, status, said)
		}
		if s.changed() {
			t.Errorf("%.40q: the candidate has changed", tt.text)
		}
	}
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure")
	out := &display{answer: func(string) (string, error) { return "", errors.New("interrupted") }}
	if status := s.Execute(t.Context(), "load merge terminal", out.io(0)); status != Failed || s.changed() {
		t.Errorf("interrupted: status %d\n%s", status, out)
	}
	if said, status := run(t, s, "load merge terminal"); status != Failed || !strings.Contains(said, "script") {
		t.Errorf("in a script: status %d\n%s", status, said)
	}
}
