// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"vrrpsh/conf"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func someUsers(t *testing.T) conf.Users {
	t.Helper()
	var users conf.Users
	for _, name := range []string{"admin", "other"} {
		line, err := conf.HashPassword(name, conf.Administrator, "banana", conf.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		u, err := conf.ParseUser(line)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	return users
}

func TestWrongPasswordsAreSlowed(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g, users := NewGate(c.Now), someUsers(t)
	check := func(source, name, password string, want error) {
		t.Helper()
		u, err := g.Check(t.Context(), users, source, name, password)
		if !errors.Is(err, want) || want == nil && u.Name != name {
			t.Errorf("%s as %s with %s: %v, %v, want %v", source, name, password, u, err, want)
		}
	}
	for range failuresPerUser {
		check("192.0.2.1", "admin", "apple", ErrWrong)
	}
	check("192.0.2.1", "admin", "banana", ErrTooMany)
	check("192.0.2.1", "other", "banana", nil)
	check("192.0.2.2", "admin", "banana", nil)
	c.advance(RetryAfter)
	check("192.0.2.1", "admin", "banana", nil)
	// A success clears the failures of the user, but not those of the source.
	for i := range failuresPerSource {
		check("192.0.2.3", "stranger"+string(rune('a'+i)), "x", ErrWrong)
	}
	check("192.0.2.3", "admin", "banana", ErrTooMany)
}

// A host can use any number of addresses of its IPv6 network.
func TestAddressesOfANetworkCountTogether(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g, users := NewGate(c.Now), someUsers(t)
	for i := range failuresPerUser {
		if _, err := g.Check(t.Context(), users, fmt.Sprintf("2001:db8::%x", i+1), "admin", "apple"); !errors.Is(err, ErrWrong) {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	for source, want := range map[string]error{
		"2001:db8::ffff": ErrTooMany, "2001:db8:0:1::1": nil, "::ffff:192.0.2.1": nil,
	} {
		if _, err := g.Check(t.Context(), users, source, "admin", "banana"); !errors.Is(err, want) {
			t.Errorf("from %s: %v, want %v", source, err, want)
		}
	}
}

// However many sources try at once, only a few passwords are checked at a time, and only a few attempts wait.
func TestChecksAreBounded(t *testing.T) {
	g, users := NewGate(time.Now), someUsers(t)
	for range checkLimit {
		if err := g.checks.begin(t.Context(), Standing{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error)
	for i := range checkQueue + 10 {
		go func() {
			_, err := g.Check(ctx, users, fmt.Sprintf("192.0.2.%d", i), "admin", "banana")
			answers <- err
		}()
	}
	for range 10 {
		if err := <-answers; !errors.Is(err, ErrTooMany) {
			t.Errorf("beyond the queue: %v", err)
		}
	}
	cancel()
	for range checkQueue {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("in the queue: %v", err)
		}
	}
	g.checks.end()
	if _, err := g.Check(t.Context(), users, "192.0.2.1", "admin", "banana"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestKeyOffersAreThrottled: a source may offer a limited number of keys, whatever user names it uses; other
// sources are not delayed.
func TestKeyOffersAreThrottled(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g := NewGate(c.Now)
	for i := range keysAtOnce {
		if !g.OfferKey("2001:db8::1") {
			t.Fatalf("key %d is refused", i)
		}
	}
	if g.OfferKey("2001:db8::1") || g.OfferKey("2001:db8::2") { // the same /64
		t.Error("one more is allowed")
	}
	if !g.OfferKey("2001:db8:1::1") {
		t.Error("another source is refused")
	}
	c.advance(keyInterval)
	if !g.OfferKey("2001:db8::1") {
		t.Error("still refused after the interval")
	}
	for i := range 2 * throttleEntries {
		g.OfferKey(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String())
	}
	if n := len(g.throttle.sources); n > throttleEntries {
		t.Errorf("%d sources are remembered", n)
	}
}

// The number of remembered user names of a source is bounded.
func TestNamesAreForgotten(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g, users := NewGate(c.Now), someUsers(t)
	for i := range 5 * userEntries {
		_, _ = g.Check(t.Context(), users, "192.0.2.1", fmt.Sprint("stranger", i), "x")
		c.advance(failureInterval / 10)
	}
	if n := len(g.throttle.source("192.0.2.1").users); n > userEntries {
		t.Errorf("%d names are remembered, want at most %d", n, userEntries)
	}
}

func TestCheckGivesUpItsTurn(t *testing.T) {
	g := NewGate(time.Now)
	release, err := g.throttle.enter(t.Context(), "192.0.2.1", "admin")
	if err != nil {
		t.Fatal(err)
	}
	defer release(right)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Check(ctx, someUsers(t), "192.0.2.1", "admin", "banana"); !errors.Is(err, context.Canceled) {
		t.Errorf("while another attempt is checked: %v", err)
	}
}

func TestThrottleForgets(t *testing.T) {
	c := &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	throttle := newThrottle(c.Now)
	for i := range throttleEntries + 10 {
		c.advance(time.Millisecond)
		throttle.source(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String())
	}
	if n := len(throttle.sources); n > throttleEntries {
		t.Errorf("%d sources remembered, want at most %d", n, throttleEntries)
	}
}

// TestLongNamesTakeNoMemory: a stranger's user names are as long as a request or an SSH packet.
func TestLongNamesTakeNoMemory(t *testing.T) {
	g := NewGate(time.Now)
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	for i := range 100 {
		name := fmt.Sprint(i) + strings.Repeat("x", 200_000)
		if _, err := g.Check(t.Context(), nil, fmt.Sprintf("192.0.2.%d", i), name, "x"); !errors.Is(err, ErrWrong) {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("100 wrong names take %d bytes of memory", grown)
	}
	runtime.KeepAlive(g)
}
