// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"fmt"
	"net"
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

// TestMissingListeners checks that a listener that cannot be opened does not stop virtual routers, and that it is
// reported where users look.
func TestMissingListeners(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.toml")
	text := fmt.Sprintf("[[vrouter]]\ngroup = 7\ninterface = \"eth0\"\nvip = \"10.0.0.100\"\n"+
		"[api]\nhost = \"127.0.0.1:1\"\ntls = true\ntls_cert = \"/missing.pem\"\ntls_key = \"/missing.pem\"\n"+
		"[ssh]\nlisten = %q\nhost_key = %q\n", other.Addr(), filepath.Join(dir, "key"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kernel := fake.NewLAN().AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24"))
	r, err := Start(t.Context(), Options{Version: "1.0", System: kernel.Boot(), Path: path, StateDir: dir, Journal: journal.New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	user := r.Console()
	defer user.Close()
	var out strings.Builder
	for _, line := range []string{
		"show vrrp brief", "show version", "show api", "configure", "interface eth0 vrrp 7 priority 150", "commit", "end",
	} {
		if st := user.Execute(t.Context(), line, shell.IO{Out: &out, Err: &out}); st != shell.Done {
			t.Fatalf("%s: %s", line, out.String())
		}
	}
	for _, want := range []string{
		"10.0.0.100", "Fault: api: open /missing.pem: no such file or directory", "Fault: ssh: listen tcp " + other.Addr().String(),
		"HTTP API cannot listen on https://127.0.0.1:1", "Commit 2 complete",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	w := httptest.NewRecorder()
	r.control().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/health", nil))
	if got := strings.Join(strings.Fields(w.Body.String()), ""); w.Code != 200 || got != `{"status":"ok","faults":["api","ssh"]}` {
		t.Errorf("%d %s", w.Code, got)
	}
}
