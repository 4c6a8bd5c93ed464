// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	_ "embed"
	"net/http"
)

// openAPIDocument describes this API (OpenAPI 3.0). A test holds the answers against it.
//
//go:embed openapi.json
var openAPIDocument []byte

func (a *API) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(openAPIDocument) // only a client that has gone can cause an error here
}
