// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"vrrpsh/conf"
)

// memory remembers the last valid password of each user. A password hash takes megabytes and a processor; a client
// that sends the password with every request, as Prometheus does, must not cause one each time.
type memory struct {
	key [32]byte // of this process

	mu   sync.Mutex
	sums map[string][sha256.Size]byte // by user
}

func newMemory() *memory {
	c := &memory{sums: make(map[string][sha256.Size]byte)}
	rand.Read(c.key[:]) // never fails
	return c
}

// sum covers the password and the user's entry in the configuration: a change of the entry invalidates the sum.
func (c *memory) sum(u conf.User, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write(u.Fingerprint())
	mac.Write([]byte(password))
	mac.Sum(sum[:0])
	return sum
}

func (c *memory) has(u conf.User, password string) bool {
	c.mu.Lock()
	known, ok := c.sums[u.Name]
	c.mu.Unlock()
	sum := c.sum(u, password)
	return ok && hmac.Equal(known[:], sum[:])
}

func (c *memory) add(u conf.User, password string) {
	sum := c.sum(u, password)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sums[u.Name] = sum
}

// find returns the user with this name and password if memory holds them.
func (c *memory) find(users conf.Users, name, password string) (conf.User, bool) {
	for _, u := range users {
		if u.Name == name && c.has(u, password) {
			return u, true
		}
	}
	return conf.User{}, false
}
