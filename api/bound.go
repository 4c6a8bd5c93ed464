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
	// userRequests is how many requests of one user are answered at a time. Each holds its answer in memory until the
	// client has read it.
	userRequests = 4
	// requestWait is how long other requests of the user wait for their turn.
	requestWait = 10 * time.Second
	// answerBuffer is how many bytes of an answer are written at a time.
	answerBuffer = 16 << 10
)

// bound answers a user's request when its turn has come. Requests without a user name, that is from root, do not wait
// for others.
func (a *API) bound(w http.ResponseWriter, r *http.Request, user string, next http.Handler) {
	if user != "" {
		leave, err := a.requests.Enter(r.Context(), user)
		if errors.Is(err, process.ErrQuota) {
			w.Header().Set("Retry-After", strconv.Itoa(int(login.RetryAfter.Seconds())))
			fail(w, r, http.StatusTooManyRequests, fmt.Errorf("too many requests of %s at once: %d are already in progress", user, userRequests))
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
	body := bufio.NewWriterSize(share.Writer(w), answerBuffer)
	next.ServeHTTP(response{w, body}, r)
	_ = body.Flush() // only a client that has gone can cause an error here
}

// response is an answer that is written in parts through body.
type response struct {
	http.ResponseWriter
	body *bufio.Writer
}

// Write implements io.Writer.
func (r response) Write(b []byte) (int, error) { return r.body.Write(b) }
