// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine/driver"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/journal"
)

// lan is a simulated LAN with real routers on it, in virtual time.
type lan struct {
	*fake.LAN
	t *testing.T
}

// node is a router with a session of its administrator.
type node struct {
	*Session
	t      *testing.T
	kernel *fake.Router
	driver *driver.Driver
	stop   func()
}

// onLAN runs a test on a LAN.
func onLAN(t *testing.T, test func(l *lan)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(&lan{fake.NewLAN(), t}) })
}

// router starts a router with the address 10.0.0.n and virtual router 1 for 10.0.0.100. settings are
// additional lines of its file.
func (l *lan) router(n int, settings string) *node {
	l.t.Helper()
	kernel := l.AddRouter(fmt.Sprintf("r%d", n), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 24))
	path := l.t.TempDir() + "/r.toml"
	file := "time_zone = \"utc\"\n[[vrouter]]\ngroup = 1\ninterface = \"eth0\"\nvip = \"10.0.0.100\"\n" + settings
	if err := conf.WriteFile(path, []byte(file)); err != nil {
		l.t.Fatal(err)
	}
	log := journal.New(nil)
	d := driver.New(driver.Options{System: kernel.Boot(), Logger: log.Logger()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	sessions := NewSessions()
	apply := func(ctx context.Context, _, to *conf.Config) error { return d.Apply(ctx, to.Engine) }
	m := manage(l.t, apply, conf.Options{Path: path, Notify: sessions.Committed, Awaiting: sessions.Awaiting})
	env := &Env{View: d, Control: d, Tap: d, Manager: m, Journal: log, Hostname: kernel.Name(), Sessions: sessions, Started: time.Now()}
	node := &node{Session: New(env, admin), t: l.t, kernel: kernel, driver: d}
	node.stop = func() {
		m.Close()
		cancel()
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	}
	l.t.Cleanup(func() {
		_ = node.Close()
		node.stop()
	})
	return node
}

// pass advances virtual time and lets everything happen that is then due.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// noticed takes the notices that wait to be shown.
func (n *node) noticed() []string {
	synctest.Wait()
	var lines []string
	for len(n.notices) > 0 {
		lines = append(lines, <-n.notices)
	}
	return lines
}
