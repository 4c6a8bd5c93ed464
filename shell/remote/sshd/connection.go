// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// connection is a client that has logged in.
type connection struct {
	server        *Server
	conn          *ssh.ServerConn
	from          netip.Addr
	grant         *grant
	administrator bool

	mu       sync.Mutex
	sessions int
	idle     time.Time // since when the client has had no session
}

func newConnection(s *Server, conn *ssh.ServerConn, from netip.Addr) *connection {
	g, _ := conn.Permissions.ExtraData[grantKey{}].(*grant)
	return &connection{server: s, conn: conn, from: from, grant: g, idle: time.Now()}
}

// run serves the client's sessions until it leaves.
func (c *connection) run(channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(c.server.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { ssh.DiscardRequests(requests) }) // forwarding requests and the client's own keepalives
	wg.Go(func() { c.keepAlive(ctx) })
	var sessions, closing sync.WaitGroup
	defer context.AfterFunc(c.server.ctx, func() {
		sessions.Wait() // the sessions have informed the user
		_ = c.conn.Close()
	})()
	for n := range channels {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.UnknownChannelType, "only sessions are served")
			continue
		}
		if !c.begin() {
			_ = n.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		channel, reqs, err := n.Accept()
		if err != nil {
			c.end()
			continue
		}
		sessions.Go(func() {
			newSession(c, channel, &closing).run(ctx, reqs)
			// The library remembers the channel until the client has closed it, too. Until then it counts.
			closing.Go(func() {
				ssh.DiscardRequests(reqs)
				c.end()
			})
		})
	}
	cancel()
	_ = c.conn.Close()
	sessions.Wait()
	closing.Wait()
	wg.Wait()
}

func (c *connection) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions >= c.server.o.Limits.Sessions || c.server.ctx.Err() != nil || !c.server.begin(c.conn.User()) {
		return false
	}
	c.sessions++
	return true
}

// begin counts a session of a user. It returns false if the user has the maximum number of sessions.
func (s *Server) begin(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[user] >= s.o.Limits.PerUser {
		return false
	}
	s.sessions[user]++
	return true
}

func (s *Server) end(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[user]--; s.sessions[user] == 0 {
		delete(s.sessions, user)
	}
}

func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions--
	c.idle = time.Now()
	c.server.end(c.conn.User())
}

// keepAlive closes the connection of a client that has gone or has no session for too long.
func (c *connection) keepAlive(ctx context.Context) {
	limits := c.server.o.Limits
	tick := time.NewTicker(limits.KeepAlive)
	defer tick.Stop()
	answers := make(chan struct{}, 1)
	asking, missed := false, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-answers:
			asking, missed = false, 0
			continue
		case <-tick.C:
		}
		c.mu.Lock()
		unused := c.sessions == 0 && time.Since(c.idle) > limits.Idle
		c.mu.Unlock()
		if asking {
			missed++
		}
		if unused || missed >= unanswered {
			_ = c.conn.Close()
			return
		}
		if !asking {
			asking = true
			go func() {
				// Any answer proves that the client is alive, even a refusal. A dead connection does not answer.
				if _, _, err := c.conn.SendRequest("keepalive@openssh.com", true, nil); err == nil {
					answers <- struct{}{}
				}
			}()
		}
	}
}
