// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vrrpsh/conf"
	"vrrpsh/platform/journal"
)

const joe = "{{SHA256}}joe:5:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695"

// TestSecretsForABackup restores what an administrator saved, and looks for the record of that.
func TestSecretsForABackup(t *testing.T) {
	const file = sampleFile + "[api]\nsecret = \"topsecret-topsecret\"\nusers = [\"" + joe + "\"]\n"
	env, _ := newEnv(t, file)
	env.Journal = journal.New(nil)
	env.Log = env.Journal.Logger()
	s := newSession(t, env, admin)
	for _, form := range []string{"", " toml", " json"} {
		backup := must(t, s, "show running-config secrets"+form)
		if strings.Contains(backup, conf.Mask) || !strings.Contains(backup, "hunter2") {
			t.Errorf("%s\n%s", form, backup)
		}
		other, _ := newEnv(t, "")
		o := newSession(t, other, admin)
		must(t, o, "configure")
		name := filepath.Join(t.TempDir(), "backup")
		if form != "" {
			name += "." + strings.TrimSpace(form)
		}
		if err := os.WriteFile(name, []byte(backup), 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, o, "load replace "+name, "commit")
		if a, b := env.Manager.Running().Config, other.Manager.Running().Config; len(a.Engine.Routers) != len(b.Engine.Routers) ||
			a.API.Secret != b.API.Secret || string(a.API.Users[0].Fingerprint()) != string(b.API.Users[0].Fingerprint()) {
			t.Errorf("%s: the restored configuration differs:\n%s", form, backup)
		}
	}
	seen := 0
	for _, e := range env.Journal.Last(0) {
		if strings.Contains(e.Message, "secrets") && strings.Contains(e.Attrs, "user=admin") {
			seen++
		}
		if strings.Contains(e.Message+e.Attrs, "hunter2") {
			t.Errorf("the log has a secret: %s %s", e.Message, e.Attrs)
		}
	}
	if seen != 3 {
		t.Errorf("%d records, want 3", seen)
	}
	for _, u := range []User{viewer, {Name: "op", Level: 8}} {
		if out, status := run(t, newSession(t, env, u), "show running-config secrets"); status != Failed || strings.Contains(out, "hunter") {
			t.Errorf("%s: status %d\n%s", u.Name, status, out)
		}
	}
	if out, status := run(t, s, "show running-config secrets | json"); status != Failed {
		t.Errorf("as JSON data: %s", out)
	}
}

