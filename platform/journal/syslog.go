// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"vrrpsh/platform/printable"
	"vrrpsh/platform/regular"
)

// Limits for each log host. The router never waits for one.
const (
	hostQueue     = 1000 // messages; the oldest are dropped
	hostTimeout   = 10 * time.Second
	longestPause  = time.Minute // between two attempts to connect
	maxUDPMessage = 2048        // octets, as all receivers should accept (RFC 5426 section 3.2)
	maxTCPMessage = 8192        // (RFC 5425 section 4.3.1)
	maxAuthority  = 1 << 20     // bytes of the certificates of those who sign: several times all that a system trusts
)

// HostStatus is the state of a log host.
type HostStatus struct {
	URL   string
	Sent  uint64 // messages
	Lost  uint64 // messages
	Fault string // why it cannot be reached; "" if it can, as far as is known
}

// host sends messages to a log host in the format of RFC 5424, in a goroutine of its own.
type host struct {
	journal *Journal
	to      *url.URL
	cancel  context.CancelFunc
	ready   chan struct{} // has a value when the queue has entries

	// Of run alone.
	warned time.Time // when the log told last that the host cannot be reached
	away   bool      // the log has told so
	told   uint64    // lost messages that the host knows of

	mu     sync.Mutex
	queue  []Entry
	status HostStatus
	idle   *sync.Cond // broadcast when the queue is empty and all is sent
	busy   bool
}

func newHost(j *Journal, text string) (*host, error) {
	to, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	h := &host{journal: j, to: to, ready: make(chan struct{}, 1), status: HostStatus{URL: text}}
	h.idle = sync.NewCond(&h.mu)
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(context.Background())
	go h.run(ctx)
	return h, nil
}

// put queues an entry. If the queue is full, its oldest entry is lost.
func (h *host) put(e *Entry) {
	h.mu.Lock()
	if len(h.queue) >= hostQueue {
		h.queue = h.queue[1:]
		h.status.Lost++
	}
	h.queue = append(h.queue, *e)
	h.mu.Unlock()
	h.wake()
}

// wake makes take look at the queue.
func (h *host) wake() {
	select {
	case h.ready <- struct{}{}:
	default:
	}
}

// take waits for queued entries and returns them, with the number of lost ones that the host does not know of. It returns none if ctx ends.
func (h *host) take(ctx context.Context) (list []Entry, missing uint64) {
	for {
		h.mu.Lock()
		list, h.queue = h.queue, nil
		missing = h.status.Lost - h.told
		if h.busy = len(list) > 0; !h.busy {
			h.idle.Broadcast()
		}
		h.mu.Unlock()
		if len(list) > 0 {
			return list, missing
		}
		select {
		case <-h.ready:
		case <-ctx.Done():
			return nil, 0
		}
	}
}

func (h *host) run(ctx context.Context) {
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	var list []Entry
	var missing uint64
	pause := time.Second
	for {
		if len(list) == 0 {
			if list, missing = h.take(ctx); len(list) == 0 {
				return
			}
		}
		e := &list[0]
		if missing > 0 {
			e = &Entry{Time: e.Time, Level: slog.LevelWarn, Message: "messages for this log host are missing", Attrs: fmt.Sprintf("count=%d", missing)}
		}
		var err error
		if conn == nil {
			conn, err = h.connect(ctx)
		}
		if err == nil {
			if err = h.send(conn, e); err != nil {
				_ = conn.Close()
				conn = nil
			}
		}
		if ctx.Err() != nil {
			return
		}
		h.report(err)
		if err != nil {
			h.giveBack(list)
			list = nil
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			pause = min(2*pause, longestPause)
			continue
		}
		pause = time.Second
		if missing > 0 {
			h.told += missing
			missing = 0
		} else {
			list = list[1:]
		}
	}
}

// giveBack puts entries that could not be sent back into the queue, as far as there is room.
func (h *host) giveBack(list []Entry) {
	h.mu.Lock()
	all := slices.Concat(list, h.queue)
	if n := len(all) - hostQueue; n > 0 {
		h.status.Lost += uint64(n)
		all = all[n:]
	}
	h.queue = all
	h.mu.Unlock()
	h.wake()
}

// report keeps the result of an attempt to send, and logs the first of several that differ.
func (h *host) report(err error) {
	h.mu.Lock()
	was := h.status.Fault
	if h.status.Fault = ""; err != nil {
		h.status.Fault = printable.Line(err.Error())
	} else {
		h.status.Sent++
	}
	now := h.status.Fault
	h.mu.Unlock()
	// A host over UDP may seem to be reached by every other message: what is logged about that must not go on for ever.
	switch log := h.journal.Logger(); {
	case was == "" && now != "" && time.Since(h.warned) > longestPause:
		h.warned, h.away = time.Now(), true
		log.Warn("a log host cannot be reached; trying again", "host", h.status.URL, "error", now)
	case was != "" && now == "" && h.away:
		h.away = false
		log.Info("the log host is reached", "host", h.status.URL)
	}
}

