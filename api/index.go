// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// links are the resources without parameters.
var links = []string{
	"/health", "/run/vrrp", "/run/track", "/run/global", "/run/protocols", "/run/protocols/static",
	"/config/global", "/config/vrouter", "/config/protocols", "/openapi.json",
}

// index describes the API and links to its resources. Browsers get HTML.
func (a *API) index(w http.ResponseWriter, r *http.Request) {
	index := struct {
		Product string   `json:"product"`
		Version string   `json:"version"`
		Links   []string `json:"links"`
	}{"vrrpsh", a.version, links}
	if a.config().Metrics {
		index.Links = append(slices.Clip(links), metricsPath)
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		answer(w, index)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = page.Execute(w, index)
}

var page = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Product}}</title>
<style>body{font-family:sans-serif;max-width:40em;margin:3em auto}</style></head>
<body><h1>{{.Product}} {{.Version}}</h1><ul>
{{range .Links}}<li><a href="{{.}}">{{.}}</a></li>
{{end}}</ul></body></html>
`))
