// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"cmp"
	"net/http"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine/report"
)

// global is the general part of the running configuration, with defaults for missing keys.
type global struct {
	Debug      int    `json:"debug"`
	Timestamp  string `json:"timestamp"` // the current time in the configured time zone (RFC 3339)
	TimeZone   string `json:"timezone"`
	TimeFormat string `json:"timeformat"`
	PID        string `json:"pid"` // path of the PID file; "" if there is none
	WorkingDir string `json:"working_dir"`
	MainLog    string `json:"main_log"`
	ErrorLog   string `json:"error_log"`

	Hostname      string `json:"hostname"`
	ControlSocket string `json:"control_socket"`
	StateDir      string `json:"state_dir"`
}

func (a *API) runGlobal(w http.ResponseWriter, _ *http.Request) {
	g := a.general()
	now := a.now().Local()
	if g.TimeZone == "utc" {
		now = now.UTC()
	}
	answer(w, global{
		Debug: g.Debug, Timestamp: now.Format(time.RFC3339), TimeZone: g.TimeZone, TimeFormat: g.TimeFormat,
		PID: g.PID, WorkingDir: g.WorkingDir,
		MainLog:  cmp.Or(g.MainLog, "stderr"),
		ErrorLog: cmp.Or(g.ErrorLog, "disabled"),
		Hostname: g.Hostname, ControlSocket: g.ControlSocket, StateDir: g.StateDir,
	})
}

func (a *API) runProtocols(w http.ResponseWriter, r *http.Request) {
	if s, ok := a.snapshot(w, r); ok {
		answer(w, report.Protocols{Static: report.Routes(s)})
	}
}

func (a *API) runRoutes(w http.ResponseWriter, r *http.Request) {
	if s, ok := a.snapshot(w, r); ok {
		answer(w, report.Routes(s))
	}
}

// The parts of the running configuration in the structure of its file, without secrets.

func (a *API) configGlobal(w http.ResponseWriter, _ *http.Request) {
	answer(w, a.running().File.General().Redacted())
}

func (a *API) configRouters(w http.ResponseWriter, _ *http.Request) {
	answer(w, list(conf.VRouters, a.running().File))
}

func (a *API) configProtocols(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"static": list(conf.Static, a.running().File)})
}

// list returns the tables of a list without secrets. A missing list is empty.
func list(key conf.KeyOf[[]*conf.Table], f *conf.File) []*conf.Table {
	tables := []*conf.Table{}
	for _, t := range key.Value(f) {
		tables = append(tables, t.Redacted())
	}
	return tables
}
