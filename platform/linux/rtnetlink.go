// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// rtnetlink sends requests to the kernel on one socket, many in one system call. The kernel
// executes them in order and answers each.
type rtnetlink struct {
	mu     sync.Mutex
	fd     int
	seq    uint32
	buf    []byte
	out    []byte
	closed bool
	// inject is for tests. It is called with false before each request, and with true after it was executed. If it
	// returns an error, the request is not sent, or its answer is lost.
	inject func(done bool) error
}

func (c *rtnetlink) injected(done bool) error {
	if c.inject == nil {
		return nil
	}
	return c.inject(done)
}

const (
	// requestBatch is the maximum number of unanswered requests: their answers must fit into the
	// socket's buffer.
	requestBatch   = 64
	answerBuffer   = 4 << 20
	datagramBuffer = 64 << 10
	// sendAttempts and sendPause bound the retries when the kernel has no memory. After that Reconcile retries.
	sendAttempts = 3
	sendPause    = time.Millisecond
	// answerTime is far more than any request takes: the kernel answers before the system call
	// that sends the request returns.
	answerTime = 10 * time.Second
)

func openRTNetlink() (*rtnetlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("netlink: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, answerBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, answerBuffer)
	}
	timeout := unix.NsecToTimeval(int64(answerTime))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	// Error texts, no copies of requests in answers, dumps of one interface: some old kernels lack them,
	// and none is required.
	for _, o := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK, unix.NETLINK_GET_STRICT_CHK} {
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, o, 1)
	}
	return &rtnetlink{fd: fd, buf: make([]byte, datagramBuffer)}, nil
}

func (c *rtnetlink) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		_ = unix.Close(c.fd)
	}
}

// request is a message to the kernel.
type request = nl.NetlinkRequest

// do executes requests in order and returns the error of each. Answers other than
// acknowledgements go to reply, which may be nil.
func (c *rtnetlink) do(requests []*request, reply func(i int, m []byte)) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := make([]error, len(requests))
	for start := 0; start < len(requests); start += requestBatch {
		end := min(start+requestBatch, len(requests))
		err := c.batch(requests[start:end], errs[start:end], func(i int, m []byte) {
			if reply != nil {
				reply(start+i, m)
			}
		})
		if err != nil {
			for i := start; i < len(errs); i++ {
				errs[i] = &unanswered{err}
			}
			break
		}
	}
	return errs
}

// unanswered is the error of a request of which nobody knows whether the kernel has carried it out.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return "netlink: " + u.err.Error() }
func (u *unanswered) Unwrap() error { return u.err }

func isUnanswered(err error) bool {
	var u *unanswered
	return errors.As(err, &u)
}

// one executes a single request.
func (c *rtnetlink) one(r *request, reply func(m []byte)) error {
	return c.do([]*request{r}, func(_ int, m []byte) {
		if reply != nil {
			reply(m)
		}
	})[0]
}

func (c *rtnetlink) batch(requests []*request, errs []error, reply func(int, []byte)) error {
	if c.closed {
		return errClosed
	}
	first := c.seq + 1
	c.out = c.out[:0]
	for _, r := range requests {
		c.seq++
		r.Seq = c.seq
		r.Flags |= unix.NLM_F_REQUEST | unix.NLM_F_ACK
		c.out = append(c.out, r.Serialize()...)
	}
	if err := c.injected(false); err != nil {
		return err
	}
	if err := c.send(c.out); err != nil {
		return err
	}
	for left := len(requests); left > 0; {
		messages, err := c.receive()
		if err != nil {
			return err
		}
		for i := range messages {
			m := &messages[i]
			at := int(int32(m.Header.Seq - first))
			if at < 0 || at >= len(requests) {
				continue // a late answer to an abandoned request
			}
			if m.Header.Type != unix.NLMSG_ERROR {
				reply(at, m.Data)
				continue
			}
			errs[at] = answer(m)
			left--
		}
	}
	return c.injected(true)
}

// send sends requests. If the kernel is short of memory, it executes none of them, so send retries.
func (c *rtnetlink) send(b []byte) error {
	pause := sendPause
	for attempt := 1; ; attempt++ {
		err := unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		passing := errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
		if !passing || attempt == sendAttempts {
			return err
		}
		time.Sleep(pause)
		pause *= 4
	}
}

func (c *rtnetlink) receive() ([]syscall.NetlinkMessage, error) {
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return syscall.ParseNetlinkMessage(c.buf[:n])
	}
}

// answer returns the error in an acknowledgement, with the kernel's error text.
func answer(m *syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return unix.EBADMSG
	}
	code := -int32(binary.NativeEndian.Uint32(m.Data))
	if code == 0 {
		return nil
	}
	err := error(unix.Errno(code))
	const copied = 4 + unix.SizeofNlMsghdr
	if m.Header.Flags&unix.NLM_F_ACK_TLVS == 0 || len(m.Data) < copied {
		return err
	}
	attrs := m.Data[copied:]
	if m.Header.Flags&unix.NLM_F_CAPPED == 0 {
		length := int(binary.NativeEndian.Uint32(m.Data[4:]))
		attrs = m.Data[min(4+(length+3)&^3, len(m.Data)):]
	}
	parsed, _ := nl.ParseRouteAttr(attrs)
	for _, a := range parsed {
		if a.Attr.Type == unix.NLMSGERR_ATTR_MSG {
			return fmt.Errorf("%w (%s)", err, unix.ByteSliceToString(a.Value))
		}
	}
	return err
}

// errInterrupted means that the data changed during the dump.
var errInterrupted = errors.New("dump interrupted by a change")

// dump executes a request with many answers. It passes each to reply, which must not keep it. If
// a change interrupts the dump, it calls restart and begins again.
func (c *rtnetlink) dump(r *request, restart func(), reply func(m []byte)) error {
	const tries = 10
	c.mu.Lock()
	defer c.mu.Unlock()
	err := errInterrupted
	for range tries {
		restart()
		err = c.dumpOnce(r, reply)
		if errors.Is(err, unix.EBUSY) { // an abandoned dump is still running
			c.drain()
			continue
		}
		if !errors.Is(err, errInterrupted) {
			break
		}
	}
	if errors.Is(err, errInterrupted) {
		// Changes never pause. Watch gets each of them as a notification, so this dump is
		// good enough.
		return nil
	}
	return err
}

// drain discards the remaining answers to earlier requests.
func (c *rtnetlink) drain() {
	for {
		_, _, err := unix.Recvfrom(c.fd, c.buf, unix.MSG_DONTWAIT)
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENOBUFS) {
			return
		}
	}
}

func (c *rtnetlink) dumpOnce(r *request, reply func([]byte)) error {
	if c.closed {
		return errClosed
	}
	c.seq++
	r.Seq = c.seq
	r.Flags |= unix.NLM_F_REQUEST | unix.NLM_F_DUMP
	if err := c.injected(false); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	if err := c.send(r.Serialize()); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	if err := c.injected(true); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	interrupted := false
	for {
		messages, err := c.receive()
		if err != nil {
			return fmt.Errorf("netlink: %w", err)
		}
		for i := range messages {
			m := &messages[i]
			if m.Header.Seq != r.Seq {
				continue
			}
			interrupted = interrupted || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				if interrupted {
					return errInterrupted
				}
				return nil
			case unix.NLMSG_ERROR:
				if err := answer(m); err != nil {
					return fmt.Errorf("netlink: %w", err)
				}
			default:
				reply(m.Data)
			}
		}
	}
}
