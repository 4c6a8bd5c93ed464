// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
)

// TestEveryAnswerIsSecured checks that every answer has the security headers for browsers.
func TestEveryAnswerIsSecured(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	for _, overTLS := range []bool{false, true} {
		for _, tc := range []struct{ method, path string }{
			{"GET", "/"}, {"GET", "/health"}, {"GET", "/run/vrrp"}, {"GET", "/nothing"}, {"GET", "/%2e%2e/x"}, {"POST", "/auth"}, {"DELETE", "/run/vrrp"}, {"OPTIONS", "/auth"},
		} {
			r := httptest.NewRequest(tc.method, tc.path, nil)
			if overTLS {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			a.Remote().ServeHTTP(w, r)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
			} {
				if got := w.Header().Get(name); !strings.Contains(got, want) {
					t.Errorf("%s %s: %s is %q", tc.method, tc.path, name, got)
				}
			}
			if got := w.Header().Get("Strict-Transport-Security"); (got != "") != overTLS {
				t.Errorf("%s %s: over TLS %t: Strict-Transport-Security %q", tc.method, tc.path, overTLS, got)
			}
		}
	}
}

// TestTheServerAnswersNothingItself: net/http would answer "OPTIONS *" without the handler, and so without the headers.
func TestTheServerAnswersNothingItself(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(a.Remote(), slog.New(slog.DiscardHandler))
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Close() }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: r1\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(answer), "\r\nX-Content-Type-Options: nosniff\r\n") {
		t.Errorf("%q, %v", answer, err)
	}
}

// TestLoginFromAnotherSite checks that a page of another site, open in the browser of a user who can reach the router, cannot log in.
func TestLoginFromAnotherSite(t *testing.T) {
	a, _, _ := newAPI(t, testView())
	login := func(header ...string) int {
		r := httptest.NewRequest(http.MethodPost, "http://r1.example:7080/auth", strings.NewReader("user=nobody passwd=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		a.Remote().ServeHTTP(w, r)
		return w.Code
	}
	const wrong, refused, unsupported = http.StatusUnauthorized, http.StatusForbidden, http.StatusUnsupportedMediaType
	for _, tc := range []struct {
		header []string
		want   int
	}{
		{nil, wrong}, // the password is checked
		{[]string{"Sec-Fetch-Site", "same-origin"}, wrong},
		{[]string{"Origin", "http://r1.example:7080"}, wrong},
		{[]string{"Sec-Fetch-Site", "cross-site"}, refused},
		{[]string{"Sec-Fetch-Site", "same-site"}, refused},
		{[]string{"Origin", "http://evil.example"}, refused},
		{[]string{"Origin", "null"}, refused},
		{[]string{"Content-Type", "text/plain"}, unsupported}, // what a form of another site can send without a preflight request
		{[]string{"Content-Type", "multipart/form-data; boundary=x"}, unsupported},
		{[]string{"Content-Type", "application/jsonx"}, unsupported},
		{[]string{"Content-Type", ";"}, unsupported},
		{[]string{"Content-Type", ""}, wrong},
		{[]string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, wrong},
	} {
		if got := login(tc.header...); got != tc.want {
			t.Errorf("%q: %d, want %d", tc.header, got, tc.want)
		}
	}
}

// listenTLS runs a listener with a certificate, and returns its configuration.
func listenTLS(t *testing.T, log io.Writer) (*Listener, conf.APIConfig) {
	t.Helper()
	cert, key := certificate(t)
	c := conf.APIConfig{Enabled: true, Host: freeHost(), TLS: true, TLSCert: cert, TLSKey: key}
	l := NewListener(http.NotFoundHandler(), slog.New(slog.NewTextHandler(log, nil)), login.NewGate(time.Now))
	if err := l.Apply(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, c
}

// TestRenewedCertificate checks that new connections get the renewed certificate after Renew, and that an unreadable file changes
// nothing. A key that other users can read causes a warning.
func TestRenewedCertificate(t *testing.T) {
	var log bytes.Buffer
	l, c := listenTLS(t, &log)
	host, cert, key := c.Host, c.TLSCert, c.TLSKey
	served := func() *x509.Certificate {
		t.Helper()
		c, err := tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0]
	}
	first := served()
	newCert, newKey := certificate(t)
	for to, from := range map[string]string{cert: newCert, key: newKey} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if !served().Equal(first) {
		t.Error("another certificate before Renew")
	}
	if err := l.Renew(); err != nil {
		t.Fatal(err)
	}
	second := served()
	if second.Equal(first) {
		t.Error("the previous certificate after Renew")
	}
	if !strings.Contains(log.String(), "users other than its owner can use the TLS key") || !strings.Contains(log.String(), "mode=0644") {
		t.Errorf("no warning about the key: %s", log.String())
	}
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Renew(); err == nil {
		t.Error("no error for a file that is not a certificate")
	}
	if !served().Equal(second) {
		t.Error("another certificate after an error")
	}
}

// TestRenewDoesNotWait checks that a pipe, a device or a huge file in place of the certificate or its key is an error at once: commits wait
// for Renew.
func TestRenewDoesNotWait(t *testing.T) {
	l, c := listenTLS(t, io.Discard)
	for _, file := range []string{c.TLSCert, c.TLSKey} {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, replace := range map[string]func() error{
			"a pipe":      func() error { return syscall.Mkfifo(file, 0o600) },
			"a device":    func() error { return os.Symlink("/dev/zero", file) },
			"a huge file": func() error { return errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, 1<<40)) },
			"a directory": func() error { return os.Mkdir(file, 0o700) },
		} {
			if err := errors.Join(os.Remove(file), replace()); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- l.Renew() }()
			select {
			case err := <-done:
				if err == nil {
					t.Errorf("no error for %s", name)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("Renew waits for %s", name)
			}
		}
		if err := errors.Join(os.Remove(file), os.WriteFile(file, good, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := l.Renew(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// TestTLSIsModern offers protocol versions and ciphers that must be refused.
func TestTLSIsModern(t *testing.T) {
	_, served := listenTLS(t, io.Discard)
	try := func(c *tls.Config) error {
		c.InsecureSkipVerify = true
		conn, err := tls.Dial("tcp", served.Host, c)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := try(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		wanted := strings.HasPrefix(suite.Name, "TLS_ECDHE_ECDSA_") && (strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "CHACHA20"))
		if len(suite.SupportedVersions) == 1 && suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue // cannot be chosen
		}
		err := try(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		if (err == nil) != wanted {
			t.Errorf("%s: %v", suite.Name, err)
		}
	}
}
