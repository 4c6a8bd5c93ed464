// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/subtle"
	"hash"
	"io"
)

// An authenticator makes and verifies the authentication data of VRRPv2. It
// keeps the keyed hashes, which are too costly to create for every message. A nil
// authenticator is that of AuthNone.
type authenticator struct {
	simple [authLen]byte // AuthSimple
	mac    hash.Hash     // AuthP0
	xof    *sha3.SHAKE   // AuthP1
	secret []byte        // AuthP1
	sum    [sha256.Size]byte
}

// newAuthenticator returns the authenticator of an authentication type.
func newAuthenticator(kind AuthType, secret string) *authenticator {
	switch kind {
	case AuthSimple:
		k := new(authenticator)
		copy(k.simple[:], secret) // truncated, or padded with NUL
		return k
	case AuthP0:
		return &authenticator{mac: hmac.New(sha256.New, []byte(secret))}
	case AuthP1:
		return &authenticator{xof: sha3.NewSHAKE256(), secret: []byte(secret)}
	default:
		return nil
	}
}

// data returns the authentication data for a header with its addresses. The
// checksum in the header counts as zero: it is computed last and covers the data.
func (k *authenticator) data(msg []byte) (data [authLen]byte) {
	switch {
	case k == nil:
		return data
	case k.mac != nil:
		k.mac.Reset()
		writeUnsummed(k.mac, msg)
		return [authLen]byte(k.mac.Sum(k.sum[:0]))
	case k.xof != nil:
		k.xof.Reset()
		_, _ = k.xof.Write(k.secret)
		writeUnsummed(k.xof, msg)
		_, _ = k.xof.Read(data[:])
		return data
	default:
		return k.simple
	}
}

// verify reports whether a VRRPv2 message with its authentication data is authentic.
func (k *authenticator) verify(msg []byte) bool {
	if k == nil { // RFC 3768 section 5.3.6: the data is ignored
		return true
	}
	end := len(msg) - authLen
	if end < headerLen {
		return false
	}
	want := k.data(msg[:end])
	return subtle.ConstantTimeCompare(want[:], msg[end:]) == 1
}

// noChecksum stands for the checksum of a message when it is hashed.
var noChecksum = []byte{0, 0}

// writeUnsummed hashes a message as if its checksum were zero. Hashes do not fail.
func writeUnsummed(h io.Writer, msg []byte) {
	_, _ = h.Write(msg[:offChecksum])
	_, _ = h.Write(noChecksum)
	_, _ = h.Write(msg[headerLen:])
}
