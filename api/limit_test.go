package api

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"vrrpsh/conf"
)

// A client that opens connections and says nothing gets so many of them, and others are served
// again as soon as it lets go.
func TestConnectionsAreLimited(t *testing.T) {
	free := httptest.NewServer(nil)
	host := free.Listener.Addr().String()
	free.Close()
	l := NewListener(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	t.Cleanup(l.Close)
	if err := l.Apply(conf.APIConfig{Enabled: true, Host: host}); err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	dial := func() net.Conn {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	for range maxSourceConnections {
		open = append(open, dial())
	}
	beyond := dial()
	_ = beyond.SetReadDeadline(time.Now().Add(5 * time.Second))
	var timeout net.Error
	if _, err := beyond.Read(make([]byte, 1)); errors.As(err, &timeout) && timeout.Timeout() || err == nil {
		t.Errorf("one connection more: %v, want it closed at once", err)
	}
	for _, c := range open {
		_ = c.Close()
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(10 * time.Second); ; {
		r, err := client.Get("http://" + host)
		if err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after the others have gone: %v", err)
		}
	}
}

func TestConnectionsOfManySourcesAreLimited(t *testing.T) {
	l := Limit(nil, maxConnections, maxSourceConnections, networkOf).(*limited)
	n := 0
	for i := range byte(16) {
		for range maxSourceConnections {
			if l.enter(net.IPv4(192, 0, 2, i).String()) {
				n++
			}
		}
	}
	if n != maxConnections {
		t.Errorf("%d connections, want %d", n, maxConnections)
	}
}
