// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"vrrpsh/conf"
)

// tokenLife is how long a session lasts.
const tokenLife = 12 * time.Hour

// tokens creates and checks session tokens. A token carries its user and time and is signed.
// Therefore sessions need no memory and, with a configured secret, survive a restart. The signature
// covers the user's password hash: a changed password ends the sessions created with the old one.
type tokens struct {
	random [32]byte // the key if no secret is configured
	now    func() time.Time
}

func newTokens(now func() time.Time) *tokens {
	t := &tokens{now: now}
	rand.Read(t.random[:]) // never fails
	return t
}

// issue returns a token: base64(time, user name, signature).
func (t *tokens) issue(u conf.User, running conf.APIConfig) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.now().Unix()))
	b = append(b, u.Name...)
	b = t.sign(b, u, running)
	return base64.RawURLEncoding.EncodeToString(b)
}

// user returns the user of a token, if the token is genuine and not expired and the user still
// exists.
func (t *tokens) user(token string, running conf.APIConfig) (conf.User, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 8+sha256.Size {
		return conf.User{}, false
	}
	message := b[:len(b)-sha256.Size]
	for _, u := range running.Users {
		if u.Name != string(message[8:]) {
			continue
		}
		if !hmac.Equal(b, t.sign(message, u, running)) {
			return conf.User{}, false
		}
		age := t.now().Sub(time.Unix(int64(binary.BigEndian.Uint64(message)), 0))
		return u, age >= -time.Minute && age < tokenLife
	}
	return conf.User{}, false
}

// sign appends the signature to the message.
func (t *tokens) sign(message []byte, u conf.User, running conf.APIConfig) []byte {
	key := t.random[:]
	if running.Secret != "" {
		key = []byte(running.Secret)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	mac.Write(u.Fingerprint())
	return mac.Sum(message[:len(message):len(message)])
}
