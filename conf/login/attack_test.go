// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
)

// TestGuessersKeepNobodyOut: strangers try passwords from two hundred addresses, continuously and as often as allowed. A user who logs
// in for the first time, from an unknown address, is served next.
func TestGuessersKeepNobodyOut(t *testing.T) {
	var users conf.Users
	for i := range 50 {
		line, err := conf.HashPassword(fmt.Sprintf("user%d", i), conf.Viewer, "banana", conf.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		u, err := conf.ParseUser(line)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		g.verify = func(ctx context.Context, users conf.Users, name, password string) (conf.User, bool, error) {
			time.Sleep(50 * time.Millisecond)
			user, ok := users.Authenticate(name, password)
			return user, ok, nil
		}
		var guessers sync.WaitGroup
		defer guessers.Wait()
		defer cancel()
		for i := range 200 {
			guessers.Go(func() {
				for ctx.Err() == nil {
					_, _ = g.Check(ctx, users, fmt.Sprintf("192.0.2.%d", i), "user0", "guess")
					time.Sleep(time.Duration(20+rand.IntN(40)) * time.Millisecond)
				}
			})
		}
		time.Sleep(10 * time.Second)
		for i := range 50 {
			began := time.Now()
			if _, err := g.Check(ctx, users, fmt.Sprintf("198.51.100.%d", i), fmt.Sprintf("user%d", i), "banana"); err != nil {
				t.Errorf("login %d: %v", i, err)
			}
			if took := time.Since(began); took > 200*time.Millisecond {
				t.Errorf("login %d took %v", i, took)
			}
		}
	})
}

func TestPlaces(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	standings := make(map[string]Standing)
	p := &Places{All: 6, Each: 3, Kept: 4, User: 2, Reserved: 1, Now: c.Now, Standing: func(s string) Standing { return standings[s] }}
	var lost []string
	enter := func(source string) *Place {
		c.advance(time.Second)
		name := fmt.Sprintf("%s%d", source, c.now.Second())
		return p.Enter(source, func() { lost = append(lost, name) })
	}
	loses := func(what string, want ...string) {
		t.Helper()
		if fmt.Sprint(lost) != fmt.Sprint(want) {
			t.Errorf("%s: %q lost their places, want %q", what, lost, want)
		}
		lost = nil
	}
	a := enter("a") // a1
	enter("a")
	enter("a")
	enter("a")
	loses("a fourth place of one source", "a1")
	enter("b") // b5
	enter("b")
	first := enter("c")
	loses("room for all")
	enter("d")
	loses("no place left", "a2")
	a.Leave() // its place is already lost
	standings["d"] = Standing{Faults: 9}
	enter("e")
	loses("one with faults", "d8")
	first.Touch()
	standings["c"] = Standing{Friend: true}
	enter("f")
	loses("the idlest place of the sources with two", "a3")
	for _, source := range []string{"g", "h", "i", "j"} {
		enter(source)
	}
	loses("the idlest place of a source without a login", "b5", "a4", "b6", "e9")
	for range 2 { // requests of one connection
		if !first.Keep("user", false) {
			t.Error("a user has no guaranteed place")
		}
	}
	second, third := enter("k"), enter("l")
	if !second.Keep("user", false) || third.Keep("user", false) {
		t.Error("a user has every place guaranteed")
	}
	if !third.Keep("other", false) {
		t.Error("another user has no guaranteed place")
	}
	lost = nil
	fourth := enter("m")
	if fourth.Keep("another", false) || !fourth.Keep("admin", true) {
		t.Error("no place is reserved for administrators")
	}
	lost = nil
	for range 10 {
		enter("n")
	}
	for _, name := range lost {
		if name[0] != 'n' && name[0] != 'i' && name[0] != 'j' {
			t.Errorf("%s has lost a guaranteed place", name)
		}
	}
	second.Leave()
	if !enter("o").Keep("user", false) {
		t.Error("a returned place is lost")
	}
}

// TestFriendsAreRemembered: however many strangers there are, users who have logged in before stay known, and the failures of a
// stranger are forgotten after a time.
func TestFriendsAreRemembered(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g, users := NewGate(c.Now), someUsers(t)
	if _, err := g.Check(t.Context(), users, "192.0.2.1", "admin", "banana"); err != nil {
		t.Fatal(err)
	}
	g.LoggedIn("192.0.2.2")
	for range 3 {
		g.Fault("192.0.2.3")
	}
	if _, err := g.Check(t.Context(), users, "192.0.2.3", "admin", "apple"); !errors.Is(err, ErrWrong) {
		t.Fatal(err)
	}
	if s := g.Standing("192.0.2.3"); s != (Standing{Faults: 4}) {
		t.Errorf("a stranger: %+v", s)
	}
	for i := range 3 * throttleEntries {
		g.Fault(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	for _, friend := range []string{"192.0.2.1", "192.0.2.2"} {
		if s := g.Standing(friend); !s.Friend {
			t.Errorf("%s is forgotten: %+v", friend, s)
		}
	}
	if n := len(g.throttle.sources); n > throttleEntries {
		t.Errorf("%d sources are remembered", n)
	}
	g.Fault("192.0.2.4")
	c.advance(friendTime)
	if s := g.Standing("192.0.2.4"); s.Faults != 0 {
		t.Errorf("after a day: %+v", s)
	}
	if s := g.Standing("192.0.2.1"); s.Friend {
		t.Errorf("after a day: %+v", s)
	}
}
