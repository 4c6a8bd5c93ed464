// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vrrpsh/platform/fake"
	"vrrpsh/platform/journal"
	"vrrpsh/shell"
)

// TestMetrics enables metrics like a user, and reads the values from the parts of a complete router.
func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.toml")
	if err := os.WriteFile(path, []byte("[[vrouter]]\ngroup = 7\ninterface = \"eth0\"\nvip = \"10.0.0.100\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kernel := fake.NewLAN().AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24"))
	r, err := Start(t.Context(), Options{
		Version: "1.0", System: kernel.Boot(), Path: path, StateDir: dir, Journal: journal.New(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop() }()
	scrape := func() (int, string) {
		w := httptest.NewRecorder()
		r.control().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Code, w.Body.String()
	}
	if code, body := scrape(); code != 404 {
		t.Errorf("before they are enabled: %d %s", code, body)
	}
	user := r.Console()
	defer user.Close()
	var out strings.Builder
	for _, line := range []string{"configure", "metrics enabled", "commit", "end", "show api"} {
		if st := user.Execute(t.Context(), line, shell.IO{Out: &out, Err: &out}); st != shell.Done {
			t.Fatalf("%s: %s", line, out.String())
		}
	}
	if want := "Metrics are served as /metrics"; !strings.Contains(out.String(), want) {
		t.Errorf("%q is missing in\n%s", want, out.String())
	}
	code, body := scrape()
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	for _, want := range []string{
		`vrrpsh_build_info{version="1.0",`, "\nvrrpsh_config_commit 2\n", "\nvrrpsh_config_commit_timestamp_seconds ", "\nvrrpsh_sessions 1\n", "\nvrrpsh_loop_sent_total 0\n",
		`vrrpsh_state{interface="eth0",family="ipv4",group="7"} 2`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
}
