// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vrrpsh/e2e/lab"
)

// showCommands matches the show commands of the reference, without optional words.
var showCommands = regexp.MustCompile("(?m)^### `(show [^\\[<`]*)(\\[[a-z|]*\\])?")

// TestSecretsAreNotTold runs a router with secrets in its configuration and the highest log level, enters faulty
// commands, and searches all output and all files that other users may read for the secrets.
func TestSecretsAreNotTold(t *testing.T) {
	parallel(t)
	const word, key, password, other = "hushHUSH", "a-key-that-nobody-knows", "a-password-that-nobody-knows", "mumMUMmu"
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	g := lab.Group{VRID: vrid, Version: 2, Interval: 1e9, Secret: word}
	line := strings.TrimSpace(r1.Run(bin, "passwd", "-a", "sha256", "--level", "9", "admin", password))
	hash := line[strings.LastIndexByte(line, ':')+1:]
	v := l.VrrpshFile(bin, r1, fmt.Sprintf("[api]\nhost = \"127.0.0.1:7080\"\nsecret = %q\nusers = [%q]\n", key, line)+g.Table(200))
	l.File(filepath.Base(v.Config), strings.Replace(v.ConfigText(), "debug = 3", "debug = 5", 1))
	sniffer := l.Start(l.Host, "sniffer", bin, "-m0", "-i", "eth0", "--json")
	v.Start()
	v.WaitState("Master", patience)

	var said strings.Builder
	say := func(what, text string) { fmt.Fprintf(&said, "\n--- %s:\n%s", what, text) }
	exec := func(input string, args ...string) {
		t.Helper()
		r := v.Exec(input, args...)
		say(strings.Join(args, " "), r.Stdout+r.Stderr)
	}
	// Correct and faulty commands; the changes stay in the candidate.
	exec("configure\ninterface eth0 vrrp 51 auth secret " + other + "\nshow changes\nshow candidate-config\nshow candidate-config toml\ncommit\n")
	exec("configure\ninterface eth0 vrrp 51 auth rfc2338-simpel secret " + other + "\n")
	exec("configure\ninterface eth0 vrrp 51 auth secret " + other + " " + other + "\n")
	exec("configure\napi secret " + key + " again\napi user x level 9 password " + password + "\n")
	page, err := os.ReadFile("../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, m := range showCommands.FindAllStringSubmatch(string(page), -1) {
		if strings.HasPrefix(m[1], "show running-config secrets") { // the one that tells them, to administrators
			continue
		}
		for form := range strings.SplitSeq(strings.Trim(m[2], "[]"), "|") {
			commands++
			exec("", strings.Fields(m[1]+" "+form)...)
		}
	}
	if commands < 20 {
		t.Errorf("only %d show commands: has the format of the reference changed?", commands)
	}
	for _, form := range []string{"", "toml", "json", "changes"} {
		exec("", strings.Fields("show configuration revision 1 "+form)...)
	}
	for _, path := range []string{"/", "/run/vrrp", "/run/vrrp/51/eth0", "/run/global", "/config/global", "/config/vrouter", "/metrics"} {
		out, _ := r1.Try("curl", "-s", "--unix-socket", v.Socket, "http://r1"+path)
		say(path, out)
	}
	for _, body := range []string{"user=admin passwd=" + password, "user=admin passwd=" + password + "x", "user=admin;passwd=" + password} {
		out, _ := r1.Try("curl", "-s", "-d", body, "http://127.0.0.1:7080/auth")
		say("POST /auth", out)
	}
	// Files with every kind of fault near a secret.
	for _, wrong := range []string{"secret = " + key, "secret = \"" + key, "secret = [\"" + key + "\"]", "secert = \"" + key + "\"", "users = [" + line + "]", "users = [\"{{SHA256}}admin:x:" + hash + "\"]"} {
		path := l.File("wrong.toml", "[api]\n"+wrong+"\n")
		out, err := r1.Try(bin, "check", "-c", path)
		say("check", fmt.Sprint(out, err))
	}
	say("the sniffer", sniffer.Log())
	for _, file := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", v.PID(), file))
		if err != nil {
			t.Error(err)
		}
		say(file, string(b))
	}
	v.Run("restart")
	v.WaitState("Master", patience)
	v.Stop()
	say("the log", v.Log())

	for what, secret := range map[string]string{"auth_secret": word, "the new auth_secret": other, "api.secret": key, "a password": password, "a hash": hash} {
		if text := said.String(); strings.Contains(text, secret) {
			at := strings.Index(text, secret)
			t.Errorf("%s is shown:\n%.500s", what, text[max(0, strings.LastIndex(text[:at], "\n---")):])
		}
	}
	// Only the router's user may read its files.
	err = filepath.WalkDir(v.StateDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
