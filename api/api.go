// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/process"
)

// Options configure an API: what it shows and which users it lets in.
type Options struct {
	View engine.View
	// Running returns the running configuration. The API calls it at every request, so that a
	// commit takes effect immediately.
	Running func() *conf.Revision
	// General returns the general part of the configuration in effect, including the effects of flags and mode; nil:
	// the part as configured.
	General func() conf.General
	// Load returns the load of the router's loop, Sessions the number of shell sessions; nil: unknown.
	Load     func(context.Context) (report.Load, error)
	Sessions func() int
	// Missing lists the parts of the router, such as a listener, that cannot follow the configuration, and why; nil:
	// there are none.
	Missing func() []conf.Missing
	Version string
	Logger  *slog.Logger
	Now     func() time.Time
	// Gate is shared with the other parts that ask for passwords; nil: the API creates its own.
	Gate *login.Gate
}

// API serves the running state. It is safe for concurrent use.
type API struct {
	view     engine.View
	running  func() *conf.Revision
	general  func() conf.General
	load     func(context.Context) (report.Load, error)
	sessions func() int
	missing  func() []conf.Missing
	version  string
	log      *slog.Logger
	now      func() time.Time
	tokens   *tokens
	gate     *login.Gate

	complaints *login.Complaints
	pulse      pulse
	requests   *process.Quota
}

// New returns an API. The session key is the configured secret or, if there is none, random.
func New(o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gate == nil {
		o.Gate = login.NewGate(o.Now)
	}
	if o.General == nil {
		o.General = func() conf.General { return o.Running().Config.General }
	}
	if o.Missing == nil {
		o.Missing = func() []conf.Missing { return nil }
	}
	return &API{
		view: o.View, running: o.Running, general: o.General, load: o.Load, sessions: o.Sessions, missing: o.Missing,
		version: o.Version, log: o.Logger, now: o.Now, tokens: newTokens(o.Now), gate: o.Gate,
		complaints: login.NewComplaints(o.Logger, o.Now), pulse: newPulse(), requests: process.NewQuota(userRequests, requestWait),
	}
}

func (a *API) config() *conf.Config { return a.running().Config }

// Remote returns the handler for the TCP listener. Everything except the index and the health check
// requires a session.
func (a *API) Remote() http.Handler {
	r := a.routes()
	r.HandleFunc(authPath, a.login).Methods(http.MethodPost)
	r.HandleFunc(authPath, a.session).Methods(http.MethodGet, http.MethodHead)
	return a.guard(a.authenticate(r))
}

// Local returns the handler for the control socket. The socket's permissions and the peer's
// credentials have already decided who may connect.
func (a *API) Local() http.Handler {
	routes := a.routes()
	return a.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.bound(w, r, localUser(r), routes) }))
}

// routes are the paths that both listeners serve.
func (a *API) routes() *mux.Router {
	r := mux.NewRouter()
	get := func(path string, h http.HandlerFunc) {
		r.HandleFunc(path, h).Methods(http.MethodGet, http.MethodHead)
	}
	get("/", a.index)
	get("/health", a.health)
	get("/openapi.json", a.openAPI)
	get(metricsPath, a.serveMetrics)
	get("/run/vrrp", a.groups)
	get("/run/vrrp/{group}", a.groups)
	get("/run/vrrp/{group}/{interface}", a.group)
	get("/run/track", a.tracks)
	get("/run/global", a.runGlobal)
	get("/run/protocols", a.runProtocols)
	get("/run/protocols/static", a.runRoutes)
	get("/config/global", a.configGlobal)
	get("/config/vrouter", a.configRouters)
	get("/config/protocols", a.configProtocols)
	r.NotFoundHandler = failure(http.StatusNotFound, errors.New("no such resource"))
	r.MethodNotAllowedHandler = http.HandlerFunc(otherMethod)
	return r
}

// otherMethod answers OPTIONS and refuses every other method that a path does not support.
func otherMethod(w http.ResponseWriter, r *http.Request) {
	allowed := "GET, HEAD, OPTIONS"
	if r.URL.Path == authPath {
		allowed = "GET, HEAD, OPTIONS, POST"
	}
	w.Header().Set("Allow", allowed)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	fail(w, r, http.StatusMethodNotAllowed, errors.New("method not allowed"))
}

