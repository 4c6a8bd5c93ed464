// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Frame is one Ethernet frame that a port of the switch received.
type Frame struct {
	// Time is the kernel's timestamp of the arrival at the port.
	Time time.Time
	// Port is the role of the namespace that sent it.
	Port string
	Data []byte
}

// Capture records the frames that the ports of a lab's switches receive, except ICMP echo.
type Capture struct {
	tb    testing.TB
	ports map[int]string
	file  *os.File
	done  chan struct{}

	mu      sync.Mutex
	frames  []Frame
	adverts []Advert
	err     error
	more    chan struct{} // closed and replaced when a frame arrives
}

// captureBuffer is large enough for seconds of junk while the test waits for a processor.
const captureBuffer = 16 << 20

// htons converts to the byte order of an AF_PACKET protocol.
func htons(v uint16) uint16 { return v<<8 | v>>8 }

// Capture starts a capture, which ends with the lab. A failed test logs its last adverts.
func (l *Lab) Capture() *Capture {
	l.tb.Helper()
	ports := map[int]string{}
	err := l.Bridge.Do(func() error {
		for _, n := range append([]*Namespace{l.Host}, l.Routers...) {
			names := []string{n.Role, n.SecondPort()}
			if !l.double {
				names = names[:1]
			}
			for _, name := range names {
				ifi, err := net.InterfaceByName(name)
				if err != nil {
					return err
				}
				ports[ifi.Index] = name
			}
		}
		return nil
	})
	if err != nil {
		l.tb.Fatalf("capture: %v", err)
	}
	return l.capture(l.Bridge, ports)
}

// CaptureAt starts a capture of the frames that arrive at a namespace; its interfaces are the ports.
func (l *Lab) CaptureAt(n *Namespace) *Capture {
	l.tb.Helper()
	ports := map[int]string{}
	err := n.Do(func() error {
		all, err := net.Interfaces()
		for _, ifi := range all {
			ports[ifi.Index] = ifi.Name
		}
		return err
	})
	if err != nil {
		l.tb.Fatalf("capture: %v", err)
	}
	return l.capture(n, ports)
}

func (l *Lab) capture(n *Namespace, ports map[int]string) *Capture {
	l.tb.Helper()
	c := &Capture{tb: l.tb, ports: ports, done: make(chan struct{}), more: make(chan struct{})}
	if err := n.Do(c.open); err != nil {
		l.tb.Fatalf("capture: %v", err)
	}
	l.atClose(c.Stop)
	l.atFailure(func() string { return "--- last adverts on the wire:\n" + c.describe(60) })
	go c.read()
	return c
}

// Stop ends the capture. The recorded frames stay.
func (c *Capture) Stop() {
	_ = c.file.Close() // nothing was written
	<-c.done
}

// open opens the packet socket of the current namespace.
func (c *Capture) open() error {
	// Protocol 0 until the filter is set, so that no unwanted frame arrives before.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IPV6, SkipTrue: 5},
		bpf.LoadAbsolute{Off: 20, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 10},
		bpf.LoadAbsolute{Off: 54, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmp6EchoReply, SkipTrue: 7},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmp6EchoRequest, SkipTrue: 6, SkipFalse: 7},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 6},
		bpf.LoadAbsolute{Off: 23, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMP, SkipTrue: 4},
		bpf.LoadAbsolute{Off: 34, Size: 1}, // the type; echo requests and replies carry no options
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpEchoReply, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: icmpEchoRequest, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 65535},
	})
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	prog := make([]unix.SockFilter, len(filter))
	for i, in := range filter {
		prog[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL)}),
	)
	if err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("set up packet socket: %w", err)
	}
	c.file = os.NewFile(uintptr(fd), "capture")
	return nil
}

