// SPDX-License-Identifier: GPL-3.0-only

package sshd

import "golang.org/x/crypto/ssh"

// The offered and accepted algorithms (RFC 9142): key exchanges with forward secrecy and SHA-2, ciphers in counter
// mode or with authentication, and no signatures with SHA-1 or DSA. The library's defaults include older algorithms.
var (
	keyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521}
	ciphers      = []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR}
	macs         = []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM, ssh.HMACSHA256, ssh.HMACSHA512}
	// signatures lists the signature algorithms for users' keys and, as far as its type supports them, for the host
	// key.
	signatures = []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512,
	}
)

// modern restricts a configuration to these algorithms.
func modern(c *ssh.ServerConfig) {
	c.KeyExchanges, c.Ciphers, c.MACs, c.PublicKeyAuthAlgorithms = keyExchanges, ciphers, macs, signatures
}

// signing restricts the signature algorithms of a host key, which may be of any type that a key file can contain.
func signing(key ssh.Signer) (ssh.Signer, error) {
	algorithms, ok := key.(ssh.AlgorithmSigner)
	if !ok || key.PublicKey().Type() != ssh.KeyAlgoRSA {
		return key, nil
	}
	return ssh.NewSignerWithAlgorithms(algorithms, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256})
}
