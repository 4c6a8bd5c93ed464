// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
	"vrrpsh/shell"
)

// from returns a dialer with this source address.
func from(address string) *net.Dialer {
	return &net.Dialer{Timeout: deadline, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
}

// dialFrom is dial from this source address.
func (r *router) dialFrom(ctx context.Context, address, user string, how ...ssh.AuthMethod) (*ssh.Client, error) {
	raw, err := from(address).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn, channels, requests, err := ssh.NewClientConn(raw, r.addr, &ssh.ClientConfig{
		User: user, Auth: how, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: deadline,
	})
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return ssh.NewClient(conn, channels, requests), nil
}

// addressOf returns one of many addresses.
func addressOf(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200) }

// until waits for a condition.
func (r *router) until(what string, met func() bool) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); !met(); <-tick.C {
		if time.Now().After(end) {
			r.t.Fatal("waited in vain until " + what)
		}
	}
}

// crowd makes each of many addresses repeat an action until the test ends; pause is the time between two repetitions in the whole crowd. It
// returns when each address has begun.
func crowd(t *testing.T, addresses, each int, pause time.Duration, do func(ctx context.Context, address string, begun func())) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	pace := time.NewTicker(pause)
	var all, first sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait(); pace.Stop() })
	for i := range addresses {
		for range each {
			first.Add(1)
			begun := sync.OnceFunc(first.Done)
			all.Go(func() {
				defer begun()
				for ctx.Err() == nil {
					do(ctx, addressOf(i), begun)
					select {
					case <-pace.C:
					case <-ctx.Done():
					}
				}
			})
		}
	}
	first.Wait()
}

// TestNobodyIsKeptOut: strangers hold as many connections as they get, reconnect at once when they lose one, and try passwords. Other users
// can still log in for the first time.
func TestNobodyIsKeptOut(t *testing.T) {
	hold := func(r *router, send string) func(context.Context, string, func()) {
		return func(ctx context.Context, address string, begun func()) {
			c, err := from(address).DialContext(ctx, "tcp", r.addr)
			if err != nil {
				return
			}
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			_, _ = io.WriteString(c, send)
			begun()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}
	silent := func(r *router) func(context.Context, string, func()) { return hold(r, "") }
	for name, attack := range map[string]struct {
		addresses, each int
		pause           time.Duration
		do              func(r *router) func(context.Context, string, func())
	}{
		"six addresses, silent":            {6, DefaultLimits.Each, time.Millisecond, silent},
		"one address, more than the limit": {1, 100, time.Millisecond, silent},
		"hundreds of addresses":            {300, 1, time.Millisecond, silent},
		"six addresses, a version": {6, DefaultLimits.Each, time.Millisecond, func(r *router) func(context.Context, string, func()) {
			return hold(r, "SSH-2.0-x\r\n")
		}},
		"two hundred guessers": {200, 1, 10 * time.Millisecond, guess}, // each costs this process as much as a login
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t, nil)
			var list conf.Users
			for i := range 50 {
				list = append(list, users(t, map[string]conf.Level{fmt.Sprintf("user%d", i): conf.Viewer})...)
			}
			changed := *r.config.Load()
			changed.API.Users = append(changed.API.Users, list...)
			r.config.Store(&changed)
			crowd(t, attack.addresses, attack.each, attack.pause, attack.do(r))
			r.until("each of them was there", func() bool {
				there := 0
				for i := range attack.addresses {
					if r.server.o.Gate.Standing(addressOf(i)).Faults > 0 {
						there++
					}
				}
				return there >= attack.addresses-DefaultLimits.Waiting
			})
			for i := range 50 {
				c, err := r.dialFrom(t.Context(), fmt.Sprintf("127.0.9.%d", i+1), fmt.Sprintf("user%d", i), ssh.Password("banana"))
				if err != nil {
					t.Errorf("login %d: %v", i, err)
					continue
				}
				_ = c.Close()
			}
			for i := range 50 { // and repeatedly from one source
				c, err := r.dialFrom(t.Context(), "127.0.0.9", "alice", ssh.PublicKeys(r.key))
				if err != nil {
					t.Errorf("login %d of one user: %v", i, err)
					continue
				}
				_ = c.Close()
			}
		})
	}
}

