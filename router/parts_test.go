// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vrrpsh/platform/fake"
	"vrrpsh/platform/journal"
	"vrrpsh/shell"
)

// machine is a host with a file of one virtual router.
type machine struct {
	t       *testing.T
	kernel  *fake.Router
	options Options
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	return &machine{t, fake.NewLAN().AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24")), Options{
		Version: "1.0", Path: filepath.Join(dir, "r.toml"), StateDir: dir, Journal: journal.New(nil),
	}}
}

// start starts a router with one virtual router and these settings.
func (m *machine) start(settings string) (*Router, error) {
	m.t.Helper()
	text := settings + "\n[[vrouter]]\ngroup = 7\ninterface = \"eth0\"\nvip = \"10.0.0.100\"\n"
	if err := os.WriteFile(m.options.Path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.options.System = m.kernel.Boot()
	r, err := Start(m.t.Context(), m.options)
	if err == nil {
		m.t.Cleanup(func() { _ = r.Stop() })
	}
	return r, err
}

// taken is an address that is in use until free is called.
func taken(t *testing.T) (address string, free func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), func() { _ = l.Close() }
}

func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// TestListenersThatCannotBe checks that a commit with listeners that cannot be opened is refused. At a start or a takeover of
// virtual routers, they are missing until they can be opened.
func TestListenersThatCannotBe(t *testing.T) {
	for _, listener := range []string{"api", "ssh"} {
		t.Run(listener, func(t *testing.T) {
			m := newMachine(t)
			address, free := taken(t)
			key, log := filepath.Join(m.options.StateDir, "key"), filepath.Join(m.options.StateDir, "log")
			settings, command := fmt.Sprintf("[api]\nhost = %q\n", address), "api host "+address
			if listener == "ssh" {
				settings, command = fmt.Sprintf("[ssh]\nlisten = %q\nhost_key = %q\n", address, key), "ssh listen "+address
			}
			r, err := m.start(settings)
			if err != nil {
				t.Fatal(err)
			}
			if told := r.manager.Missing(); len(told) != 1 || !strings.HasPrefix(told[0].String(), listener+": listen tcp "+address) {
				t.Errorf("at the start: missing %v", told)
			}
			r.Stop()
			if r, err = m.start(""); err != nil {
				t.Fatal(err)
			}
			// The rest of the commit is rolled back.
			before := r.manager.Running().ID
			var out strings.Builder
			user := r.Console()
			execute := func(lines ...string) {
				for _, line := range lines {
					user.Execute(t.Context(), line, shell.IO{Out: &out, Err: &out})
				}
			}
			execute("configure", "interface eth0 vrrp 7 priority 20", "logging file "+log, "ssh host-key "+key+"-new", command, "commit check")
			if want := "% The commit would fail: " + listener + ": listen tcp " + address; !strings.Contains(out.String(), want) {
				t.Errorf("commit check: %s", out.String())
			}
			if _, err := os.Stat(key + "-new"); err == nil {
				t.Error("a check has created a host key")
			}
			execute("commit")
			_ = user.Close()
			if want := listener + ": listen tcp " + address; !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "the running configuration is unchanged") {
				t.Errorf("a commit: %s", out.String())
			}
			snapshot, err := r.engine.Snapshot(t.Context())
			if err != nil || snapshot.Routers[0].Priority != 100 || r.manager.Running().ID != before {
				t.Errorf("%v, priority %d, commit %d", err, snapshot.Routers[0].Priority, r.manager.Running().ID)
			}
			r.log.Warn("after the commit")
			m.options.Journal.Flush()
			if b, err := os.ReadFile(log); err != nil || strings.Contains(string(b), "after the commit") {
				t.Errorf("the log of the refused commit: %v\n%s", err, b)
			}
			left, err := r.leave(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m.options.Handover = left
			entries, stop := m.options.Journal.Subscribe()
			defer stop()
			if _, err := m.start(settings); err != nil {
				t.Fatalf("at a hand-over: %v", err)
			}
			expect(t, entries, "part of the configuration is not in effect, but the virtual routers run; trying again")
			free()
			expect(t, entries, "all parts of the configuration are in effect")
			if !answers(address) {
				t.Error("no listener accepts connections")
			}
		})
	}
}

// TestLogThatCannotBeOpened checks that such a log is missing after a hand-over until a reload can open it.
func TestLogThatCannotBeOpened(t *testing.T) {
	m := newMachine(t)
	r, err := m.start("")
	if err != nil {
		t.Fatal(err)
	}
	if m.options.Handover, err = r.leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(m.options.StateDir, "log")
	if r, err = m.start(fmt.Sprintf("main_log = %q\n", filepath.Join(dir, "main"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	reloads(t, r)()
	r.log.Warn("after the reload")
	m.options.Journal.Flush()
	if b, err := os.ReadFile(filepath.Join(dir, "main")); err != nil || !strings.Contains(string(b), "after the reload") {
		t.Errorf("%v\n%s", err, b)
	}
}

// reloads returns a function that makes the router reload its file and waits for it.
func reloads(t *testing.T, r *Router) func() {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	hangup := make(chan os.Signal)
	go r.reload(ctx, hangup)
	return func() {
		hangup <- syscall.SIGHUP
		hangup <- syscall.SIGHUP // when this signal is received, the previous reload is done
	}
}

// expect waits for a message.
func expect(t *testing.T, entries <-chan journal.Entry, want string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case e := <-entries:
			if e.Message == want {
				return
			}
		case <-limit:
			t.Fatalf("%q is not logged", want)
		}
	}
}
