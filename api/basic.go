// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"net/http"

	"vrrpsh/conf"
)

// challenge asks clients that keep no session for a name and a password.
const challenge = `Basic realm="vrrpsh", charset="UTF-8"`

// basic authenticates a request by the user name and password that it carries (RFC 7617). If they are wrong, it
// answers with the reason.
func (a *API) basic(w http.ResponseWriter, r *http.Request) (conf.User, bool) {
	name, password, ok := r.BasicAuth()
	if !ok {
		w.Header().Set("WWW-Authenticate", challenge)
		fail(w, r, http.StatusUnauthorized, errNoSession)
		return conf.User{}, false
	}
	return a.check(w, r, name, password)
}
