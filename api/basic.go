package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"

	"vrrpsh/conf"
)

// challenge asks for a name and a password, of clients that keep no session.
const challenge = `Basic realm="vrrpsh", charset="UTF-8"`

// basic lets a request in by the user and password that it carries (RFC 7617), or answers why it does not.
func (a *API) basic(w http.ResponseWriter, r *http.Request) (conf.User, bool) {
	name, password, ok := r.BasicAuth()
	if !ok {
		w.Header().Set("WWW-Authenticate", challenge)
		fail(w, r, http.StatusUnauthorized, errNoSession)
		return conf.User{}, false
	}
	for _, u := range a.config().API.Users {
		if u.Name == name && a.checked.has(u, password) {
			return u, true
		}
	}
	user, ok := a.check(w, r, name, password)
	if ok {
		a.checked.add(user, password)
	}
	return user, ok
}

// checked remembers the last right password of each user: a client that sends it with every request, as Prometheus
// does, must not cost a password hash each time, which takes megabytes and a processor.
type checked struct {
	key [32]byte // of this process

	mu   sync.Mutex
	sums map[string][sha256.Size]byte // by user
}

func newChecked() *checked {
	c := &checked{sums: make(map[string][sha256.Size]byte)}
	rand.Read(c.key[:]) // never fails
	return c
}

// sum is of the password and of the user's entry in the configuration: a password that has changed is no longer right.
func (c *checked) sum(u conf.User, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write(u.Fingerprint())
	mac.Write([]byte(password))
	mac.Sum(sum[:0])
	return sum
}

func (c *checked) has(u conf.User, password string) bool {
	c.mu.Lock()
	known, ok := c.sums[u.Name]
	c.mu.Unlock()
	sum := c.sum(u, password)
	return ok && hmac.Equal(known[:], sum[:])
}

func (c *checked) add(u conf.User, password string) {
	sum := c.sum(u, password)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sums[u.Name] = sum
}
