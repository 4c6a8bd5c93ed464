// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// fullFile sets what the API must show, and secrets that it must not.
const fullFile = `debug = 3
time_zone = "utc"
time_format = "short"
pid = "/run/r.pid"
working_dir = "/var/tmp"
main_log = "/var/log/r.log"
error_log = "/var/log/e.log"
hostname = "r1"

[[vrouter]]
group = 1
interface = "eth0"
vip = "10.0.0.100"
priority = 200
auth_type = "rfc2338-simple"
auth_secret = "hunter2"

[protocols]
  [[protocols.static]]
    route = "0.0.0.0"
    mask = "0.0.0.0"
    nh = "10.240.0.254"

[api]
secret = "top-secret-session-key"
host = "127.0.0.1:7080"
users = [ '` + admin + `' ]

[metrics]
enabled = true
`

// fullAPI runs fullFile.
func fullAPI(t testing.TB) *API {
	t.Helper()
	file, config, err := conf.Load("test", []byte(fullFile), conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	v := testView()
	heard := start
	down := status("eth1", 9, vrrp.Backup, "eth1")
	down.LastHeard, down.MasterDownAt = heard, heard.Add(1)
	down.History = []engine.Transition{{Time: start, From: vrrp.Initialize, To: vrrp.Backup, Cause: vrrp.CauseStartup, Peer: netip.MustParseAddr("10.0.0.9"), Priority: 7}}
	down.Counters.Dropped[vrrp.DropAuthType] = 3
	down.Config.Protocol.Unicast = vrrp.UnicastConfig{Peers: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Source: netip.MustParseAddr("10.0.0.1"), TTLMin: 255}
	down.Peers = []engine.UnicastPeer{
		{Addr: netip.MustParseAddr("10.0.0.2"), LastHeard: start, Priority: 100, Adverts: 7}, {Addr: netip.MustParseAddr("10.0.0.3")},
	}
	down.Fault, down.SendFault = "operation not permitted", "cannot send: message too long"
	v.snapshot.Routers = append(v.snapshot.Routers, down)
	v.snapshot.Routes = []engine.RouteStatus{
		{StaticRoute: config.Engine.Routes[0], State: engine.RouteFailed, Fault: "network is unreachable"},
		{StaticRoute: engine.StaticRoute{
			Destination: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("10.0.0.254"), Metric: 5, MTU: 1400,
			Bound: engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: 1},
		}, State: engine.RouteInstalled},
	}
	c := &clock{now: start}
	return New(Options{
		View: v, Running: running(file, config), Version: "1.0", Now: c.Now,
	})
}

// TestCompatibleRoutes checks the answer of every route of the earlier daemon, and of related ones.
func TestCompatibleRoutes(t *testing.T) {
	client, url := serve(t, fullAPI(t).Local())
	for path, want := range map[string]string{
		"/run/global": `{"debug": 3, "timestamp": "2026-01-02T03:04:05Z", "timezone": "utc", "timeformat": "short", "pid": "/run/r.pid",
			"working_dir": "/var/tmp", "main_log": "/var/log/r.log", "error_log": "/var/log/e.log",
			"hostname": "r1", "control_socket": "/run/vrrpsh/vrrpsh.sock", "state_dir": "/var/lib/vrrpsh"}`,
		"/run/protocols/static": `[
			{"destination": "0.0.0.0", "mask": "0.0.0.0", "next_hop": "10.240.0.254", "metric": 0, "mtu": 0,
				"prefix": "0.0.0.0/0", "state": "failed", "fault": "network is unreachable"},
			{"destination": "10.0.0.0", "mask": "255.0.0.0", "next_hop": "10.0.0.254", "metric": 5, "mtu": 1400,
				"prefix": "10.0.0.0/8", "state": "installed", "interface": "eth0", "group": 1}]`,
		"/config/global": `{"debug": 3, "time_zone": "utc", "time_format": "short", "pid": "/run/r.pid", "working_dir": "/var/tmp",
			"main_log": "/var/log/r.log", "error_log": "/var/log/e.log", "hostname": "r1"}`,
		"/config/vrouter": `[{"group": 1, "interface": "eth0", "vip": "10.0.0.100", "priority": 200,
			"auth_type": "rfc2338-simple", "auth_secret": "********"}]`,
		"/config/protocols": `{"static": [{"route": "0.0.0.0", "mask": "0.0.0.0", "nh": "10.240.0.254"}]}`,
	} {
		t.Run(path, func(t *testing.T) {
			code, _, body := do(t, client, "GET", url+path, "", "")
			if code != http.StatusOK {
				t.Fatalf("%d %s", code, body)
			}
			sameJSON(t, want, body)
		})
	}
	_, _, list := do(t, client, "GET", url+"/run/protocols/static", "", "")
	_, _, protocols := do(t, client, "GET", url+"/run/protocols", "", "")
	sameJSON(t, `{"static": `+list+`}`, protocols)
}

func sameJSON(t *testing.T, want, got string) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(want), &a), json.Unmarshal([]byte(got), &b)); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// With nothing configured, lists are empty and not null.
func TestEmptyAnswers(t *testing.T) {
	a := New(Options{View: view{snapshot: &engine.Snapshot{}}, Running: running(conf.NewFile(), new(conf.Config))})
	client, url := serve(t, a.Local())
	for path, want := range map[string]string{
		"/run/vrrp": `[]`, "/run/track": `[]`, "/run/protocols": `{"static": []}`, "/run/protocols/static": `[]`,
		"/config/global": `{}`, "/config/vrouter": `[]`, "/config/protocols": `{"static": []}`,
	} {
		_, _, body := do(t, client, "GET", url+path, "", "")
		sameJSON(t, want, body)
	}
}