// guard limits the cost of a request and keeps a handler's panic from ending the router.
func (a *API) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				a.log.Error("API handler failed", "path", r.URL.Path, "cause", cause)
				fail(w, r, http.StatusInternalServerError, errors.New("internal error"))
			}
		}()
		noteServed(r)
		secure(w.Header(), r.TLS != nil)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		a.log.Log(r.Context(), journal.Medium, "API request", "method", r.Method, "path", r.URL.Path, "source", sourceOf(r))
		next.ServeHTTP(w, r)
	})
}

// hstsAge is how long a browser that has used the API over TLS must not use it without TLS (RFC 6797 section 6.1.1):
// a year.
const hstsAge = 365 * 24 * time.Hour

// secure tells browsers not to guess the type of answers and not to show them in pages of other sites.
func secure(h http.Header, overTLS bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	if overTLS {
		h.Set("Strict-Transport-Security", fmt.Sprintf("max-age=%d", int(hstsAge.Seconds())))
	}
}

// maxBody is the maximum size of a request body, in bytes.
const maxBody = 64 << 10

func (a *API) health(w http.ResponseWriter, r *http.Request) {
	err := a.pulse.take(r.Context(), a.now, func(ctx context.Context) error {
		_, err := a.view.Snapshot(ctx)
		return err
	})
	if err != nil {
		fail(w, r, http.StatusServiceUnavailable, err)
		return
	}
	health := struct {
		Status string   `json:"status"`
		Faults []string `json:"faults,omitempty"`
	}{Status: "ok"}
	for _, m := range a.missing() {
		health.Faults = append(health.Faults, m.Part) // without the reason, because the answer is public
	}
	answer(w, health)
}

// groups returns the list of all virtual routers or of those with one VRID.
func (a *API) groups(w http.ResponseWriter, r *http.Request) {
	var match func(*engine.RouterStatus) bool
	if text, ok := mux.Vars(r)["group"]; ok {
		vrid, err := parseVRID(text)
		if err != nil {
			fail(w, r, http.StatusNotFound, err)
			return
		}
		match = report.Match(vrid, "")
	}
	s, ok := a.snapshot(w, r)
	if !ok {
		return
	}
	list := report.Groups(s, match)
	if match != nil && len(list) == 0 {
		fail(w, r, http.StatusNotFound, errors.New("no such group"))
		return
	}
	answer(w, list)
}

// tracks returns the tracked objects.
func (a *API) tracks(w http.ResponseWriter, r *http.Request) {
	if s, ok := a.snapshot(w, r); ok {
		answer(w, report.Tracks(s))
	}
}

// group returns one virtual router in detail. If an IPv4 and an IPv6 virtual router share the VRID
// on the interface, "?family=ipv6" selects one of them. The default is the one configured first.
func (a *API) group(w http.ResponseWriter, r *http.Request) {
	vars := mux.Vars(r)
	vrid, err := parseVRID(vars["group"])
	if err != nil {
		fail(w, r, http.StatusNotFound, err)
		return
	}
	match := report.Match(vrid, vars["interface"])
	switch family := r.URL.Query().Get("family"); family {
	case "":
	case "ipv4", "ipv6":
		any, want := match, vrrp.IPv4
		if family == "ipv6" {
			want = vrrp.IPv6
		}
		match = func(s *engine.RouterStatus) bool { return any(s) && s.Config.Family == want }
	default:
		fail(w, r, http.StatusBadRequest, errors.New("family must be ipv4 or ipv6"))
		return
	}
	s, ok := a.snapshot(w, r)
	if !ok {
		return
	}
	list := report.Details(s, match)
	if len(list) == 0 {
		fail(w, r, http.StatusNotFound, errors.New("no such group on that interface"))
		return
	}
	answer(w, list[0])
}

func (a *API) snapshot(w http.ResponseWriter, r *http.Request) (*engine.Snapshot, bool) {
	s, err := a.view.Snapshot(r.Context())
	if err != nil {
		fail(w, r, http.StatusServiceUnavailable, err)
		return nil, false
	}
	return s, true
}

func parseVRID(text string) (uint8, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n < vrrp.VRIDMin {
		return 0, errors.New("a group is a number from 1 to 255")
	}
	return uint8(n), nil
}

// answer writes a document as JSON, indented for people who use curl.
func answer(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// The status has been sent; only a client that has gone can cause an error here.
	_ = report.WriteJSON(w, document)
}

// fail writes an error as JSON, including the path of the request.
func fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error(), "path": r.URL.Path})
}

func failure(status int, err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fail(w, r, status, err) })
}