// guess tries a password.
func guess(r *router) func(context.Context, string, func()) {
	return func(ctx context.Context, address string, begun func()) {
		defer begun()
		if c, err := r.dialFrom(ctx, address, "alice", ssh.Password("apple")); err == nil {
			_ = c.Close()
		}
	}
}

// TestOneUserDoesNotTakeAll: a viewer opens as many connections and sessions of each kind as possible, and does not read their output.
// Other users can still log in.
func TestOneUserDoesNotTakeAll(t *testing.T) {
	r := newRouter(t, func(o *Options) {
		o.NewSession = func(u conf.User, source string) shell.Conversation { // the test does not use the sessions
			return &conversation{user: u, source: source, notices: make(chan string), closed: make(chan struct{}), waiting: make(chan struct{})}
		}
	})
	change := *r.config.Load()
	change.API.Users = append(change.API.Users, users(t, map[string]conf.Level{"carol": conf.Viewer})...)
	r.config.Store(&change)
	connections, sessions := 0, 0
	for range DefaultLimits.Users {
		c, err := r.dial("bob", ssh.Password("banana"))
		if err != nil {
			continue
		}
		defer func() { _ = c.Close() }()
		connections++
		s, err := c.NewSession()
		if err != nil {
			continue
		}
		sessions++
		for range DefaultLimits.Sessions {
			more, err := c.NewSession()
			if err != nil {
				break
			}
			sessions++
			_ = more.Start("wait")
		}
		_ = s.Start("wait")
	}
	if connections != DefaultLimits.User || sessions > DefaultLimits.PerUser {
		t.Errorf("%d connections and %d sessions of one user, want %d and %d", connections, sessions, DefaultLimits.User, DefaultLimits.PerUser)
	}
	for i := range 50 {
		user := []string{"alice", "carol"}[i%2]
		c, err := r.dialFrom(t.Context(), "127.0.0.9", user, ssh.Password("banana"))
		if err != nil {
			t.Fatalf("login %d: %v", i, err)
		}
		if out, errs, _ := r.run(c, "say hello", ""); out != "hello\n" {
			t.Errorf("session %d: %q %q", i, out, errs)
		}
		_ = c.Close()
	}
}

// connections returns the number of connections that are logged in.
func (r *router) connections() int {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return len(r.server.users)
}

// TestPlacesForAdministrators: when other users have taken all the connections, administrators can still log in.
func TestPlacesForAdministrators(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Users, o.Limits.User, o.Limits.Reserved = 4, 3, 1 })
	change := *r.config.Load()
	change.API.Users = append(change.API.Users, users(t, map[string]conf.Level{"carol": conf.Viewer})...)
	r.config.Store(&change)
	in := func(user string) bool {
		t.Helper()
		said, before := "", r.connections()
		c, err := ssh.Dial("tcp", r.addr, &ssh.ClientConfig{
			User: user, Auth: []ssh.AuthMethod{ssh.Password("banana")}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: deadline,
			BannerCallback: func(text string) error { said += text; return nil },
		})
		if err != nil {
			if !strings.HasPrefix(said, "too many connections") {
				t.Errorf("%s got no reason: %q", user, said)
			}
			return false
		}
		t.Cleanup(func() { _ = c.Close() })
		r.until("the login counts", func() bool { return r.connections() > before })
		return true
	}
	for i, user := range []string{"bob", "bob", "bob"} {
		if !in(user) {
			t.Errorf("%d: %s is refused", i, user)
		}
	}
	if in("bob") || in("carol") {
		t.Error("viewers got more than their share")
	}
	if !in("alice") {
		t.Error("the administrator is refused")
	}
}

// TestStuckReader: the server drops a client that does not read the output of its command.
func TestStuckReader(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.Stuck = 100 * time.Millisecond })
	c := r.alice()
	channel, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	if _, err := channel.SendRequest("shell", true, nil); err != nil {
		t.Fatal(err)
	}
	line := "say " + strings.Repeat("x", 50_000) + "\n"
	for range 100 {
		if _, err := io.WriteString(channel, line); err != nil {
			break
		}
	}
	r.wait("the end of the session", r.conversation().closed)
}
