// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"vrrpsh/conf/login"
	"vrrpsh/platform/process"
)

const (
	// userRequests is how many requests are answered at a time for one user: each holds its answer in memory until the
	// client has taken it.
	userRequests = 4
	// requestWait is how long others of the user wait for their turn.
	requestWait = 10 * time.Second
	// answerBuffer is how much of an answer is written at a time.
	answerBuffer = 16 << 10
)

// bound answers a request of a user when it is its turn. A user without a name, that is root, waits for none of the others.
func (a *API) bound(w http.ResponseWriter, r *http.Request, user string, next http.Handler) {
	if user != "" {
		leave, err := a.requests.Enter(r.Context(), user)
		if errors.Is(err, process.ErrQuota) {
			w.Header().Set("Retry-After", strconv.Itoa(int(login.RetryAfter.Seconds())))
			fail(w, r, http.StatusTooManyRequests, fmt.Errorf("too many requests of %s at once: %d are answered already", user, userRequests))
			return
		} else if err != nil {
			return // the client has gone
		}
		defer leave()
	}
	share, err := process.TakeShare(r.Context())
	if err != nil {
		return
	}
	defer share.Release()
	body := bufio.NewWriterSize(unshared{share, w}, answerBuffer)
	next.ServeHTTP(response{w, body}, r)
	_ = body.Flush() // a client that went away is all that can fail here
}

// unshared writes without the share of the processors: whoever reads may be slow.
type unshared struct {
	share *process.Share
	w     http.ResponseWriter
}

// Write implements io.Writer.
func (u unshared) Write(b []byte) (n int, err error) {
	u.share.Waiting(func() { n, err = u.w.Write(b) })
	return n, err
}

// response is an answer that is written in parts.
type response struct {
	http.ResponseWriter
	body *bufio.Writer
}

// Write implements io.Writer.
func (r response) Write(b []byte) (int, error) { return r.body.Write(b) }

// Unwrap returns the response itself, for http.ResponseController.
func (r response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
