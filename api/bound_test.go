// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// clogged is a client that does not read until released.
type clogged struct {
	*httptest.ResponseRecorder
	writing chan<- struct{}
	reads   <-chan struct{}
}

func (c *clogged) Write(b []byte) (int, error) {
	select {
	case c.writing <- struct{}{}:
	default:
	}
	<-c.reads
	return c.ResponseRecorder.Write(b)
}

// TestRequestsOfAUserTakeTurns checks that a user who does not read the answers gets no more answers, and that other users do
// not wait.
func TestRequestsOfAUserTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, config, _ := newAPI(t, testView())
		h, local := a.Remote(), a.Local()
		request := func(path string) *http.Request {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.AddCookie(&http.Cookie{Name: cookieName, Value: a.tokens.issue(config.API.Users[0], config.API)})
			return r
		}
		ask := func(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		reads, writing := make(chan struct{}), make(chan struct{}, 1)
		answered := make(chan *httptest.ResponseRecorder)
		for range userRequests {
			w := &clogged{ResponseRecorder: httptest.NewRecorder(), writing: writing, reads: reads}
			go func() { h.ServeHTTP(w, request("/run/vrrp")); answered <- w.ResponseRecorder }()
			<-writing
		}
		start := time.Now()
		w := ask(h, request("/run/vrrp"))
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "5" ||
			!strings.Contains(w.Body.String(), "too many requests of admin at once") || time.Since(start) != requestWait {
			t.Errorf("one more after %v: %d %v %s", time.Since(start), w.Code, w.Header(), w.Body)
		}
		start = time.Now()
		for user, code := range map[string]int{"@": 200, "uid 1": 200} {
			r := httptest.NewRequest(http.MethodGet, "/run/vrrp", nil)
			r.RemoteAddr = user
			if w := ask(local, r); w.Code != code {
				t.Errorf("%s on the control socket: %d %s", user, w.Code, w.Body)
			}
		}
		if w := ask(h, httptest.NewRequest(http.MethodGet, "/health", nil)); w.Code != 200 || time.Since(start) != 0 {
			t.Errorf("others after %v: %d %s", time.Since(start), w.Code, w.Body)
		}
		close(reads)
		for range userRequests {
			if w := <-answered; w.Code != 200 || !strings.HasPrefix(w.Body.String(), "[\n  {") {
				t.Errorf("a slow one: %d %s", w.Code, w.Body)
			}
		}
		if w := ask(h, request("/run/vrrp")); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("afterwards: %d %v %s", w.Code, w.Header(), w.Body)
		}
	})
}
