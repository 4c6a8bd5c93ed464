// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"net/http"

	"vrrpsh/conf"
)

// challenge asks for a name and a password, of clients that keep no session.
const challenge = `Basic realm="vrrpsh", charset="UTF-8"`

// basic lets a request in by the user and password that it carries (RFC 7617), or answers why it does not.
func (a *API) basic(w http.ResponseWriter, r *http.Request) (conf.User, bool) {
	name, password, ok := r.BasicAuth()
	if !ok {
		w.Header().Set("WWW-Authenticate", challenge)
		fail(w, r, http.StatusUnauthorized, errNoSession)
		return conf.User{}, false
	}
	return a.check(w, r, name, password)
}
