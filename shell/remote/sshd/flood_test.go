// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// heapOf returns the bytes that are in use after a garbage collection.
func heapOf() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestUnreadInputIsBounded: bob sends packets of one byte that no command reads: to a session without a command, to one whose command
// waits, and as errors, which nobody reads. The SSH library would hold each packet until the window is used up.
func TestUnreadInputIsBounded(t *testing.T) {
	const sent = 400_000 // bytes, in as many packets: about 40 MB in the library
	for _, how := range []string{"none", "script", "errors"} {
		t.Run(how, func(t *testing.T) {
			r := newRouter(t, nil)
			c, err := r.dial("bob", ssh.Password("banana"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			channel, requests, err := c.OpenChannel("session", nil)
			if err != nil {
				t.Fatal(err)
			}
			go ssh.DiscardRequests(requests)
			to := io.Writer(channel)
			switch how {
			case "script":
				if ok, err := channel.SendRequest("shell", true, nil); err != nil || !ok {
					t.Fatal(ok, err)
				}
				if _, err := io.WriteString(channel, "wait\n"); err != nil {
					t.Fatal(err)
				}
				<-r.conversation().waiting
			case "errors":
				to = channel.Stderr()
			}
			before := heapOf()
			for range sent {
				if _, err := to.Write([]byte("x")); err != nil {
					break // the session has ended
				}
			}
			// A round trip: the server has processed what came before.
			if _, _, err := c.SendRequest("round-trip", true, nil); err != nil {
				t.Fatal(err)
			}
			if grown := heapOf() - before; grown > 4<<20 {
				t.Errorf("%d bytes of unread input take %d bytes of memory", sent, grown)
			}
		})
	}
}

// TestTooMuchInputEndsTheSession: and says so.
func TestTooMuchInputEndsTheSession(t *testing.T) {
	r := newRouter(t, nil)
	c, err := r.dial("bob", ssh.Password("banana"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s := r.session(c)
	var complaint strings.Builder
	s.Stdin, s.Stderr = strings.NewReader("wait\n"+strings.Repeat("say hello\n", maxInput/5)), &complaint
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	_ = s.Wait()
	if !strings.Contains(complaint.String(), "% More than 262144 bytes of input wait: the session ends") {
		t.Errorf("the client was told %q", complaint.String())
	}
	if out, _, status := r.run(c, "say still there", ""); out != "still there\n" || status != 0 {
		t.Errorf("afterwards: %q, status %d", out, status)
	}
	// An administrator's script may be long.
	long := strings.Repeat("say hello\n", maxInput/5)
	if out, _, status := r.run(r.alice(), "", long); len(out) != maxInput/5*len("hello\n") || status != 0 {
		t.Errorf("a long script of an administrator: %d bytes of output, status %d", len(out), status)
	}
}

// TestInputThatNothingReads: a command of several lines has no use for its input either, so that none of it waits.
func TestInputThatNothingReads(t *testing.T) {
	r := newRouter(t, nil)
	c, err := r.dial("bob", ssh.Password("banana"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, command := range []string{"wait", "wait\nsay hello"} {
		s := r.session(c)
		var complaint strings.Builder
		s.Stderr = &complaint
		stdin, err := s.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(command); err != nil {
			t.Fatal(err)
		}
		r.wait("wait is running", r.conversation().waiting)
		if _, err := io.Copy(stdin, strings.NewReader(strings.Repeat("x", 2*maxInput))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.SendRequest("round-trip", true, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Signal(ssh.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = s.Wait()
		if strings.Contains(complaint.String(), "input wait") {
			t.Errorf("%q was ended by input: %q", command, complaint.String())
		}
	}
}

// heldChannel is a channel of a client that does not answer its end.
type heldChannel struct {
	ssh.Channel
	requests chan *ssh.Request
	closed   chan struct{} // by the client
	ended    chan struct{} // by the server
}

func (h *heldChannel) Accept() (ssh.Channel, <-chan *ssh.Request, error) { return h, h.requests, nil }
func (h *heldChannel) Reject(ssh.RejectionReason, string) error          { close(h.closed); return nil }
func (h *heldChannel) ChannelType() string                               { return "session" }
func (h *heldChannel) ExtraData() []byte                                 { return nil }
func (h *heldChannel) Read([]byte) (int, error)                          { <-h.closed; return 0, io.EOF }
func (h *heldChannel) Write(b []byte) (int, error)                       { return len(b), nil }
func (h *heldChannel) Stderr() io.ReadWriter                             { return h }
func (h *heldChannel) Close() error                                      { close(h.ended); return nil }

func (h *heldChannel) SendRequest(string, bool, []byte) (bool, error) { return true, nil }

type idleConn struct{ ssh.Conn }

func (idleConn) User() string                                           { return "bob" }
func (idleConn) Close() error                                           { return nil }
func (idleConn) SendRequest(string, bool, []byte) (bool, []byte, error) { return true, nil, nil }

// TestSessionsCountUntilTheClientClosesThem: the library remembers a channel until its client has closed it, too. A client that does not
// answer the end of its sessions gets no others instead.
func TestSessionsCountUntilTheClientClosesThem(t *testing.T) {
	r := newRouter(t, nil)
	conn := &ssh.ServerConn{Conn: idleConn{}, Permissions: permissions(&grant{})}
	c := newConnection(r.server, conn, netip.MustParseAddr("127.0.0.1"))
	channels, requests := make(chan ssh.NewChannel), make(chan *ssh.Request)
	ended := make(chan struct{})
	go func() { c.run(channels, requests); close(ended) }()
	open := func() *heldChannel {
		h := &heldChannel{requests: make(chan *ssh.Request, 1), closed: make(chan struct{}), ended: make(chan struct{})}
		channels <- h
		return h
	}
	var held []*heldChannel
	for range DefaultLimits.Sessions {
		h := open()
		h.requests <- &ssh.Request{Type: "exec", Payload: ssh.Marshal(execRequest{"say hello"})}
		r.wait("the end of the session", h.ended)
		held = append(held, h)
	}
	r.wait("a refusal, since the client has closed none", open().closed)
	close(held[0].requests)
	close(held[0].closed)
	r.until("there is room again", func() bool {
		h := open()
		select {
		case <-h.closed: // refused
			return false
		default:
		}
		held[0] = h
		return true
	})
	for _, h := range held {
		close(h.requests)
		close(h.closed)
	}
	close(channels)
	close(requests)
	r.wait("the end of the connection", ended)
}

// TestLoginIsShort: a client cannot make the server hold long packets while it waits for its login.
func TestLoginIsShort(t *testing.T) {
	r := newRouter(t, nil)
	if c, err := r.dial("bob", ssh.Password(strings.Repeat("x", maxLogin))); err == nil || strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("a long password: %v, %v", c, err)
	}
	c, err := r.dial("bob", ssh.Password("banana"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if out, _, status := r.run(c, "", strings.Repeat("say hello\n", 2*maxLogin/10)); status != 0 || !strings.HasPrefix(out, "hello\n") {
		t.Errorf("a long script after the login: %.20q, status %d", out, status)
	}
}