// read records frames until the socket is closed.
func (c *Capture) read() {
	defer close(c.done)
	raw, err := c.file.SyscallConn()
	if err != nil {
		c.fail(err)
		return
	}
	buf, oob := make([]byte, 65536), make([]byte, 128)
	for {
		var n, oobn int
		var from unix.Sockaddr
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			n, oobn, _, from, rerr = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			c.fail(err)
			return
		case errors.Is(rerr, unix.ENETDOWN): // returned once when a port goes down
			continue
		case rerr != nil:
			c.fail(rerr)
			return
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok {
			continue
		}
		port, ok := c.ports[ll.Ifindex]
		if !ok {
			continue
		}
		c.add(Frame{Time: arrival(oob[:oobn]), Port: port, Data: append([]byte(nil), buf[:n]...)})
	}
}

// arrival returns the kernel's timestamp of a received message.
func arrival(oob []byte) time.Time {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err == nil {
		for _, m := range msgs {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
				sec := binary.NativeEndian.Uint64(m.Data)
				nsec := binary.NativeEndian.Uint64(m.Data[8:])
				return time.Unix(int64(sec), int64(nsec))
			}
		}
	}
	return time.Now()
}

// add records one frame.
func (c *Capture) add(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, f)
	if a, ok := decodeAdvert(f); ok {
		c.adverts = append(c.adverts, a)
	}
	close(c.more)
	c.more = make(chan struct{})
}

// fail records the error that ended the capture.
func (c *Capture) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.more)
	c.more = make(chan struct{})
}

// Frames returns the frames that arrived since a time, from one port; "" means all ports.
func (c *Capture) Frames(port string, since time.Time) []Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Frame
	for _, f := range c.frames {
		if (port == "" || f.Port == port) && !f.Time.Before(since) {
			out = append(out, f)
		}
	}
	return out
}

// Adverts returns the VRRP messages that arrived from routers since a time, from one port; "" means all.
func (c *Capture) Adverts(port string, since time.Time) []Advert {
	c.mu.Lock()
	defer c.mu.Unlock()
	return selectAdverts(c.adverts, port, since)
}

func selectAdverts(all []Advert, port string, since time.Time) []Advert {
	var out []Advert
	for _, a := range all {
		if (a.Port == port || port == "" && !strings.HasPrefix(a.Port, "host")) && !a.Time.Before(since) {
			out = append(out, a)
		}
	}
	return out
}

// Wait returns the first advert since a time, from one port or all, for which match is true.
func (c *Capture) Wait(port string, since time.Time, limit time.Duration, what string, match func(Advert) bool) Advert {
	c.tb.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	seen := 0
	for {
		c.mu.Lock()
		all, more, err := c.adverts, c.more, c.err
		c.mu.Unlock()
		if err != nil {
			c.tb.Fatalf("capture: %v", err)
		}
		for _, a := range selectAdverts(all[seen:], port, since) {
			if match(a) {
				return a
			}
		}
		seen = len(all)
		select {
		case <-more:
		case <-deadline.C:
			c.tb.Fatalf("not seen on the wire within %v: %s", limit, what)
		}
	}
}

// WaitMaster returns the first advert since a time of a port's router as Master.
func (c *Capture) WaitMaster(port string, since time.Time, limit time.Duration) Advert {
	c.tb.Helper()
	return c.Wait(port, since, limit, port+" advertises as Master", func(a Advert) bool { return a.Priority > 0 })
}

// WaitResign returns the first advert with priority 0 since a time.
func (c *Capture) WaitResign(port string, since time.Time, limit time.Duration) Advert {
	c.tb.Helper()
	return c.Wait(port, since, limit, port+" resigns with priority 0", func(a Advert) bool { return a.Priority == 0 })
}

// describe lists the last adverts.
func (c *Capture) describe(last int) string {
	c.mu.Lock()
	adverts := c.adverts
	if len(adverts) > last {
		adverts = adverts[len(adverts)-last:]
	}
	c.mu.Unlock()
	var b strings.Builder
	for _, a := range adverts {
		fmt.Fprintln(&b, a)
	}
	return b.String()
}
