// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"errors"
	"testing"
	"time"

	"vrrpsh/conf"
)

// TestMemory: a right password is recognised again, and no other password is accepted.
func TestMemory(t *testing.T) {
	c := newMemory()
	users := map[string]conf.User{}
	for _, name := range []string{"a", "b"} {
		users[name] = conf.User{Name: name}
	}
	c.add(users["a"], "secret")
	for _, tt := range []struct {
		user, password string
		want           bool
	}{{"a", "secret", true}, {"a", "Secret", false}, {"a", "", false}, {"b", "secret", false}} {
		if got := c.has(users[tt.user], tt.password); got != tt.want {
			t.Errorf("%s with %q: %t", tt.user, tt.password, got)
		}
	}
	c.add(users["a"], "other")
	if c.has(users["a"], "secret") || !c.has(users["a"], "other") {
		t.Error("the remembered password is not the last right one")
	}
}

// A remembered password costs no hash, and guesses are limited as before.
func TestRememberedPasswordsAreThrottled(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g, users := NewGate(c.Now), someUsers(t)
	check := func(source, password string, want error) {
		t.Helper()
		if _, err := g.Check(t.Context(), users, source, "admin", password); !errors.Is(err, want) {
			t.Errorf("%s with %s: %v, want %v", source, password, err, want)
		}
	}
	check("192.0.2.1", "banana", nil)
	for range failuresPerUser {
		check("192.0.2.2", "apple", ErrWrong)
	}
	check("192.0.2.2", "banana", ErrTooMany)
	check("192.0.2.1", "banana", nil)
	g.checks.busy = checkLimit // no hash can be made
	for range checkQueue {
		g.checks.waiting = append(g.checks.waiting, &waiter{Standing{Friend: true}, make(chan error, 1)})
	}
	check("192.0.2.1", "banana", nil)
	check("192.0.2.1", "apple", ErrTooMany)
}