func (h *host) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, hostTimeout)
	defer cancel()
	dialer := &net.Dialer{}
	if h.to.Scheme != "tls" {
		return dialer.DialContext(ctx, h.to.Scheme, h.to.Host)
	}
	config := &tls.Config{ServerName: h.to.Hostname(), MinVersion: tls.VersionTLS12}
	if file := h.journal.authority(); file != "" {
		pem, err := regular.ReadFile(file, maxAuthority)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate (PEM)", file)
		}
	}
	return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", h.to.Host)
}

func (h *host) send(conn net.Conn, e *Entry) error {
	most := maxTCPMessage
	if h.to.Scheme == "udp" {
		most = maxUDPMessage
	}
	msg := h.journal.syslog(e, most)
	if h.to.Scheme != "udp" { // octet counting: RFC 5425 section 4.3, RFC 6587 section 3.4.1
		msg = append(strconv.AppendInt(nil, int64(len(msg)), 10), append([]byte{' '}, msg...)...)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(hostTimeout)); err != nil {
		return err
	}
	_, err := conn.Write(msg)
	return err
}

// drain waits until all is sent, for at most limit.
func (h *host) drain(limit time.Duration) {
	late := false
	timer := time.AfterFunc(limit, func() {
		h.mu.Lock()
		late = true
		h.mu.Unlock()
		h.idle.Broadcast()
	})
	defer timer.Stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for !late && h.status.Fault == "" && (h.busy || len(h.queue) > 0) {
		h.idle.Wait()
	}
}

// facility is "system daemons" (RFC 5424 section 6.2.1).
const facility = 3

// syslog returns an entry in the format of RFC 5424 section 6, in at most so many octets.
func (j *Journal) syslog(e *Entry, most int) []byte {
	j.mu.Lock()
	name := j.settings.Hostname
	j.mu.Unlock()
	text := printable.Line(e.Message)
	if e.Attrs != "" {
		text += " " + printable.Line(e.Attrs)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		text = "\ufeff" + text // section 6.4: the mark of UTF-8
	}
	msg := fmt.Appendf(nil, "<%d>1 %s %s vrrpsh %d - - %s", facility*8+severity(e.Level), e.Time.Format("2006-01-02T15:04:05.000000Z07:00"),
		cmp.Or(name, "-"), os.Getpid(), text)
	if len(msg) > most {
		for msg = msg[:most]; len(msg) > 0 && !utf8.Valid(msg); {
			msg = msg[:len(msg)-1]
		}
	}
	return msg
}

// authority returns the file with the certificates of those who sign for log hosts; "": the system's.
func (j *Journal) authority() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.settings.Authority
}

// hostsAs returns the log hosts of a list of URLs, separated by blanks. It keeps those that exist already.
func (j *Journal) hostsAs(list string) ([]*host, error) {
	var hosts []*host
	for text := range strings.FieldsSeq(list) {
		if i := slices.IndexFunc(j.hosts, func(h *host) bool { return h.status.URL == text }); i >= 0 {
			hosts = append(hosts, j.hosts[i])
			continue
		}
		h, err := newHost(j, text)
		if err != nil {
			j.dropHosts(hosts, j.hosts)
			return nil, errors.New("not the URL of a log host")
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// dropHosts ends the hosts of a list that are not kept, without waiting for them.
func (j *Journal) dropHosts(list, kept []*host) {
	for _, h := range list {
		if !slices.Contains(kept, h) {
			h.cancel()
		}
	}
}

// Hosts returns the states of the log hosts.
func (j *Journal) Hosts() []HostStatus {
	j.mu.Lock()
	hosts := slices.Clone(j.hosts)
	j.mu.Unlock()
	list := make([]HostStatus, 0, len(hosts))
	for _, h := range hosts {
		h.mu.Lock()
		list = append(list, h.status)
		h.mu.Unlock()
	}
	return list
}

// drainHosts gives the log hosts a moment for the last messages, and closes their connections.
func (j *Journal) drainHosts(limit time.Duration) {
	j.mu.Lock()
	hosts := j.hosts
	j.hosts = nil
	j.mu.Unlock()
	end := time.Now().Add(limit)
	for _, h := range hosts {
		h.drain(time.Until(end))
		h.cancel()
	}
}
