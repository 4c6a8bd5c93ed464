// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// admin has the password "banana".
const admin = `{{SHA256}}admin:0:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695`

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type view struct {
	snapshot *engine.Snapshot
	err      error
}

func (v view) Snapshot(context.Context) (*engine.Snapshot, error) { return v.snapshot, v.err }
func (v view) Subscribe() (<-chan engine.Event, func())           { return nil, func() {} }

func status(iface string, vrid uint8, state vrrp.State, carrier string) *engine.RouterStatus {
	addr := netip.MustParsePrefix("10.0.0.100/24")
	return &engine.RouterStatus{
		Config: &engine.VirtualRouter{
			Key: engine.Key{Interface: iface, Family: vrrp.IPv4, VRID: vrid},
			Protocol: vrrp.Config{
				Version: vrrp.V3, Family: vrrp.IPv4, VRID: vrid, Priority: 200,
				Interval: time.Second, Preempt: true, AuthType: vrrp.AuthNone,
			},
			Type: engine.Macvlan, VIFName: "standby" + string('0'+rune(vrid)),
		},
		Status: vrrp.Status{
			State: state, Since: start, Cause: vrrp.CauseMasterDown, Priority: 200,
			SkewTime: 218750 * time.Microsecond, MasterDownInterval: 3218750 * time.Microsecond,
			MasterAddr: netip.MustParseAddr("10.0.0.1"),
		},
		Carrier: carrier, LinkMAC: [6]byte{2, 0, 0, 0, 0, 1}, VirtualMAC: [6]byte{0, 0, 0x5e, 0, 1, vrid},
		Addresses: []netip.Prefix{addr},
	}
}

func testView() view {
	return view{snapshot: &engine.Snapshot{Time: start, Started: start, Routers: []*engine.RouterStatus{
		status("eth0", 1, vrrp.Master, "standby1"),
		status("eth0", 2, vrrp.Backup, "eth0"),
		status("eth1", 1, vrrp.Initialize, "eth1"),
	}}}
}

// newAPI returns an API with the test's users and a clock that the test can move.
func newAPI(t testing.TB, v engine.View) (*API, *conf.Config, *clock) {
	t.Helper()
	file, config, err := conf.Load("test", []byte("[api]\nhost = \"127.0.0.1:7080\"\nusers = [ '"+admin+"' ]\n"), conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: start}
	return New(Options{View: v, Running: running(file, config), Version: "1.0", Now: c.Now}), config, c
}

// running returns the running configuration, like a manager.
func running(f *conf.File, c *conf.Config) func() *conf.Revision {
	return func() *conf.Revision { return &conf.Revision{ID: 12, Time: start, File: f, Config: c} }
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func serve(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}, s.URL
}

func do(t *testing.T, c *http.Client, method, url, contentType, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return answered(t, c, r)
}

// answered sends a request and returns status, header and body of the answer.
func answered(t *testing.T, c *http.Client, r *http.Request) (int, http.Header, string) {
	t.Helper()
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(b)
}

