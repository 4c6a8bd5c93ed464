// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
)

const cookieName = "vrrpsh_session"

var (
	errNoSession = errors.New("not authenticated")
	errMalformed = errors.New("expected user=NAME passwd=PASSWORD")
)

// authPath is the path for login.
const authPath = "/auth"

// open tells whether a request needs no session.
func open(r *http.Request) bool {
	return r.URL.Path == "/" || r.URL.Path == "/health" || r.URL.Path == authPath && r.Method == http.MethodPost
}

// sessionKey is the key of the user in a request's context.
type sessionKey struct{}

// authenticate passes on a request that carries the session of a user in the running configuration.
// Clients that read metrics have no session; their requests may carry a user name and password.
func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open(r) {
			user, ok := a.userOf(r)
			switch {
			case ok:
			case r.URL.Path == metricsPath:
				if user, ok = a.basic(w, r); !ok {
					return
				}
			default:
				fail(w, r, http.StatusUnauthorized, errNoSession)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, user))
			keep(r, user)
			a.bound(w, r, user.Name, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// userOf returns the user of the request's session.
func (a *API) userOf(r *http.Request) (conf.User, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return conf.User{}, false
	}
	return a.tokens.user(c.Value, a.config().API)
}

// session returns the user who is logged in.
func (a *API) session(w http.ResponseWriter, r *http.Request) {
	user, ok := r.Context().Value(sessionKey{}).(conf.User)
	if !ok {
		fail(w, r, http.StatusUnauthorized, errNoSession)
		return
	}
	answerUser(w, user)
}

func answerUser(w http.ResponseWriter, u conf.User) {
	answer(w, map[string]any{"user": u.Name, "level": u.Level, "role": u.Level.String()})
}

// login checks a user's password and starts a session.
func (a *API) login(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		a.complaints.Warn("API login from another site refused", "source", sourceOf(r))
		fail(w, r, http.StatusForbidden, errors.New("refused: the request comes from another site"))
		return
	}
	if !credentialTypes[mediaType(r)] {
		fail(w, r, http.StatusUnsupportedMediaType, errors.New("expected application/x-www-form-urlencoded or application/json"))
		return
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		fail(w, r, http.StatusRequestEntityTooLarge, errors.New("request body too large"))
		return
	case err != nil:
		fail(w, r, http.StatusBadRequest, errMalformed)
		return
	}
	name, password, ok := parseCredentials(mediaType(r), string(body))
	if !ok {
		fail(w, r, http.StatusBadRequest, errMalformed)
		return
	}

	user, ok := a.check(w, r, name, password)
	if !ok {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: a.tokens.issue(user, a.config().API), Path: "/",
		MaxAge:   int(tokenLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	a.log.Info("API login", "user", user.Name, "source", sourceOf(r))
	answerUser(w, user)
}

// credentialTypes are the permitted types of login bodies. Clients of the earlier daemon send a body without a type,
// or with the type of a form although it is not a form.
var credentialTypes = map[string]bool{"": true, "application/x-www-form-urlencoded": true, "application/json": true}

// mediaType returns the type of a request's body without parameters, or "?" if the header is malformed.
func mediaType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return ""
	}
	t, _, err := mime.ParseMediaType(header)
	if err != nil {
		return "?"
	}
	return t
}

// check returns the user with a name and password. If there is none, it answers with the reason.
func (a *API) check(w http.ResponseWriter, r *http.Request, name, password string) (conf.User, bool) {
	source := sourceOf(r)
	user, err := a.gate.Check(r.Context(), a.config().API.Users, source, name, password)
	switch {
	case errors.Is(err, login.ErrWrong):
		a.complaints.Warn("API login refused", "user", fmt.Sprintf("%.64s", name), "source", source)
		fail(w, r, http.StatusUnauthorized, err)
	case err != nil:
		w.Header().Set("Retry-After", strconv.Itoa(int(login.RetryAfter.Seconds())))
		fail(w, r, http.StatusTooManyRequests, err)
	}
	return user, err == nil
}

// parseCredentials reads the three forms of login bodies: "user=a passwd=b", as clients of the
// earlier daemon send it, form-encoded, and JSON.
func parseCredentials(contentType, body string) (name, password string, ok bool) {
	body = strings.TrimRight(body, "\r\n")
	if contentType == "application/json" {
		var c struct{ User, Passwd string }
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			return "", "", false
		}
		return c.User, c.Passwd, c.User != ""
	}
	// A form-encoded body contains no space, so a space identifies this form.
	if head, tail, found := strings.Cut(body, " passwd="); found {
		name, ok = strings.CutPrefix(head, "user=")
		return name, tail, ok && name != ""
	}
	form, err := url.ParseQuery(body)
	if err != nil || !form.Has("user") || !form.Has("passwd") {
		return "", "", false
	}
	return form.Get("user"), form.Get("passwd"), form.Get("user") != ""
}

// sourceOf returns the client's address without its port.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
