// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// One user cannot use up the sessions of all others.
func TestSessionsOfAUserAreLimited(t *testing.T) {
	s := Handler(nil)
	var release func()
	reserve := func(user string, administrator, owner bool) (n int, err error) {
		for ; n <= defaultMaxSessions+reservedSessions; n++ {
			var r func()
			if r, err = s.reserve(user, administrator, owner); err != nil {
				break
			}
			release = r
		}
		return n, err
	}
	if n, err := reserve("greedy", false, false); n != userSessions || !strings.Contains(err.Error(), "too many sessions of greedy") {
		t.Errorf("%d sessions, then %v", n, err)
	}
	release()
	release() // the second call has no effect
	if n, err := reserve("greedy", true, false); n != 1 {
		t.Errorf("after one has ended: %d, then %v", n, err)
	}
	if n, err := reserve("other", false, false); n != defaultMaxSessions-userSessions {
		t.Errorf("another user: %d, then %v", n, err)
	}
	if n, err := reserve("more", false, false); n != 0 {
		t.Errorf("when there are none: %d, then %v", n, err)
	}
	if n, err := reserve("admin", true, false); n != reservedSessions {
		t.Errorf("%d sessions of an administrator, then %v", n, err)
	}
	if n, _ := reserve("root", true, true); n != 0 {
		t.Errorf("%d sessions of root beyond all", n)
	}
}

// TestSessionsOfRoot: when one user has used up the sessions of a user, root still gets all the others, more than a user
// gets.
func TestSessionsOfRoot(t *testing.T) {
	s := Handler(nil)
	for range userSessions {
		if _, err := s.reserve("greedy", false, false); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for ; n <= defaultMaxSessions+reservedSessions; n++ {
		if _, err := s.reserve("root", true, true); err != nil {
			break
		}
	}
	if want := defaultMaxSessions + reservedSessions - userSessions; n != want || n <= userSessions {
		t.Errorf("%d sessions of root, want %d", n, want)
	}
}

// wrapped is a connection around another one, like the ones that the server counts.
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
		t.Error("an unknown user is not counted")
	}
}
