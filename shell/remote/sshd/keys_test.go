// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"crypto/ed25519"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// authorize returns the line for the key in a keys file.
func authorize(key ssh.Signer) string { return string(ssh.MarshalAuthorizedKey(key.PublicKey())) }

func TestFindKey(t *testing.T) {
	mine, other := newKey(t), newKey(t)
	line, otherLine := authorize(mine), authorize(other)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, file string
		want       grant
		err        string
	}{
		{"plain", line, grant{}, ""},
		{"among others", "# a comment\n\nnonsense\n" + otherLine + "  " + strings.TrimSpace(line) + " me@home\r\n", grant{}, ""},
		{"not there", otherLine, grant{}, "not authorized"},
		{"empty", "", grant{}, "not authorized"},
		{"commented out", "#" + line, grant{}, "not authorized"},
		{"restrict", "restrict " + line, grant{noPTY: true}, ""},
		{"restrict, pty", "restrict,pty " + line, grant{}, ""},
		{"no-pty", "no-port-forwarding,No-PTY,no-agent-forwarding " + line, grant{noPTY: true}, ""},
		{"command", `command="show vrrp | include \"a,b\"" ` + line, grant{forced: true, command: `show vrrp | include "a,b"`}, ""},
		{"two commands", `command="a",command="b" ` + line, grant{}, `"command" occurs twice`},
		{"command without value", `command ` + line, grant{}, "no value in quotes"},
		{"touch", "no-touch-required " + line, grant{noTouch: true}, ""},
		{"from here", `from="192.0.2.0/24" ` + line, grant{}, ""},
		{"from this address", `from="10.0.0.1,192.0.2.7" ` + line, grant{}, ""},
		{"from a pattern", `from="192.?.*.7" ` + line, grant{}, ""},
		{"from elsewhere", `from="198.51.100.0/24,2001:db8::/32" ` + line, grant{}, "not from this address"},
		{"not from here", `from="192.0.2.0/24,!192.0.2.7" ` + line, grant{}, "not from this address"},
		{"from a name", `from="host.example" ` + line, grant{}, "not from this address"},
		{"from no network", `from="192.0.2.7/24" ` + line, grant{}, "is not a network"},
		{"from twice", `from="*",from="*" ` + line, grant{}, "twice"},
		{"expired", `expiry-time="20260501" ` + line, grant{}, "expired"},
		{"expired in UTC", `expiry-time="202605011200Z" ` + line, grant{}, "expired"},
		{"expires soon", `expiry-time="20260501120001Z" ` + line, grant{}, ""},
		{"expires earlier", `expiry-time="20270101",expiry-time="20250101" ` + line, grant{}, "expired"},
		{"expires never", `expiry-time="tomorrow" ` + line, grant{}, "is not a time"},
		{"authority", "cert-authority " + line, grant{}, `"cert-authority" is not supported`},
		{"environment", `environment="A=b" ` + line, grant{}, "not supported"},
		{"unknown", "verify-required " + line, grant{}, "not supported"},
		{"a later line permits", "unknown-option " + line + line, grant{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := findKey([]byte(tt.file), mine.PublicKey(), netip.MustParseAddr("::ffff:192.0.2.7"), now)
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
			case err != nil:
				t.Error(err)
			case got.noPTY != tt.want.noPTY || got.forced != tt.want.forced || got.command != tt.want.command || got.noTouch != tt.want.noTouch:
				t.Errorf("%+v, want %+v", *got, tt.want)
			}
		})
	}
}

func FuzzFindKey(f *testing.F) {
	f.Add([]byte(`from="a",command="b\"c",expiry-time="20260101" ssh-ed25519 AAAA x`))
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		f.Fatal(err)
	}
	own := append([]byte(" "), ssh.MarshalAuthorizedKey(key.PublicKey())...)
	f.Fuzz(func(t *testing.T, file []byte) {
		if g, err := findKey(file, key.PublicKey(), netip.MustParseAddr("::1"), time.Now()); err == nil {
			t.Errorf("another user's file was accepted: %+v", g)
		}
		// The file in front of the key itself are its options.
		_, _ = findKey(append(slices.Clone(file), own...), key.PublicKey(), netip.MustParseAddr("::1"), time.Now())
	})
}

func TestWildcard(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
		{"?", "", false}, {"?bc", "abc", true}, {"*b*", "abc", true}, {"a**c", "ac", true}, {"abc", "ab", false},
	} {
		if got := wildcard(tt.pattern, tt.s); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.s, got)
		}
	}
}

// TestKeysFileIsTheUsers checks that a keys file is used only if other users cannot have written
// it.
func TestKeysFileIsTheUsers(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(dir, file string) error
		err  string
	}{
		{"as it should be", func(string, string) error { return nil }, ""},
		{"file that the group can write", func(_, f string) error { return os.Chmod(f, 0o660) }, "can be written by others"},
		{"file that all can write", func(_, f string) error { return os.Chmod(f, 0o606) }, "can be written by others"},
		{"directory that all can write", func(d, _ string) error { return os.Chmod(d, 0o777) }, "can be written by others"},
		{"file of another user", func(_, f string) error { return os.Chown(f, 54321, 0) }, "belongs to another user"},
		{"directory of another user", func(d, _ string) error { return os.Chown(d, 54321, 0) }, "belongs to another user"},
		{"large", func(_, f string) error { return os.Truncate(f, maxKeysFile+1) }, "larger"},
		{"missing", func(_, f string) error { return os.Remove(f) }, "no such file"},
		{"through a link", func(d, f string) error {
			if err := os.Rename(f, f+".real"); err != nil {
				return err
			}
			return os.Symlink(f+".real", f)
		}, ""},
		{"through a link to a directory that all can write", func(d, f string) error {
			if err := os.Rename(f, f+".real"); err != nil {
				return err
			}
			if err := os.Chmod(f+".real", 0o666); err != nil {
				return err
			}
			return os.Symlink(f+".real", f)
		}, "can be written by others"},
		{"a directory", func(d, f string) error {
			if err := os.Remove(f); err != nil {
				return err
			}
			return os.Mkdir(f, 0o755)
		}, "not a file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if os.Getuid() != 0 && strings.Contains(tt.name, "somebody else") {
				t.Skip("only root can give files away")
			}
			dir := filepath.Join(t.TempDir(), "keys")
			file := filepath.Join(dir, "alice")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("data"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := tt.make(dir, file); err != nil {
				t.Fatal(err)
			}
			data, err := readKeys(file, "alice")
			if tt.err == "" && (err != nil || string(data) != "data") || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%q, %v, want error %q", data, err, tt.err)
			}
		})
	}
}

func TestHostKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "key")
	first, err := hostKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	again, err := hostKey(path)
	if err != nil || string(again.PublicKey().Marshal()) != string(first.PublicKey().Marshal()) {
		t.Errorf("another key at the second start: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(path); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("a key that the group can read: %v", err)
	}
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(path); err == nil {
		t.Error("junk was accepted as a key")
	}
	if data, _ := os.ReadFile(path); string(data) != "junk" {
		t.Error("a broken key was replaced")
	}
}