// TestOwnPassword changes a user's own password.
func TestOwnPassword(t *testing.T) {
	line, err := conf.HashPassword("ann", conf.Viewer, "old password", conf.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	env, _ := newEnv(t, sampleFile+"[api]\nusers = [\""+joe+"\", \""+line+"\"]\n")
	env.CheckPassword = func(_ context.Context, source, user, password string) error {
		if source != "10.0.0.7" {
			t.Errorf("from %s", source)
		}
		for _, u := range env.Manager.Running().Config.API.Users {
			if u.Name == user && u.Verify(password) {
				return nil
			}
		}
		return errors.New("wrong password")
	}
	of := func(name string) conf.User {
		for _, u := range env.Manager.Running().Config.API.Users {
			if u.Name == name {
				return u
			}
		}
		t.Fatalf("%s has gone", name)
		return conf.User{}
	}
	open := func() *Session {
		u := of("ann")
		return newSession(t, env, User{Name: "ann", Level: conf.Viewer, Source: "ssh 10.0.0.7", Valid: u.In})
	}
	s, other := open(), open()
	change := func(s *Session, answers ...string) (string, Status) {
		out := answering(answers...)
		status := s.Execute(t.Context(), "password", out.io(0))
		return out.String(), status
	}
	for _, tt := range []struct {
		want    string
		answers []string
	}{
		{"Wrong password", []string{"guess"}},
		{"differ", []string{"old password", "n3w passw0rd", "n3w passw0rt"}},
		{"shorter than 8", []string{"old password", "short", "short"}},
		{"is the old one", []string{"old password", "old password", "old password"}},
		{"", []string{"old password", "n3w passw0rd"}},
	} {
		if out, status := change(s, tt.answers...); status != Failed || !strings.Contains(out, tt.want) || strings.Contains(out, "n3w") {
			t.Errorf("%q: status %d: %s", tt.answers, status, out)
		}
	}
	if !of("ann").Verify("old password") {
		t.Fatal("the password has changed")
	}
	a := newSession(t, env, admin)
	must(t, a, "configure exclusive")
	if out, status := change(s, "old password", "n3w passw0rd", "n3w passw0rd"); status != Locked {
		t.Errorf("locked: status %d: %s", status, out)
	}
	must(t, a, "hostname r2", "commit confirmed 5", "end")
	if out, status := change(s, "old password", "n3w passw0rd", "n3w passw0rd"); status != Failed || !strings.Contains(out, "waiting for its confirmation") {
		t.Errorf("a commit waits: status %d: %s", status, out)
	}
	must(t, a, "confirm")
	if out, status := change(s, "old password", "n3w passw0rd", "n3w passw0rd"); status != Done {
		t.Fatalf("status %d: %s", status, out)
	}
	if u := of("ann"); !u.Verify("n3w passw0rd") || u.Level != conf.Viewer || !of("joe").Verify("") && of("joe").Level != 5 {
		t.Errorf("users %v, %v", u, of("joe"))
	}
	for range other.Notices() { // until the other session ends
		continue
	}
	if out := must(t, s, "show version"); out == "" {
		t.Error("the session that changed the password has ended")
	}
	if c := env.Manager.History()[0]; c.User != "ann" || c.Comment != "password of ann" {
		t.Errorf("the commit: %s, %s", c.User, c.Comment)
	}
	if out, status := change(s, "n3w passw0rd", "next password", "next password"); status != Done {
		t.Errorf("again: status %d: %s", status, out)
	}
	for _, u := range []User{{Name: "root", Level: conf.Administrator}, viewer} {
		if out, status := change(newSession(t, env, u)); status != Failed || !strings.Contains(out, "is no user of the configuration") {
			t.Errorf("%s: status %d: %s", u.Name, status, out)
		}
	}
	if out, status := run(t, s, "password"); status != Failed || !strings.Contains(out, "cannot prompt") {
		t.Errorf("in a script: status %d: %s", status, out)
	}
}

// TestCopyAndRename copies and renames virtual routers.
func TestCopyAndRename(t *testing.T) {
	const file = sampleFile + `
[[protocols.static]]
route = "10.50.0.0"
mask = "255.255.0.0"
nh = "10.0.0.9"
interface = "eth0"
group = 1
`
	for _, tt := range []struct {
		where, line     string
		want, gone, now string
	}{
		{"", "copy interface eth0 to eth1", "interface eth1 vrrp 1", "", "top"},
		{"", "copy interfaces eth0 to eth1", "interface eth1 vrrp 1", "", "top"},
		{"", "rename interface eth0 to eth1", "interface eth1 vrrp 1", "interface eth0", "top"},
		{"interface eth0", "rename interface eth0 to eth1", "interface eth1 vrrp 1", "interface eth0", "interface eth1"},
		{"", "copy interface eth0 vrrp 1 to vrrp 7", "vrrp 7 version 3 vip 10.0.0.100/24", "", "top"},
		{"", "copy interface eth0 vrrp 1 to interface eth1 vrrp 7", "interface eth1 vrrp 7 version 3 vip 10.0.0.100/24", "", "top"},
		{"interface eth0", "copy vrrp 1 to vrrp 7", "vrrp 7 version 3 vip 10.0.0.100/24", "", "interface eth0"},
		{"interface eth0", "rename vrrp 1 to vrrp 7", "vrrp 7 version 3 vip 10.0.0.100/24", "vrrp 1", "interface eth0"},
		{"interface eth0 vrrp 1", "rename vrrp 1 to vrrp 7", "interface eth0 group 7", "vrrp 1", "interface eth0 vrrp 7"},
		{"interface eth0", "rename vrrp 1 to interface eth1 vrrp 7", "interface eth1 group 7", "vrrp 1", "interface eth0"},
	} {
		env, _ := newEnv(t, file)
		s := newSession(t, env, admin)
		must(t, s, "configure")
		if tt.where != "" {
			must(t, s, tt.where)
		}
		out, status := run(t, s, tt.line)
		if status != Done {
			t.Errorf("%s: status %d: %s", tt.line, status, out)
			continue
		}
		shown := " " + strings.Join(strings.Fields(must(t, s, "show candidate-config")), " ") + " "
		if !strings.Contains(shown, " "+tt.want+" ") || tt.gone != "" && strings.Contains(shown, " "+tt.gone+" ") {
			t.Errorf("%s:\n%s", tt.line, shown)
		}
		if place := strings.TrimSpace(must(t, s, "pwd")); place != tt.now {
			t.Errorf("%s: now at %q, want %q", tt.line, place, tt.now)
		}
		must(t, s, "show")
		if tt.gone != "" {
			must(t, s, "commit check")
		}
	}
	env, _ := newEnv(t, file)
	s := newSession(t, env, admin)
	must(t, s, "configure")
	for line, want := range map[string]string{
		"copy interface eth1 to eth2":                "No virtual router is configured on eth1",
		"copy interface eth0 to eth0":                "is configured already",
		"rename interface eth0 vrrp 1 to vrrp 2":     "is configured already",
		"copy interface eth0 vrrp 9 to vrrp 10":      "is not configured",
		"copy interface eth0 vrrp 1 ipv6 to vrrp 10": "is not configured",
	} {
		if out, status := run(t, s, line); status != Failed || !strings.Contains(out, want) || s.changed() {
			t.Errorf("%s: status %d: %s", line, status, out)
		}
	}
}
