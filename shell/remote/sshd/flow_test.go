// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// frozen is a client's connection that stops reading, and counts what it sends.
type frozen struct {
	net.Conn
	stop atomic.Bool
	once sync.Once
	end  chan struct{}
	sent atomic.Int64
}

func (f *frozen) Read(b []byte) (int, error) {
	if f.stop.Load() {
		<-f.end
		return 0, net.ErrClosed
	}
	return f.Conn.Read(b)
}

func (f *frozen) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(b)
	f.sent.Add(int64(n))
	return n, err
}

func (f *frozen) Close() error {
	f.once.Do(func() { close(f.end) })
	return f.Conn.Close()
}

// freezable logs in on a connection that can stop reading.
func (r *router) freezable(user string) (*frozen, *ssh.Client) { return r.freezableAfter(user, 0) }

// freezableAfter is freezable. The client begins a key exchange after this many bytes.
func (r *router) freezableAfter(user string, rekey uint64) (*frozen, *ssh.Client) {
	r.t.Helper()
	raw, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = raw.(*net.TCPConn).SetReadBuffer(4096)
	_ = raw.(*net.TCPConn).SetWriteBuffer(4096)
	f := &frozen{Conn: raw, end: make(chan struct{})}
	conn, channels, requests, err := ssh.NewClientConn(f, r.addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.Password("banana")}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Config: ssh.Config{RekeyThreshold: rekey},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	c := ssh.NewClient(conn, channels, requests)
	r.t.Cleanup(func() { _ = f.Close(); _ = c.Wait() })
	return f, c
}

// unread returns how many bytes wait for the client.
func (f *frozen) unread(t *testing.T) (n int64) {
	t.Helper()
	raw, err := f.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<20)
	_ = raw.Control(func(fd uintptr) {
		waiting, _, _ := unix.Recvfrom(int(fd), b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		n = int64(waiting)
	})
	return n
}

// still returns when a value that is not 0 has not changed for half a second.
func still(value func() int64) {
	last, times := int64(0), 0
	for range 200 {
		time.Sleep(20 * time.Millisecond)
		if now := value(); now != last || now == 0 {
			last, times = now, 0
		} else if times++; times == 25 {
			return
		}
	}
}

// TestWhoDoesNotReadIsNotRead: a viewer does not read what the server sends, and sends large packets to which the server must reply. The
// SSH library would hold 16 of them in each of its queues.
func TestWhoDoesNotReadIsNotRead(t *testing.T) {
	r := newRouter(t, nil)
	f, c := r.freezable("bob")
	var sessions []ssh.Channel
	for range 3 {
		channel, requests, err := c.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(requests)
		sessions = append(sessions, channel)
	}
	f.stop.Store(true)
	before := f.sent.Load()
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = f.Close() })
	for _, s := range sessions {
		command := strings.Repeat("say "+strings.Repeat("x", 50_000)+"\n", 4)
		wg.Go(func() { _, _ = s.SendRequest("exec", false, ssh.Marshal(execRequest{command})) })
	}
	still(func() int64 { return f.unread(t) }) // the sessions' output waits
	big := make([]byte, 200<<10)
	for range 100 {
		wg.Go(func() { _, _, _ = c.OpenChannel("x", big) })
	}
	still(f.sent.Load) // the server has stopped reading
	if taken := f.sent.Load() - before; taken > 2<<20 {
		t.Errorf("the server took %d bytes from a client that does not read", taken)
	}
}

// TestWithheldKeyExchange: viewers begin a key exchange on each of their connections and do not continue it. Until it is complete, the SSH
// library holds what it has to send. The server takes little from them, and drops them.
func TestWithheldKeyExchange(t *testing.T) {
	r := newRouter(t, func(o *Options) { o.Limits.KeepAlive = 200 * time.Millisecond })
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	var all []*frozen
	for range DefaultLimits.User {
		f, c := r.freezableAfter("bob", 64<<10)
		t.Cleanup(func() { _ = f.Close() })
		f.stop.Store(true)
		f.sent.Store(0)
		all = append(all, f)
		for range 100 {
			wg.Go(func() { _, _, _ = c.OpenChannel("x", make([]byte, 20<<10)) })
		}
	}
	r.until("they are dropped", func() bool { return r.connections() == 0 })
	for _, f := range all {
		if taken := f.sent.Load(); taken > 2<<20 {
			t.Errorf("the server took %d bytes from a client that withholds its key exchange", taken)
		}
	}
}

// TestServerBeginsNoKeyExchange: a client that withholds its part would leave the SSH library with a connection that cannot be closed. The
// connection ends before the library changes keys by itself.
func TestServerBeginsNoKeyExchange(t *testing.T) {
	r := newRouter(t, nil)
	if got := r.server.config(netip.MustParseAddr("127.0.0.1")).RekeyThreshold; got < math.MaxInt64 {
		t.Errorf("the server changes keys after %d bytes", got)
	}
	for _, way := range []struct {
		name string
		set  func(b *budget)
		do   func(b *budget) error
	}{
		{"received", func(b *budget) { b.received = maxTraffic }, func(b *budget) error { _, err := b.Read(make([]byte, 1)); return err }},
		{"sent", func(b *budget) { b.sent = maxTraffic }, func(b *budget) error { _, err := b.Write([]byte{1}); return err }},
	} {
		t.Run(way.name, func(t *testing.T) {
			here, there := net.Pipe()
			t.Cleanup(func() { _ = there.Close() })
			b := newBudget(here)
			b.logIn(true)
			go func() { _, _ = there.Write([]byte("x")) }()
			go func() { _, _ = there.Read(make([]byte, 1)) }()
			way.set(b)
			if err := way.do(b); err != nil {
				t.Fatal("before the limit:", err)
			}
			if _, err := b.Read(make([]byte, 1)); err == nil {
				t.Error("it still reads")
			}
		})
	}
}
