// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"vrrpsh/shell"
)

// TestMissingListeners checks that a listener that cannot be opened does not stop virtual routers, and that it is
// reported where users look.
func TestMissingListeners(t *testing.T) {
	m := newMachine(t)
	address, _ := taken(t)
	r, err := m.start(fmt.Sprintf("[api]\nhost = \"127.0.0.1:1\"\ntls = true\ntls_cert = \"/missing.pem\"\ntls_key = \"/missing.pem\"\n"+
		"[ssh]\nlisten = %q\nhost_key = %q\n", address, filepath.Join(m.options.StateDir, "key")))
	if err != nil {
		t.Fatal(err)
	}
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
		"10.0.0.100", "Fault: api: open /missing.pem: no such file or directory", "Fault: ssh: listen tcp " + address,
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

// TestRefusedAtTheStart checks that neither a log that cannot be opened nor a virtual router that the kernel refuses keeps the other
// virtual routers from starting, and that both are reported.
func TestRefusedAtTheStart(t *testing.T) {
	m := newMachine(t)
	if err := m.kernel.AddMacvlan("standby8", "eth0"); err != nil { // the name that the router would use
		t.Fatal(err)
	}
	r, err := m.start("main_log = \"/missing/vrrpsh.log\"\n" +
		"[[vrouter]]\ngroup = 8\ninterface = \"eth0\"\nvip = \"10.0.0.108\"\niftype = \"macvlan\"\n")
	if err != nil {
		t.Fatal(err)
	}
	user := r.Console()
	defer user.Close()
	var out strings.Builder
	for _, line := range []string{"show vrrp", "show version"} {
		if st := user.Execute(t.Context(), line, shell.IO{Out: &out, Err: &out}); st != shell.Done {
			t.Fatalf("%s: %s", line, out.String())
		}
	}
	for _, want := range []string{"10.0.0.100", "10.0.0.108", "Fault: standby8: in use by something else", "Fault: log: open the log: open /missing/vrrpsh.log: no such file"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
