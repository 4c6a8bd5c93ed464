// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
)

// lookEvery is how often the API is asked.
const lookEvery = time.Second

// look asks the API, and compares what it answers with what is known by then.
func (w *watch) look() {
	if w.l.manager == nil || w.l.stopping() || w.looking || w.now() < w.lookAt {
		return
	}
	w.looking, w.lookAt = true, w.now()+lookEvery
	if w.c.w.healed {
		w.lookAt += 2 * lookEvery
	}
	w.c.w.begin(w.l, func() {
		defer func() { w.looking = false }()
		var list []report.Group
		if !w.get("/run/vrrp", &list) {
			return
		}
		w.compare(list)
		if s, err := w.l.driver.Snapshot(background); err == nil && !w.l.stopping() {
			w.compareCounters(s)
		}
	})
}

// get asks for a document of the API; false if the program ends.
func (w *watch) get(path string, document any) bool {
	answer := httptest.NewRecorder()
	w.l.api.ServeHTTP(answer, httptest.NewRequestWithContext(background, http.MethodGet, path, nil))
	if w.l.stopping() {
		return false
	}
	if answer.Code != http.StatusOK {
		w.c.report("api", w.m, "%s: %d %s", path, answer.Code, answer.Body)
		return false
	}
	if err := json.Unmarshal(answer.Body.Bytes(), document); err != nil {
		w.c.report("api", w.m, "%s: %v", path, err)
		return false
	}
	return true
}

// compare holds the list of virtual routers against what events and configuration say.
func (w *watch) compare(list []report.Group) {
	if len(list) != len(w.cfg.Routers) {
		w.c.report("api", w.m, "it lists %d virtual routers, %d are configured", len(list), len(w.cfg.Routers))
		return
	}
	for i := range list {
		g, r := &list[i], &w.cfg.Routers[i]
		v := w.vrs[r.Key]
		on := r.Interface
		if v.state == vrrp.Master {
			on = carrier(r)
		}
		switch {
		case g.VRID != r.VRID || g.Parent != r.Interface || g.Family != strings.ToLower(r.Family.String()):
			w.c.report("api", w.m, "%s is listed as %+v", r.Key, *g)
		case g.State != v.state.String():
			w.c.report("api", w.m, "%s is %s by its events, and listed as %s", r.Key, v.state, g.State)
		case g.Interface != on:
			w.c.report("api", w.m, "%s is %s, and listed on %s", r.Key, v.state, g.Interface)
		case int(g.EffectivePriority) != v.expected && w.now()-max(v.expectAt, w.changed, w.woken) > w.settleTime() && v.state != vrrp.Initialize:
			w.c.report("priority", w.m, "%s has priority %d, it has to be %d since %s", r.Key, g.EffectivePriority, v.expected, v.expectAt)
		}
	}
}
