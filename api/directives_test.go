// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
)

// TestDirectives checks the effect of client_api and of each directive of [api].
func TestDirectives(t *testing.T) {
	cert, key := certificate(t)
	otherCert, otherKey := certificate(t)
	// run serves a file's [api] table. HOST stands for an address with a free port.
	run := func(t *testing.T, file string) (host string, client *http.Client) {
		t.Helper()
		host = freeHost()
		raw, config, err := conf.Load("test", []byte(strings.ReplaceAll(file, "HOST", host)), conf.TOML)
		if err != nil {
			t.Fatal(err)
		}
		a := New(Options{View: testView(), Running: running(raw, config)})
		l := NewListener(a.Remote(), slog.New(slog.DiscardHandler), login.NewGate(time.Now))
		if err := l.Apply(config.API); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		t.Cleanup(transport.CloseIdleConnections)
		return host, &http.Client{Jar: jar, Transport: transport}
	}
	login := func(t *testing.T, client *http.Client, url, user string) int {
		t.Helper()
		code, _, _ := do(t, client, "POST", url+"/auth", "", "user="+user+" passwd=banana")
		return code
	}
	user := func(line string) string { return "[api]\nhost = \"HOST\"\nusers = [ '" + line + "' ]\n" }
	hashed := func(t *testing.T, name string, level conf.Level) string {
		t.Helper()
		line, err := conf.HashPassword(name, level, "banana", conf.Scrypt)
		if err != nil {
			t.Fatal(err)
		}
		return line
	}

	t.Run("client_api", func(t *testing.T) {
		host, client := run(t, "client_api = \"disabled\"\n"+user(admin))
		if r, err := client.Get("http://" + host); err == nil {
			r.Body.Close()
			t.Error("it answers although it is disabled")
		}
	})
	t.Run("host", func(t *testing.T) {
		host, client := run(t, user(admin))
		if code, _, _ := do(t, client, "GET", "http://"+host+"/health", "", ""); code != http.StatusOK {
			t.Errorf("%d at %s", code, host)
		}
	})
	t.Run("users", func(t *testing.T) {
		for level, role := range map[conf.Level]string{0: "viewer", 4: "viewer", 5: "operator", 8: "operator", 9: "administrator"} {
			host, client := run(t, user(hashed(t, "joe", level)))
			if code := login(t, client, "http://"+host, "joe"); code != http.StatusOK {
				t.Fatalf("level %d: login: %d", level, code)
			}
			_, _, body := do(t, client, "GET", "http://"+host+"/auth", "", "")
			sameJSON(t, fmt.Sprintf(`{"user": "joe", "level": %d, "role": %q}`, level, role), body)
			if code := login(t, client, "http://"+host, "admin"); code != http.StatusUnauthorized {
				t.Errorf("a user who is not listed: %d", code)
			}
		}
	})
	t.Run("tls", func(t *testing.T) {
		host, client := run(t, user(admin)+fmt.Sprintf("tls = true\ntls_cert = %q\ntls_key = %q\n", cert, key))
		if code := login(t, client, "https://"+host, "admin"); code != http.StatusOK {
			t.Errorf("login over HTTPS: %d", code)
		}
		if code, _, _ := do(t, client, "GET", "http://"+host+"/health", "", ""); code != http.StatusBadRequest {
			t.Errorf("HTTP to the HTTPS port: %d", code)
		}
	})
	for _, directive := range []string{"tls_cert", "tls_key"} {
		t.Run(directive, func(t *testing.T) {
			mixed := map[string][2]string{"tls_cert": {otherCert, key}, "tls_key": {cert, otherKey}}[directive]
			l := NewListener(http.NotFoundHandler(), slog.New(slog.DiscardHandler), New(Options{}).gate)
			t.Cleanup(l.Close)
			err := l.Apply(conf.APIConfig{Enabled: true, Host: "127.0.0.1:0", TLS: true, TLSCert: mixed[0], TLSKey: mixed[1]})
			if err == nil || !strings.Contains(err.Error(), "private key does not match") {
				t.Errorf("a key of another certificate: %v", err)
			}
		})
	}
	t.Run("secret", func(t *testing.T) {
		for secret, want := range map[string]int{"": http.StatusUnauthorized, "secret = \"sixteen letters.\"\n": http.StatusOK} {
			host, client := run(t, user(admin)+secret)
			if code := login(t, client, "http://"+host, "admin"); code != http.StatusOK {
				t.Fatalf("login: %d", code)
			}
			again, _ := run(t, user(admin)+secret) // cookies are for a host, whatever its port
			if code, _, _ := do(t, client, "GET", "http://"+again+"/run/vrrp", "", ""); code != want {
				t.Errorf("%q: %d after a restart, want %d", secret, code, want)
			}
		}
	})
}
