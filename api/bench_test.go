// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// BenchmarkGroups answers /run/vrrp for 4,000 virtual routers, from a snapshot that the engine shares.
func BenchmarkGroups(b *testing.B) {
	s := &engine.Snapshot{Time: start}
	for i := range 4000 {
		s.Routers = append(s.Routers, status("eth"+strconv.Itoa(i/250), uint8(1+i%250), vrrp.Master, "eth0"))
	}
	a := New(Options{View: view{snapshot: s}, Running: running(new(conf.File), new(conf.Config))})
	h := a.Local()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/run/vrrp", nil))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
