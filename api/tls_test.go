// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
)

func serveUnix(t *testing.T, path string, h http.Handler) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
}

// certificate writes a self-signed certificate for 127.0.0.1, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "r1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestTLS logs in with curl, which checks the certificate, over HTTP/1.1 and HTTP/2; and
// checks that a session survives a restart only with api.secret.
func TestTLS(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	cert, key := certificate(t)
	for _, secret := range []string{"", "a secret of the test's"} {
		t.Run("secret "+secret, func(t *testing.T) {
			a, config, _ := newAPI(t, testView())
			config.API.Secret = secret
			host := freeHost()
			run := func(a *API) *Listener {
				l := NewListener(a.Remote(), slog.New(slog.DiscardHandler), login.NewGate(time.Now))
				err := l.Apply(conf.APIConfig{Enabled: true, Host: host, TLS: true, TLSCert: cert, TLSKey: key})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(l.Close)
				return l
			}
			first := run(a)
			jar := filepath.Join(t.TempDir(), "cookie")
			curl := func(args ...string) string {
				out, _ := exec.Command("curl", append([]string{"-s", "-w", "%{http_code} %{http_version}", "--cacert", cert}, args...)...).CombinedOutput()
				return string(out)
			}
			if got := curl("--tls-max", "1.1", "https://"+host+"/"); !strings.HasSuffix(got, "000 0") {
				t.Errorf("TLS 1.1: %s", got)
			}
			if got := curl("-c", jar, "-d", "user=admin passwd=banana", "-X", "POST", "https://"+host+"/auth"); !strings.HasSuffix(got, "200 2") {
				t.Fatalf("login: %s", got)
			}
			if text, err := os.ReadFile(jar); err != nil || !strings.Contains(string(text), "#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE") {
				t.Errorf("the cookie is not HttpOnly and Secure: %s", text)
			}
			if got := curl("--http1.1", "-b", jar, "https://"+host+"/run/vrrp"); !strings.HasSuffix(got, "200 1.1") {
				t.Errorf("with the session: %s", got)
			}
			first.Close()
			again, second, _ := newAPI(t, testView())
			second.API.Secret = secret
			run(again)
			want := "200 2"
			if secret == "" {
				want = "401 2"
			}
			if got := curl("-b", jar, "https://"+host+"/run/vrrp"); !strings.HasSuffix(got, want) {
				t.Errorf("after a restart: %s, want %s", got, want)
			}
		})
	}
}