// Without a login no answer says anything, not even which resources exist.
func TestNothingWithoutASession(t *testing.T) {
	a := fullAPI(t)
	client, url := serve(t, a.Remote())
	for _, path := range append(links, "/auth", "/metrics", "/run/vrrp/1", "/run/vrrp/1/eth0", "/nothing", "/run/vrrp/77") {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
			want := http.StatusUnauthorized
			switch {
			case path != "/health":
			case method == "GET" || method == "HEAD":
				want = http.StatusOK
			case method == "OPTIONS":
				want = http.StatusNoContent
			default:
				want = http.StatusMethodNotAllowed
			}
			if code, _, _ := do(t, client, method, url+path, "", ""); code != want {
				t.Errorf("%s %s: %d, want %d", method, path, code, want)
			}
		}
	}
	logIn(t, client, url)
	if code, _, body := do(t, client, "GET", url+"/auth", "", ""); code != 200 || !strings.Contains(body, `"role": "viewer"`) {
		t.Errorf("GET /auth: %d %s", code, body)
	}
	for method, want := range map[string]int{"HEAD": 200, "OPTIONS": 204, "POST": 405, "DELETE": 405} {
		code, header, body := do(t, client, method, url+"/run/vrrp", "", "")
		if code != want || method == "HEAD" && body != "" {
			t.Errorf("%s: %d %q, want %d", method, code, body, want)
		}
		if allow := header.Get("Allow"); want > 200 && allow != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: Allow is %q", method, allow)
		}
	}
}

func logIn(t *testing.T, client *http.Client, url string) {
	t.Helper()
	if code, _, body := do(t, client, "POST", url+"/auth", "", "user=admin passwd=banana"); code != http.StatusOK {
		t.Fatalf("login: %d %s", code, body)
	}
}

func TestNoAnswerHasASecret(t *testing.T) {
	client, url := serve(t, fullAPI(t).Remote())
	logIn(t, client, url)
	for _, path := range append(links, "/", "/auth", "/metrics", "/run/vrrp/1", "/run/vrrp/1/eth0", "/nothing") {
		_, header, body := do(t, client, "GET", url+path, "", "")
		for _, secret := range []string{"hunter2", "top-secret", "3df024b5", "1eb7ac761a1201f9", "banana"} {
			if strings.Contains(body, secret) || strings.Contains(strings.Join(header["Set-Cookie"], ""), secret) {
				t.Errorf("%s shows %s", path, secret)
			}
		}
	}
}

// TestOpenAPI checks every answer against the document, and the document against the routes.
func TestOpenAPI(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPIDocument)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Every field is described. Later versions may have more fields.
	for _, s := range doc.Components.Schemas {
		if s.Value.Properties != nil && s.Value.AdditionalProperties.Has == nil {
			no := false
			s.Value.AdditionalProperties.Has = &no
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	client, url := serve(t, fullAPI(t).Remote())
	seen := make(map[string]bool)
	ask := func(method, path, contentType, body string, want int) {
		t.Helper()
		r, err := http.NewRequest(method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != want {
			t.Errorf("%s %s: %d, want %d", method, path, answer.StatusCode, want)
			return
		}
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
			return
		}
		seen[route.Method+" "+route.Path] = true
		err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
			Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(strings.NewReader(string(text))),
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		})
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}
	ask("GET", "/run/vrrp", "", "", 401)
	ask("POST", "/auth", "application/json", `{"user"`, 400)
	ask("POST", "/auth", "application/json", `{"user": "admin", "passwd": "x"}`, 401)
	ask("POST", "/auth", "application/json", strings.Repeat(" ", maxBody+1), 413)
	ask("POST", "/auth", "application/json", `{"user": "admin", "passwd": "banana"}`, 200)
	for _, path := range append(links, "/", "/auth", "/metrics", "/run/vrrp/1", "/run/vrrp/1/eth0", "/run/vrrp/1/standby1", "/run/vrrp/9/eth1") {
		ask("GET", path, "", "", 200)
	}
	ask("GET", "/run/vrrp/200", "", "", 404)
	ask("GET", "/run/vrrp/1/eth9", "", "", 404)
	ask("GET", "/run/vrrp/1/eth0?family=x", "", "", 400)
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !seen[method+" "+path] {
				t.Errorf("%s %s is described but was not tried", method, path)
			}
		}
	}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestDocumentedCommands runs every curl command of docs/api.md, in order.
func TestDocumentedCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	a := fullAPI(t)
	_, url := serve(t, a.Remote())
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	serveUnix(t, socket, a.Local())
	here := strings.NewReplacer("http://127.0.0.1:7080", url, "/run/vrrpsh/vrrpsh.sock", socket)
	n := 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		for command := range strings.Lines(block[1]) {
			n++
			cmd := exec.Command("sh", "-c", here.Replace(strings.TrimSpace(command)))
			cmd.Dir = dir
			out, err := cmd.Output()
			if err != nil || !json.Valid(out) || strings.HasPrefix(string(out), `{"error"`) {
				t.Errorf("%s%v: %s", command, err, out)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d commands found", n)
	}
}
