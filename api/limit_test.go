// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vrrpsh/conf"
	"vrrpsh/conf/login"
)

// freeHost returns an address without a listener.
func freeHost() string {
	free := httptest.NewServer(nil)
	defer free.Close()
	return free.Listener.Addr().String()
}

// from returns a dialer with a separate source address.
func from(address string) *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
}

// crowd holds as many connections as possible from each address, and replaces closed ones, a thousand a second, until the test ends. It sends
// the given text on each connection.
func crowd(t *testing.T, host string, addresses, each int, send string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait() })
	pace := time.NewTicker(time.Millisecond)
	t.Cleanup(pace.Stop)
	var first sync.WaitGroup
	for i := range addresses {
		dialer := from(fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200))
		for range each {
			first.Add(1)
			begun := sync.OnceFunc(first.Done)
			all.Go(func() {
				defer begun()
				for ctx.Err() == nil {
					c, err := dialer.DialContext(ctx, "tcp", host)
					if err != nil {
						continue
					}
					stop := context.AfterFunc(ctx, func() { _ = c.Close() })
					_, _ = io.WriteString(c, send)
					begun()
					_, _ = io.Copy(io.Discard, c) // until it is closed
					stop()
					_ = c.Close()
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

// TestConnectionsAreLimited checks the limits of connections of one address and of all: the latest connections are served, and new ones as
// soon as those are closed.
func TestConnectionsAreLimited(t *testing.T) {
	for name, tt := range map[string]struct{ addresses, each, want int }{
		"of one source":   {1, maxSourceConnections + 20, maxSourceConnections},
		"of many sources": {5, maxSourceConnections, maxConnections},
	} {
		t.Run(name, func(t *testing.T) {
			host := freeHost()
			l := NewListener(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler), login.NewGate(time.Now))
			t.Cleanup(l.Close)
			if err := l.Apply(conf.APIConfig{Enabled: true, Host: host}); err != nil {
				t.Fatal(err)
			}
			var list []net.Conn
			for i := range tt.addresses * tt.each {
				c, err := from(fmt.Sprintf("127.0.0.%d", 11+i/tt.each)).Dial("tcp", host)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				list = append(list, c)
			}
			served := 0
			for i, c := range slices.Backward(list) { // an answer to the last one shows that all were accepted
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				_, err := c.Read(make([]byte, 1))
				switch {
				case err == nil:
					served++
				case errors.Is(err, os.ErrDeadlineExceeded):
					t.Errorf("connection %d is neither served nor closed", i)
				case i == len(list)-1:
					t.Errorf("the latest connection: %v", err)
				}
			}
			if served != tt.want {
				t.Errorf("%d connections, want %d", served, tt.want)
			}
			for _, c := range list {
				_ = c.Close()
			}
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: from("127.0.0.11").DialContext}}
			r, err := client.Get("http://" + host)
			if err != nil {
				t.Fatalf("after the others were closed: %v", err)
			}
			_ = r.Body.Close()
		})
	}
}

// TestNobodyIsKeptOut checks that attackers who hold as many connections as they get, and replace lost ones at once, do
// not prevent others from being served or from logging in.
func TestNobodyIsKeptOut(t *testing.T) {
	for name, attack := range map[string]struct {
		addresses, each int
		send            string
	}{
		"four addresses, silent":       {4, maxSourceConnections, ""},
		"six addresses, slow":          {6, maxSourceConnections, "GET /health HTTP/1.1\r\nHost: x\r\n"},
		"idle after a request":         {4, maxSourceConnections, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"},
		"one address, above its limit": {1, 2 * maxSourceConnections, ""},
		"six hundred addresses":        {600, 1, ""},
		"wrong passwords, many":        {200, 2, "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nuser=admin&passwd=x"},
		"a body that never arrives":    {5, maxSourceConnections, "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nuser="},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, _ := newAPI(t, testView())
			host := freeHost()
			l := NewListener(a.Remote(), slog.New(slog.DiscardHandler), a.gate)
			t.Cleanup(l.Close)
			if err := l.Apply(conf.APIConfig{Enabled: true, Host: host}); err != nil {
				t.Fatal(err)
			}
			crowd(t, host, attack.addresses, attack.each, attack.send)
			for i := range 50 {
				client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: from("127.0.0.9").DialContext}}
				r, err := client.Get("http://" + host + "/health")
				if err != nil || r.StatusCode != http.StatusOK {
					t.Fatalf("health %d: %v", i, err)
				}
				_ = r.Body.Close()
				r, err = client.Post("http://"+host+"/auth", "", strings.NewReader("user=admin&passwd=banana"))
				if err != nil || r.StatusCode != http.StatusOK {
					t.Fatalf("login %d: %v %v", i, err, r)
				}
				_ = r.Body.Close()
			}
		})
	}
}

// TestWhoHasLoggedInKeepsConnections checks that users keep their open connections despite attackers, and that no user keeps more than a
// share.
func TestWhoHasLoggedInKeepsConnections(t *testing.T) {
	a, config, _ := newAPI(t, testView())
	host := freeHost()
	l := NewListener(a.Remote(), slog.New(slog.DiscardHandler), login.NewGate(time.Now))
	t.Cleanup(l.Close)
	if err := l.Apply(conf.APIConfig{Enabled: true, Host: host}); err != nil {
		t.Fatal(err)
	}
	cookie := a.tokens.issue(config.API.Users[0], config.API)
	request := "GET /auth HTTP/1.1\r\nHost: x\r\nCookie: " + cookieName + "=" + cookie + "\r\n\r\n"
	ask := func(c net.Conn) error {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		b := make([]byte, 1000)
		n, err := c.Read(b)
		if err == nil && !strings.HasPrefix(string(b[:n]), "HTTP/1.1 200 ") {
			err = fmt.Errorf("%s", b[:n])
		}
		return err
	}
	var open []net.Conn
	for range userConnections + 200 {
		c, err := from("127.0.0.7").Dial("tcp", host)
		if err == nil {
			err = ask(c)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		open = append(open, c)
	}
	crowd(t, host, 10, maxSourceConnections, "")
	for i, c := range open[:userConnections] {
		if err := ask(c); err != nil {
			t.Errorf("connection %d of a user: %v", i, err)
		}
	}
	if ask(open[userConnections]) == nil {
		t.Errorf("a user keeps more than %d connections", userConnections)
	}
}
