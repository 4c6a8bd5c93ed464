// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// receiver is a log host on this machine.
type receiver struct {
	url      string
	messages chan string
}

// frames passes on the messages of a connection with octet counting.
func (r *receiver) frames(conn io.Reader) {
	for in := bufio.NewReader(conn); ; {
		n, err := in.ReadString(' ')
		if err != nil {
			return
		}
		length, err := strconv.Atoi(strings.TrimSuffix(n, " "))
		if err != nil {
			r.messages <- "not a length: " + n
			return
		}
		msg := make([]byte, length)
		if _, err := io.ReadFull(in, msg); err != nil {
			return
		}
		r.messages <- string(msg)
	}
}

func (r *receiver) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go r.frames(conn)
	}
}

// next returns the next message with a text.
func (r *receiver) next(t *testing.T, text string) string {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case m := <-r.messages:
			if strings.Contains(m, text) {
				return m
			}
		case <-late:
			t.Fatalf("%s: no message %q", r.url, text)
		}
	}
}

func receivers(t *testing.T) (all []*receiver, authority string) {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = udp.Close() })
	u := &receiver{"udp://" + udp.LocalAddr().String(), make(chan string, 5000)}
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, _, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			u.messages <- string(b[:n])
		}
	}()
	tcp := listen(t, "127.0.0.1:0")
	c := &receiver{"tcp://" + tcp.Addr().String(), make(chan string, 5000)}
	go c.accept(tcp)
	cert, file := certificate(t)
	secure := tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{cert}})
	s := &receiver{"tls://" + secure.Addr().String(), make(chan string, 5000)}
	go s.accept(secure)
	return []*receiver{u, c, s}, file
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// certificate makes a certificate for 127.0.0.1 and returns the file that it is in.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestLogHosts checks the format of RFC 5424 over each transport.
func TestLogHosts(t *testing.T) {
	all, authority := receivers(t)
	var urls []string
	for _, r := range all {
		urls = append(urls, r.url)
	}
	j := New(nil)
	defer j.Close()
	s := Settings{Hosts: strings.Join(urls, " "), Authority: authority, Hostname: "r1"}
	if err := j.Configure(s); err != nil {
		t.Fatal(err)
	}
	log := j.Logger()
	log.Warn("became Backup", "interface", "eth0", "cause", "higher priority\n")
	log.Error("größer")
	log.Info("long " + strings.Repeat("ä", 9000))
	for _, r := range all {
		const head = `1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d) r1 vrrpsh \d+ - - `
		for _, want := range []struct{ text, form string }{
			{"became Backup", `^<28>` + head + `became Backup interface=eth0 cause="higher priority\\n"$`},
			{"größer", `^<27>` + head + "\ufeffgrößer$"},
			{"long ", `^<30>` + head + "\ufefflong ä+$"},
		} {
			m := r.next(t, want.text)
			if !regexp.MustCompile(want.form).MatchString(m) {
				t.Errorf("%s: %.200q does not match %s", r.url, m, want.form)
			}
			if most := map[bool]int{true: maxUDPMessage, false: maxTCPMessage}[strings.HasPrefix(r.url, "udp")]; len(m) > most {
				t.Errorf("%s: a message of %d octets", r.url, len(m))
			}
		}
	}
	// A host that is no longer configured gets nothing more; the others keep their connections.
	s.Hosts = all[1].url
	if err := j.Configure(s); err != nil {
		t.Fatal(err)
	}
	log.Info("only one")
	all[1].next(t, "only one")
	if hosts := j.Hosts(); len(hosts) != 1 || hosts[0].Sent != 4 || hosts[0].Lost != 0 || hosts[0].Fault != "" {
		t.Errorf("hosts: %+v", hosts)
	}
	// The last messages are sent before the end.
	log.Info("the last one")
	j.Close()
	all[1].next(t, "the last one")
}

// TestLogHostNotTrusted: without the certificate of who signed for it, a log host gets nothing.
func TestLogHostNotTrusted(t *testing.T) {
	all, _ := receivers(t)
	j := New(nil)
	defer j.Close()
	if err := j.Configure(Settings{Hosts: all[2].url}); err != nil {
		t.Fatal(err)
	}
	entries, stop := j.Subscribe()
	defer stop()
	j.Logger().Info("secret to others")
	for e := range entries {
		if strings.Contains(e.Message, "cannot be reached") {
			if !strings.Contains(e.Attrs, "certificate") {
				t.Errorf("the fault: %s", e.Attrs)
			}
			break
		}
	}
	if len(all[2].messages) > 0 {
		t.Error("a host that is not trusted got a message")
	}
}

// TestLogHostWithoutAuthority checks that a pipe or a device in place of the certificates is a fault: nothing is read without end.
func TestLogHostWithoutAuthority(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{pipe, "/dev/zero"} {
		j := New(nil)
		defer j.Close()
		if err := j.Configure(Settings{Hosts: "tls://" + listen(t, "127.0.0.1:0").Addr().String(), Authority: file}); err != nil {
			t.Fatal(err)
		}
		entries, stop := j.Subscribe()
		defer stop()
		j.Logger().Info("begin")
		for late := time.After(5 * time.Second); ; {
			select {
			case e := <-entries:
				if !strings.Contains(e.Message, "cannot be reached") {
					continue
				}
				if !strings.Contains(e.Attrs, file+" is not a file") {
					t.Errorf("the fault: %s", e.Attrs)
				}
			case <-late:
				t.Fatalf("reading %s does not end", file)
			}
			break
		}
	}
}

// refusing is a listener that closes the first connections at once.
type refusing struct {
	net.Listener
	left int
}

func (r *refusing) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	for ; err == nil && r.left > 0; r.left-- {
		_ = conn.Close()
		conn, err = r.Listener.Accept()
	}
	return conn, err
}

// TestLogHostAway checks that nobody waits for a log host that does not answer, that the queue is bounded, and that lost messages are counted and
// reported, however many attempts to reach the host fail.
func TestLogHostAway(t *testing.T) {
	cert, authority := certificate(t)
	l := &refusing{listen(t, "127.0.0.1:0"), 2}
	r := &receiver{"tls://" + l.Addr().String(), make(chan string, 5000)}
	go r.accept(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}))
	j := New(nil)
	defer j.Close()
	if err := j.Configure(Settings{Hosts: r.url, Authority: authority}); err != nil {
		t.Fatal(err)
	}
	entries, stop := j.Subscribe()
	defer stop()
	log := j.Logger()
	log.Info("begin")
	for e := range entries {
		if strings.Contains(e.Message, "cannot be reached") {
			break
		}
	}
	for i := range 3 * hostQueue {
		log.Info(fmt.Sprintf("message %d.", i))
	}
	status := j.Hosts()[0]
	if status.Lost < 2*hostQueue || status.Lost > 2*hostQueue+10 || status.Fault == "" {
		t.Errorf("away: %+v", status)
	}
	if m := r.next(t, "missing"); !strings.Contains(m, fmt.Sprintf("count=%d", status.Lost)) {
		t.Errorf("%s, %d are lost", m, status.Lost)
	}
	r.next(t, fmt.Sprintf("message %d.", 3*hostQueue-1))
	r.next(t, "the log host is reached")
	if now := j.Hosts()[0]; now.Fault != "" || now.Lost != status.Lost {
		t.Errorf("back: %+v", now)
	}
}
