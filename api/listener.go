// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/regular"
)

// Limits on the resources that a client may occupy.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10 // bytes
	closeTimeout  = 2 * time.Second
	maxStreams    = 16 // of one HTTP/2 connection
	maxPEM        = 1 << 20
)

// NewServer returns an HTTP server with limits on headers, bodies and slow clients.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(log.Handler(), journal.Medium),
		ConnContext:       connContext,
		ConnState:         touch,

		DisableGeneralOptionsHandler: true, // it would answer without the handler
	}
}

// Listener runs the TCP listener according to the running configuration.
type Listener struct {
	handler http.Handler
	log     *slog.Logger
	gate    *login.Gate

	mu      sync.Mutex
	applied conf.APIConfig
	server  *server // nil: the configuration disables the listener
}

// server is an open listener.
type server struct {
	*http.Server
	certificate atomic.Pointer[tls.Certificate] // for new connections; nil without TLS
}

// NewListener returns a Listener that does not listen yet. gate records the sources of clients.
func NewListener(h http.Handler, log *slog.Logger, gate *login.Gate) *Listener {
	return &Listener{handler: h, log: log, gate: gate}
}

// Apply opens, moves or closes the listener. If it fails, the listener stays as it was. Apply
// ignores users and secret, because the API reads them at every request.
func (l *Listener) Apply(want conf.APIConfig) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ListenerOf(l.applied) == ListenerOf(want) {
		return nil
	}
	old, oldServer := l.applied, l.server
	// The new socket can be opened while the old one is open only if the addresses differ.
	moves := oldServer != nil && want.Enabled && want.Host == old.Host
	if moves {
		l.close(oldServer)
	}
	server, err := l.open(want)
	if err != nil {
		if moves {
			if l.server, err = reopen(l, old, err); l.server == nil {
				l.applied = conf.APIConfig{}
			}
		}
		return err
	}
	if oldServer != nil && !moves {
		l.close(oldServer)
	}
	l.server, l.applied = server, want
	return nil
}

// Try returns the error that Apply would return. It opens a new address for a moment only.
func (l *Listener) Try(want conf.APIConfig) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !want.Enabled || ListenerOf(l.applied) == ListenerOf(want) {
		return nil
	}
	if want.TLS {
		if _, err := keyPair(want); err != nil {
			return err
		}
	}
	if l.server != nil && want.Host == l.applied.Host {
		return nil
	}
	socket, err := net.Listen("tcp", want.Host)
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	return socket.Close()
}

// Close ends the listener and its connections.
func (l *Listener) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		l.close(l.server)
		l.server, l.applied = nil, conf.APIConfig{}
	}
}

// ListenerOf returns the settings that the listener depends on, for comparison.
func ListenerOf(c conf.APIConfig) any {
	type listener struct {
		enabled, tls    bool
		host, key, cert string
	}
	return listener{c.Enabled, c.TLS, c.Host, c.TLSKey, c.TLSCert}
}

// reopen opens the old listener again after the new one has failed with cause.
func reopen(l *Listener, old conf.APIConfig, cause error) (*server, error) {
	server, err := l.open(old)
	return server, errors.Join(cause, err)
}

// open returns a running server, or nil if the configuration disables it.
func (l *Listener) open(c conf.APIConfig) (*server, error) {
	if !c.Enabled {
		return nil, nil
	}
	server := &server{Server: NewServer(l.handler, l.log)}
	if c.TLS {
		if err := server.load(c, l.log); err != nil {
			return nil, err
		}
		server.TLSConfig = server.tlsConfig()
	}
	socket, err := net.Listen("tcp", c.Host)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	socket = &limited{Listener: socket, source: networkOf, fault: l.gate.Fault, places: &login.Places{
		All: maxConnections, Each: maxSourceConnections, Kept: keptConnections, User: userConnections, Reserved: reservedConnections,
		Standing: l.gate.Standing,
	}}
	go func() {
		var err error
		if c.TLS {
			err = server.ServeTLS(socket, "", "")
		} else {
			err = server.Serve(socket)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("API listener ended", "host", c.Host, "error", err)
		}
	}()
	return server, nil
}

// ciphers are the cipher suites for TLS 1.2: only those with forward secrecy and authenticated encryption (RFC 9325
// section 4.2). The TLS 1.3 suites cannot be selected and all have these properties.
var ciphers = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func (s *server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: ciphers,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate.Load(), nil },
	}
}

// load reads the certificate and its key for new connections.
func (s *server) load(c conf.APIConfig, log *slog.Logger) error {
	pair, err := keyPair(c)
	if err != nil {
		return err
	}
	if fi, err := os.Stat(c.TLSKey); err == nil && fi.Mode().Perm()&0o077 != 0 {
		log.Warn("users other than its owner can use the TLS key", "file", c.TLSKey, "mode", fmt.Sprintf("%04o", fi.Mode().Perm()))
	}
	s.certificate.Store(&pair)
	return nil
}

// keyPair reads the certificate and its key. Whoever waits for them holds up all commits.
func keyPair(c conf.APIConfig) (tls.Certificate, error) {
	cert, err := regular.ReadFile(c.TLSCert, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("api: %w", err)
	}
	key, err := regular.ReadFile(c.TLSKey, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("api: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("api: %w", err)
	}
	return pair, nil
}

// Renew reads the certificate and its key again, in case they have been renewed. If it fails, new connections use the
// previous certificate.
func (l *Listener) Renew() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil || !l.applied.TLS {
		return nil
	}
	return l.server.load(l.applied, l.log)
}

// close gives running requests a short time to finish.
func (l *Listener) close(server *server) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}
