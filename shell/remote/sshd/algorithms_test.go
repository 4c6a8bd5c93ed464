// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
)

// TestOldAlgorithmsAreRefused offers every algorithm of the library, one at a time.
func TestOldAlgorithmsAreRefused(t *testing.T) {
	r := newRouter(t, nil)
	try := func(c ssh.Config) error {
		client, err := ssh.Dial("tcp", r.addr, &ssh.ClientConfig{
			Config: c, User: "alice", Auth: []ssh.AuthMethod{ssh.PublicKeys(r.key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: deadline,
		})
		if err == nil {
			_ = client.Close()
		}
		return err
	}
	check := func(all, wanted []string, config func(string) ssh.Config) {
		for _, name := range all {
			if err := try(config(name)); (err == nil) != slices.Contains(wanted, name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	supported, insecure := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	check(append(supported.KeyExchanges, insecure.KeyExchanges...), keyExchanges, func(n string) ssh.Config { return ssh.Config{KeyExchanges: []string{n}} })
	check(append(supported.Ciphers, insecure.Ciphers...), ciphers, func(n string) ssh.Config { return ssh.Config{Ciphers: []string{n}} })
	check(append(supported.MACs, insecure.MACs...), macs, func(n string) ssh.Config {
		return ssh.Config{MACs: []string{n}, Ciphers: []string{ssh.CipherAES128CTR}}
	})
	for _, name := range slices.Concat(keyExchanges, ciphers, macs, signatures) {
		if strings.Contains(name, "sha1") || strings.Contains(name, "cbc") || strings.Contains(name, "dss") || name == "ssh-rsa" || strings.Contains(name, "md5") {
			t.Errorf("%s is among the modern algorithms", name)
		}
	}
}

// TestRSASignsWithSHA2: an RSA key logs in with SHA-2 signatures, not with ssh-rsa signatures.
func TestRSASignsWithSHA2(t *testing.T) {
	r := newRouter(t, nil)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	r.authorize(authorize(key))
	for algorithm, want := range map[string]bool{ssh.KeyAlgoRSASHA256: true, ssh.KeyAlgoRSASHA512: true, ssh.KeyAlgoRSA: false} {
		only, err := ssh.NewSignerWithAlgorithms(key.(ssh.AlgorithmSigner), []string{algorithm})
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.dial("alice", ssh.PublicKeys(only))
		if err == nil {
			_ = c.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	signer, err := signing(key)
	if err != nil {
		t.Fatal(err)
	}
	if got := signer.(ssh.MultiAlgorithmSigner).Algorithms(); slices.Contains(got, ssh.KeyAlgoRSA) {
		t.Errorf("the host key signs with %s", got)
	}
}

// TestKeyOffersAreLimited: after a source has offered too many keys, none of its keys is checked.
func TestKeyOffersAreLimited(t *testing.T) {
	r := newRouter(t, nil)
	r.alice()
	for r.server.o.Gate.OfferKey("127.0.0.1") {
	}
	if _, err := r.dial("alice", ssh.PublicKeys(r.key)); err == nil {
		t.Error("one key too many was checked")
	}
	if c, err := r.dialFrom(t.Context(), "127.0.0.9", "alice", ssh.PublicKeys(r.key)); err != nil {
		t.Errorf("another source: %v", err)
	} else {
		_ = c.Close()
	}
}

// TestPasswordChangeEndsSessions: after a change of the password, users who logged in by key or password are no longer in the new
// configuration.
func TestPasswordChangeEndsSessions(t *testing.T) {
	list := users(t, map[string]conf.Level{"alice": conf.Administrator})
	before := &conf.Config{API: conf.APIConfig{Users: list}}
	if !list[0].In(before) {
		t.Error("not in the configuration that has the user")
	}
	after := &conf.Config{API: conf.APIConfig{Users: users(t, map[string]conf.Level{"alice": conf.Administrator})}} // a new salt
	if list[0].In(after) {
		t.Error("still in the configuration that has another password")
	}
}

// TestHostKeyInUnsafeHands: a host key that other users could replace is not used.
func TestHostKeyInUnsafeHands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "key")
	if _, err := hostKey(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(path); err == nil || !strings.Contains(err.Error(), "can be written by others") {
		t.Errorf("in a directory that everybody can write to: %v", err)
	}
}

// TestHostKeyOfSomebodyElse: a host key that another user has put into a directory that all can write to is not used, because that user
// knows the key.
func TestHostKeyOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := filepath.Join(t.TempDir(), "tmp")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	path, link := filepath.Join(dir, "key"), filepath.Join(t.TempDir(), "link")
	if _, err := hostKey(path); err != nil {
		t.Fatalf("the router's own: %v", err)
	}
	if err := errors.Join(os.Chown(path, 54321, 0), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, link} {
		if _, err := hostKey(path); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
