// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// FuzzRequest sends arbitrary requests without a session: no answer is an internal error, and only public resources are answered.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: r1\r\n\r\n", "GET /health HTTP/1.0\r\n\r\n", "GET /run/vrrp/51/eth0?family=ipv6 HTTP/1.1\r\nHost: r1\r\n\r\n",
		"POST /auth HTTP/1.1\r\nHost: r1\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"user\":\"a\",\"passwd\":\"b\"}\n",
		"POST /auth HTTP/1.1\r\nHost: r1\r\nContent-Length: 17\r\n\r\nuser=a passwd=b c", "OPTIONS /auth HTTP/1.1\r\nHost: r1\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: r1\r\nAuthorization: Basic YTpi\r\n\r\n", "GET /run/vrrp HTTP/1.1\r\nHost: r1\r\nCookie: vrrpsh_session=a.b.c\r\n\r\n",
		"GET //run/vrrp/%2e%2e HTTP/1.1\r\nHost: r1\r\n\r\n", "DELETE /config/vrouter HTTP/1.1\r\nHost: r1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	a, config, _ := newAPI(f, testView())
	config.API.Users = nil // nobody can log in: an answered resource is public
	handler := a.Remote()
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		_, _ = io.Copy(io.Discard, r.Body)
		switch {
		case w.Code >= 500:
			t.Errorf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
		case w.Code == http.StatusOK && r.URL.Path != "/" && r.URL.Path != "/health":
			t.Errorf("%s %s was answered without a login: %s", r.Method, r.URL, w.Body)
		}
	})
}
