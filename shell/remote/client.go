// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"vrrpsh/platform/feed"
	"vrrpsh/shell"
)

// ErrUnreachable matches the error of Dial when no router answers, and the error of Client.Err when
// the router has gone.
var ErrUnreachable = errors.New("no router reachable")

const (
	dialTimeout = 5 * time.Second
	// replyTimeout limits the wait for requests that the router answers immediately unless it is stuck.
	replyTimeout = 3 * time.Second
	// interruptGrace is how long an interrupted command may take to stop.
	interruptGrace = 15 * time.Second
	clientWrite    = 10 * time.Second
	noticeBuffer   = 256
	// lastWords is how long the client still reads from a router that no longer accepts data.
	lastWords = time.Second
)

// Client is a session in the router's process. Its methods may be called from several goroutines.
// Commands run one at a time.
type Client struct {
	conn    net.Conn
	r       *bufio.Reader
	notices chan string
	alive   context.Context // ends when the connection does
	kill    context.CancelFunc
	reading sync.WaitGroup

	wmu sync.Mutex

	mu     sync.Mutex
	nextID uint64
	calls  map[uint64]*call
	state  state
	closed bool // Close was called
	err    error
}

var _ shell.Conversation = (*Client)(nil)

// lostError means that the router has ended the session. It matches ErrUnreachable.
type lostError struct{ why error }

func (e *lostError) Error() string        { return "lost the router: " + e.why.Error() }
func (e *lostError) Unwrap() error        { return e.why }
func (e *lostError) Is(target error) bool { return target == ErrUnreachable }

// Dial opens a session with the router that listens on socketPath. If that fails, the error gives
// the reason in one line. It matches ErrUnreachable when no router answers.
func Dial(ctx context.Context, socketPath string) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socketPath)
	if err != nil {
		return nil, dialError(socketPath, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	r := bufio.NewReaderSize(conn, 64<<10)
	hello, err := handshake(conn, r)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: %w", socketPath, err)
	}
	return newClient(conn, r, hello), nil
}

// Attach opens the session that Server.ServeConn offers at the other end of conn.
func Attach(conn net.Conn) (*Client, error) {
	r := bufio.NewReaderSize(conn, 64<<10)
	_ = conn.SetDeadline(time.Now().Add(dialTimeout))
	hello, err := greeting(r)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newClient(conn, r, hello), nil
}

func newClient(conn net.Conn, r *bufio.Reader, hello *state) *Client {
	c := &Client{conn: conn, r: r, notices: make(chan string, noticeBuffer), calls: make(map[uint64]*call), state: *hello}
	c.alive, c.kill = context.WithCancel(context.Background())
	c.reading.Go(c.read)
	return c
}

func dialError(path string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: no router listens on %s", ErrUnreachable, path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: no permission to use %s", ErrUnreachable, path)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// handshake upgrades the connection to the shell's protocol.
func handshake(conn net.Conn, r *bufio.Reader) (*state, error) {
	req, err := http.NewRequest(http.MethodGet, "http://router"+Path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", Protocol)
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, fmt.Errorf("%w: no answer: %w", ErrUnreachable, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refused(resp)
	}
	return greeting(r)
}

// greeting waits for the router's first frame.
func greeting(r *bufio.Reader) (*state, error) {
	f, err := readFrame(r, maxFrame)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: no greeting: %w", ErrUnreachable, err)
	case f.Op == opBye:
		return nil, fmt.Errorf("%w: %s", ErrUnreachable, f.Text)
	case f.Op != opHello || f.State == nil:
		return nil, errors.New("the router does not speak " + Protocol)
	}
	return f.State, nil
}

// refused converts the router's HTTP response to an error.
func refused(resp *http.Response) error {
	var e struct {
		Error string `json:"error"`
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if json.Unmarshal(body, &e) != nil || e.Error == "" {
		return fmt.Errorf("the router answered %q", resp.Status)
	}
	return fmt.Errorf("refused by the router: %s", e.Error)
}

// read distributes frames until the connection ends.
func (c *Client) read() {
	defer close(c.notices)
	why := errors.New("the connection was closed")
	for {
		f, err := readFrame(c.r, maxFrame)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				why = err
			}
			break
		}
		if f.Op == opBye {
			why = errors.New(f.Text)
			break
		}
		c.take(f)
	}
	c.fail(why)
}