func TestLocalRoutes(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	client, url := serve(t, a.Local())
	for _, tc := range []struct {
		name, method, path string
		status             int
		want               string // in the answer
	}{
		{"index", "GET", "/", 200, `"version": "1.0"`},
		{"health", "GET", "/health", 200, `"ok"`},
		{"all groups", "GET", "/run/vrrp", 200, `"virtual_ip": "10.0.0.100"`},
		{"one group", "GET", "/run/vrrp/2", 200, `"state": "Backup"`},
		{"group and interface", "GET", "/run/vrrp/1/eth0", 200, `"masterdown_interval": 3.21875`},
		{"group and macvlan", "GET", "/run/vrrp/1/standby1", 200, `"skew_time": 0.21875`},
		{"family", "GET", "/run/vrrp/1/eth0?family=ipv4", 200, `"family": "ipv4"`},
		{"other family", "GET", "/run/vrrp/1/eth0?family=ipv6", 404, `"error"`},
		{"wrong family", "GET", "/run/vrrp/1/eth0?family=x", 400, `"error"`},
		{"unknown group", "GET", "/run/vrrp/3", 404, `"path":"/run/vrrp/3"`},
		{"group zero", "GET", "/run/vrrp/0", 404, `from 1 to 255`},
		{"group out of range", "GET", "/run/vrrp/256", 404, `from 1 to 255`},
		{"no number", "GET", "/run/vrrp/x/eth0", 404, `from 1 to 255`},
		{"unknown interface", "GET", "/run/vrrp/1/eth9", 404, `no such group on that interface`},
		{"unknown path", "GET", "/nothing", 404, `"path":"/nothing"`},
		{"method", "DELETE", "/run/vrrp", 405, `"error"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, header, body := do(t, client, tc.method, url+tc.path, "", "")
			if code != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%s %s: %d %s, want %d with %s", tc.method, tc.path, code, body, tc.status, tc.want)
			}
			if got := header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestGroupFields(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	client, url := serve(t, a.Local())
	_, _, body := do(t, client, "GET", url+"/run/vrrp", "", "")
	var got []map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"virtual_ip": "10.0.0.100", "group": 1.0, "interface": "standby1", "priority": 200.0, "preempt": true, "state": "Master"},
		{"virtual_ip": "10.0.0.100", "group": 2.0, "interface": "eth0", "priority": 200.0, "preempt": true, "state": "Backup"},
		{"virtual_ip": "10.0.0.100", "group": 1.0, "interface": "eth1", "priority": 200.0, "preempt": true, "state": "Init"},
	}
	for i := range got {
		for key := range got[i] {
			if _, compatible := want[0][key]; !compatible {
				delete(got[i], key)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("/run/vrrp (-want +got):\n%s", diff)
	}
}

func TestNoGroupsIsAnEmptyList(t *testing.T) {
	a, _, _ := newAPI(t, view{snapshot: &engine.Snapshot{}})
	client, url := serve(t, a.Local())
	if _, _, body := do(t, client, "GET", url+"/run/vrrp", "", ""); strings.TrimSpace(body) != "[]" {
		t.Errorf("got %q, want []", body)
	}
}

func TestStoppedEngine(t *testing.T) {
	a, _, _ := newAPI(t, view{err: errors.New("the router has stopped")})
	client, url := serve(t, a.Local())
	for _, path := range []string{"/health", "/run/vrrp", "/run/vrrp/1/eth0"} {
		if code, _, _ := do(t, client, "GET", url+path, "", ""); code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d, want 503", path, code)
		}
	}
}

func TestLogin(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"as curl -d sends it", "application/x-www-form-urlencoded", "user=admin passwd=banana", 200},
		{"form", "application/x-www-form-urlencoded", "user=admin&passwd=banana", 200},
		{"json", "application/json", `{"user":"admin","passwd":"banana"}`, 200},
		{"wrong password", "", "user=admin passwd=apple", 401},
		{"password with a tail", "", "user=admin passwd=banana x", 401},
		{"unknown user", "", "user=root passwd=banana", 401},
		{"empty password", "", "user=admin passwd=", 401},
		{"empty body", "", "", 400},
		{"no password", "", "user=admin", 400},
		{"no user", "", "user= passwd=banana", 400},
		{"broken json", "application/json", `{"user"`, 400},
		{"too large", "", "user=admin passwd=" + strings.Repeat("x", maxBody), 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, _, _ := newAPI(t, testView())
			client, url := serve(t, a.Remote())
			code, _, body := do(t, client, "POST", url+"/auth", tc.contentType, tc.body)
			if code != tc.status {
				t.Fatalf("%d %s, want %d", code, body, tc.status)
			}
			want := http.StatusUnauthorized
			if tc.status == 200 {
				want = http.StatusOK
			}
			if code, _, _ := do(t, client, "GET", url+"/run/vrrp", "", ""); code != want {
				t.Errorf("/run/vrrp after the login: %d, want %d", code, want)
			}
		})
	}
}

func TestCookie(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	client, url := serve(t, a.Remote())
	_, header, _ := do(t, client, "POST", url+"/auth", "", "user=admin passwd=banana")
	cookie := header.Get("Set-Cookie")
	for _, want := range []string{cookieName + "=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
}

func TestSessions(t *testing.T) {
	a, config, clock := newAPI(t, testView())
	user := config.API.Users[0]
	token := a.tokens.issue(user, config.API)
	secret := config.API
	secret.Secret = "kept"
	nobody := config.API
	nobody.Users = nil
	forged := []byte(token)
	forged[3] ^= 1

	if _, ok := a.tokens.user(token, config.API); !ok {
		t.Error("a fresh token is refused")
	}
	for name, ok := range map[string]bool{
		"forged":        second(a.tokens.user(string(forged), config.API)),
		"empty":         second(a.tokens.user("", config.API)),
		"garbage":       second(a.tokens.user("%%%", config.API)),
		"other secret":  second(a.tokens.user(token, secret)),
		"other process": second(newTokens(clock.Now).user(token, config.API)),
		"user removed":  second(a.tokens.user(token, nobody)),
	} {
		if ok {
			t.Errorf("%s: accepted", name)
		}
	}
	if kept := a.tokens.issue(user, secret); !second(newTokens(clock.Now).user(kept, secret)) {
		t.Error("with a configured secret, a session must survive a restart")
	}
	clock.advance(tokenLife)
	if second(a.tokens.user(token, config.API)) {
		t.Error("an expired token is accepted")
	}
}

func second(_ conf.User, ok bool) bool { return ok }

func TestWrongPasswordsAreSlowed(t *testing.T) {
	a, _, clock := newAPI(t, testView())
	client, url := serve(t, a.Remote())
	try := func(user, password string) int {
		code, _, _ := do(t, client, "POST", url+"/auth", "", "user="+user+" passwd="+password)
		return code
	}
	for range 5 {
		if code := try("admin", "apple"); code != http.StatusUnauthorized {
			t.Fatalf("wrong password: %d", code)
		}
	}
	if code := try("admin", "banana"); code != http.StatusTooManyRequests {
		t.Errorf("after too many failures: %d, want 429", code)
	}
	if code := try("other", "x"); code != http.StatusUnauthorized {
		t.Errorf("another user of the same source: %d, want 401", code)
	}
	clock.advance(login.RetryAfter)
	if code := try("admin", "banana"); code != http.StatusOK {
		t.Errorf("after waiting: %d, want 200", code)
	}
}

func TestPanicStaysInTheHandler(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	client, url := serve(t, a.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })))
	if code, _, body := do(t, client, "GET", url, "", ""); code != http.StatusInternalServerError || strings.Contains(body, "broken") {
		t.Errorf("%d %s, want 500 without the cause", code, body)
	}
}

func TestListenerFollowsTheConfiguration(t *testing.T) {
	answers := func(host string) bool {
		r, err := http.Get("http://" + host)
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	l := NewListener(handler, slog.New(slog.DiscardHandler), login.NewGate(time.Now))
	t.Cleanup(l.Close)
	first, second := freeHost(), freeHost()

	if err := l.Apply(conf.APIConfig{Enabled: true, Host: first}); err != nil || !answers(first) {
		t.Fatalf("first listener: %v", err)
	}
	if err := l.Apply(conf.APIConfig{Enabled: true, Host: second}); err != nil || !answers(second) || answers(first) {
		t.Fatalf("moved listener: %v", err)
	}
	taken := httptest.NewServer(nil)
	defer taken.Close()
	if err := l.Apply(conf.APIConfig{Enabled: true, Host: taken.Listener.Addr().String()}); err == nil || !answers(second) {
		t.Errorf("address in use: error %v; the old listener must continue", err)
	}
	if err := l.Apply(conf.APIConfig{Enabled: true, Host: second, TLS: true, TLSCert: "/nonexistent"}); err == nil || !answers(second) {
		t.Errorf("missing certificate: error %v; the old listener must continue", err)
	}
	// Try says the same, and changes nothing.
	cert, key := certificate(t)
	for _, tt := range []struct {
		want conf.APIConfig
		err  string
	}{
		{conf.APIConfig{}, ""},
		{conf.APIConfig{Enabled: true, Host: second}, ""},
		{conf.APIConfig{Enabled: true, Host: first}, ""},
		{conf.APIConfig{Enabled: true, Host: second, TLS: true, TLSCert: cert, TLSKey: key}, ""},
		{conf.APIConfig{Enabled: true, Host: taken.Listener.Addr().String()}, "address already in use"},
		{conf.APIConfig{Enabled: true, Host: second, TLS: true, TLSCert: "/nonexistent", TLSKey: key}, "/nonexistent"},
		{conf.APIConfig{Enabled: true, Host: second, TLS: true, TLSCert: cert, TLSKey: "/"}, "/ is not a file"},
	} {
		if err := l.Try(tt.want); (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) || !answers(second) || answers(first) {
			t.Errorf("%+v: error %v", tt.want, err)
		}
	}
	if err := l.Apply(conf.APIConfig{}); err != nil || answers(second) {
		t.Errorf("disabled listener: %v", err)
	}
}
