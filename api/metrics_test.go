// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vrrpsh/conf"
	"vrrpsh/engine/report"
)

// getMetrics requests the metrics like Prometheus, with a user and a password unless the user is
// empty.
func getMetrics(t *testing.T, url, user, password string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url+metricsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	return answered(t, new(http.Client), r)
}

func TestMetrics(t *testing.T) {
	a := fullAPI(t)
	a.sessions = func() int { return 4 }
	a.load = func(context.Context) (report.Load, error) { return report.Load{Sent: 77}, nil }
	_, url := serve(t, a.Remote())
	code, header, body := getMetrics(t, url, "admin", "banana")
	if code != http.StatusOK || header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" || header.Get("Set-Cookie") != "" {
		t.Fatalf("%d %v %s", code, header, body)
	}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(families["vrrpsh_state"].Metric); n != 4 {
		t.Errorf("states of %d virtual routers", n)
	}
	for name, want := range map[string]float64{"vrrpsh_sessions": 4, "vrrpsh_config_commit": 12, "process_cpu_seconds_total": -1, "vrrpsh_loop_sent_total": 77} {
		f := families[name]
		if f == nil {
			t.Errorf("no %s", name)
			continue
		}
		if got := f.Metric[0].GetGauge().GetValue() + f.Metric[0].GetCounter().GetValue(); want >= 0 && got != want || got < 0 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	a.load = func(context.Context) (report.Load, error) { return report.Load{}, errors.New("the router has stopped") }
	if code, _, _ := getMetrics(t, url, "admin", "banana"); code != http.StatusServiceUnavailable {
		t.Errorf("a router that has stopped: %d", code)
	}
}

// TestMetricsAccess checks access with a session, and with a user name and password.
func TestMetricsAccess(t *testing.T) {
	a, config, clock := newAPI(t, testView())
	client, url := serve(t, a.Remote())
	if code, _, _ := getMetrics(t, url, "admin", "banana"); code != http.StatusNotFound {
		t.Errorf("not enabled: %d", code)
	}
	config.Metrics = true
	code, header, body := getMetrics(t, url, "", "")
	if code != http.StatusUnauthorized || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic ") || strings.Contains(body, "vrrpsh_") {
		t.Errorf("without a name: %d %v %s", code, header, body)
	}
	if code, _, _ := do(t, client, "GET", url+"/run/vrrp", "", ""); code != http.StatusUnauthorized {
		t.Errorf("/run/vrrp without a session: %d", code)
	}
	r, _ := http.NewRequest(http.MethodGet, url+"/run/vrrp", nil)
	r.SetBasicAuth("admin", "banana")
	if answer, err := client.Do(r); err != nil || answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("another resource with name and password: %v, %v", answer, err)
	}
	logIn(t, client, url)
	if code, _, body := do(t, client, "GET", url+metricsPath, "", ""); code != http.StatusOK || !strings.Contains(body, "vrrpsh_state{") {
		t.Errorf("with a session: %d %s", code, body)
	}
	if code, _, body := do(t, client, "GET", url+"/", "", ""); code != 200 || !strings.Contains(body, metricsPath) {
		t.Errorf("the index does not list it: %s", body)
	}

	// After too many guesses even the right password is refused: otherwise the answer would reveal it.
	if code, _, _ := getMetrics(t, url, "admin", "banana"); code != http.StatusOK {
		t.Errorf("right password: %d", code)
	}
	codes := map[int]int{}
	for range 8 {
		code, _, _ := getMetrics(t, url, "admin", "wrong")
		codes[code]++
	}
	if codes[http.StatusUnauthorized] == 0 || codes[http.StatusTooManyRequests] == 0 || len(codes) != 2 {
		t.Errorf("wrong passwords: %v", codes)
	}
	if code, _, _ := getMetrics(t, url, "nobody", "banana"); code == http.StatusOK {
		t.Errorf("a name that does not exist: %d", code)
	}
	if code, _, _ := getMetrics(t, url, "admin", "banana"); code != http.StatusTooManyRequests {
		t.Errorf("right password after wrong ones: %d", code)
	}

	// The old password is refused after a change.
	clock.advance(time.Hour)
	line, err := conf.HashPassword("admin", 0, "cherry", conf.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	_, changed, err := conf.Load("test", []byte("[api]\nhost = \"127.0.0.1:7080\"\nusers = [ '"+line+"' ]\n[metrics]\nenabled = true\n"), conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	*config = *changed
	if code, _, _ := getMetrics(t, url, "admin", "banana"); code != http.StatusUnauthorized {
		t.Errorf("old password: %d", code)
	}
	if code, _, _ := getMetrics(t, url, "admin", "cherry"); code != http.StatusOK {
		t.Errorf("new password: %d", code)
	}
}

// On the control socket metrics need no password either.
func TestMetricsOnTheControlSocket(t *testing.T) {
	client, url := serve(t, fullAPI(t).Local())
	if code, _, body := do(t, client, "GET", url+metricsPath, "", ""); code != 200 || !strings.Contains(body, "vrrpsh_state{") {
		t.Errorf("%d %s", code, body)
	}
}
