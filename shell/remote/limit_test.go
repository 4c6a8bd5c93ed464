package remote

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// No user takes the sessions of all the others.
func TestSessionsOfAUserAreLimited(t *testing.T) {
	s := Handler(nil)
	reserve := func(p Peer) (n int, err error) {
		for ; n <= defaultMaxSessions+ownerSessions; n++ {
			if err = s.reserve(p); err != nil {
				break
			}
		}
		return n, err
	}
	greedy, other := Peer{UID: 4711, Username: "greedy"}, Peer{UID: 4712, Username: "other"}
	if n, err := reserve(greedy); n != userSessions || !strings.Contains(err.Error(), "too many sessions of greedy") {
		t.Errorf("%d sessions, then %v", n, err)
	}
	if err := s.reserve(other); err != nil {
		t.Errorf("another user: %v", err)
	}
	s.release(greedy)
	if err := s.reserve(greedy); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
	if n, _ := reserve(Peer{UID: 0, Username: "root"}); n != defaultMaxSessions+ownerSessions-userSessions-1 {
		t.Errorf("%d sessions of root", n)
	}
}

// wrapped is a connection behind another one, as those that are counted.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestPeerBehindAConnection(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if p, ok := PeerFromContext(ConnContext(t.Context(), wrapped{c})); !ok || !p.Owner() || p.Username == "" {
		t.Errorf("peer %+v, %v", p, ok)
	}
	if source := Source(wrapped{c}); source != "" {
		t.Errorf("an owner is counted as %q", source)
	}
	a, b := net.Pipe()
	defer func() { _ = a.Close(); _ = b.Close() }()
	if source := Source(a); source == "" {
		t.Error("who is not known is not counted")
	}
}
