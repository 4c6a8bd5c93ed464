// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"errors"
	"net/http"

	"vrrpsh/api/metrics"
	"vrrpsh/platform/process"
)

// metricsPath is the path that Prometheus reads.
const metricsPath = "/metrics"

// serveMetrics answers with the running state in the Prometheus format.
func (a *API) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if !a.config().Metrics {
		fail(w, r, http.StatusNotFound, errors.New("metrics are not enabled"))
		return
	}
	snapshot, ok := a.snapshot(w, r)
	if !ok {
		return
	}
	s := metrics.State{Snapshot: snapshot, Process: process.Used(), Runtime: metrics.ReadRuntime(), Version: a.version}
	if a.load != nil {
		load, err := a.load(r.Context())
		if err != nil {
			fail(w, r, http.StatusServiceUnavailable, err)
			return
		}
		s.Load = &load
	}
	if a.sessions != nil {
		s.Sessions = a.sessions()
	}
	rev := a.running()
	s.Commit, s.Committed = rev.ID, rev.Time
	w.Header().Set("Content-Type", metrics.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	_ = metrics.Write(w, &s) // only a client that has gone can cause an error here
}