// fail ends the connection. Only the first reason is kept.
func (c *Client) fail(why error) {
	c.mu.Lock()
	if !c.closed && c.err == nil {
		c.err = &lostError{why}
	}
	c.mu.Unlock()
	c.kill()
	_ = c.conn.Close()
}

func (c *Client) take(f *frame) {
	id := f.ID
	switch f.Op {
	case opNotice:
		c.note(f.Text)
		return
	case opAsk:
		id = f.For
	default: // an answer to the request with that ID
	}
	c.mu.Lock()
	if f.State != nil {
		c.state = *f.State
	}
	cl := c.calls[id]
	c.mu.Unlock()
	if cl != nil {
		cl.put(c.alive, f)
	}
}

// note queues a notice. If nobody reads the queue, the oldest notices are dropped.
func (c *Client) note(text string) {
	feed.Send(c.notices, text)
}

// start registers a call and sends its request.
func (c *Client) start(f *frame) (*call, error) {
	cl := newCall()
	c.mu.Lock()
	c.nextID++
	f.ID = c.nextID
	cl.id = f.ID
	c.calls[f.ID] = cl
	c.mu.Unlock()
	if err := c.send(f); err != nil {
		c.finish(cl)
		return nil, err
	}
	return cl, nil
}

func (c *Client) finish(cl *call) {
	c.mu.Lock()
	delete(c.calls, cl.id)
	c.mu.Unlock()
	cl.drop()
}

func (c *Client) send(f *frame) error {
	b, err := encode(f)
	if err != nil {
		return err
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(clientWrite)); err != nil {
		return err
	}
	_, err = c.conn.Write(b)
	return err
}

// ask sends a request that has one answer. It returns nil if the answer does not arrive.
func (c *Client) ask(f *frame) *frame {
	if len(f.Line) > maxLine {
		return nil
	}
	cl, err := c.start(f)
	if err != nil {
		return nil
	}
	defer c.finish(cl)
	ctx, cancel := context.WithTimeout(c.alive, replyTimeout)
	defer cancel()
	return cl.next(ctx)
}

// Prompt implements shell.Conversation. If the router does not answer, it returns the previous prompt.
func (c *Client) Prompt() string {
	c.ask(&frame{Op: opPrompt})
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Prompt
}

// Complete implements shell.Conversation.
func (c *Client) Complete(line string) []shell.Suggestion {
	f := c.ask(&frame{Op: opComplete, Line: line})
	if f == nil {
		return nil
	}
	return f.Suggestions
}

// Help implements shell.Conversation.
func (c *Client) Help(line string) string {
	f := c.ask(&frame{Op: opHelp, Line: line})
	if f == nil {
		return "% No answer from the router\n"
	}
	return f.Text
}

// Notices implements shell.Conversation. The channel is closed when either side ends the
// connection; Err then returns the reason.
func (c *Client) Notices() <-chan string { return c.notices }

// Ended implements shell.Conversation.
func (c *Client) Ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Ended || c.closed
}

// PageLength implements shell.Conversation.
func (c *Client) PageLength() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.PageLength
}

// Suggestions implements shell.Conversation.
func (c *Client) Suggestions() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Suggestions
}

// Plain implements shell.Conversation.
func (c *Client) Plain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Plain
}

// Resize implements shell.Conversation.
func (c *Client) Resize(columns, rows int) {
	_ = c.send(&frame{Op: opResize, Columns: columns, Rows: rows})
}

// Err implements shell.Conversation. It returns why the router has gone, nil if it has not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close implements shell.Conversation. It ends the session and interrupts a running command.
func (c *Client) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		_ = c.send(&frame{Op: opClose})
		c.kill()
		_ = c.conn.Close()
	}
	c.reading.Wait()
	return nil
}
