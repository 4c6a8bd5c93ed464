// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// noon is the time of all tests.
var noon = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

// router is a fake router: its snapshot follows the applied configuration.
type router struct {
	routes   []engine.RouteStatus
	config   engine.Config
	refuse   error         // error of apply
	hold     chan struct{} // if not nil, the next apply closes it and waits until its context ends
	applying func()        // if not nil, the next apply calls it
	resigned []engine.Key
	cleared  []engine.Key
	clearAll bool
	events   chan engine.Event
	change   func(*engine.RouterStatus)
}

// apply is the Apply function of a part.
func (r *router) apply(ctx context.Context, _, cfg *conf.Config) error {
	if r.refuse != nil {
		return r.refuse
	}
	if r.applying != nil {
		r.applying()
	}
	if hold := r.hold; hold != nil {
		r.hold = nil
		close(hold)
		<-ctx.Done()
		return ctx.Err()
	}
	r.config = cfg.Engine
	return nil
}

func (r *router) Subscribe() (<-chan engine.Event, func()) { return r.events, func() {} }

func (r *router) Resign(_ context.Context, k engine.Key) error {
	for i := range r.config.Routers {
		if r.config.Routers[i].Key == k {
			r.resigned = append(r.resigned, k)
			return nil
		}
	}
	return fmt.Errorf("%s does not exist", k)
}

func (r *router) ClearStatistics(_ context.Context, match func(engine.Key) bool) error {
	r.clearAll = r.clearAll || match == nil
	for i := range r.config.Routers {
		if k := r.config.Routers[i].Key; match != nil && match(k) {
			r.cleared = append(r.cleared, k)
		}
	}
	return nil
}

// Snapshot shows virtual routers with an odd VRID as Backup and the others as Master.
func (r *router) Snapshot(ctx context.Context) (*engine.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &engine.Snapshot{Time: noon, Started: noon.Add(-26 * time.Hour), Routes: r.routes}
	for i, name := range []string{"lo", "eth0", "eth1"} {
		l := engine.Link{Index: i + 1, Name: name, MTU: 1500, Up: i < 2, Ethernet: i > 0, MAC: [6]byte{2, 0, 0, 0, 0, byte(i)}}
		if i < 2 {
			l.Addrs = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.0.%d.2/24", i-1+1-i))}
		}
		s.Links = append(s.Links, engine.LinkStatus{Link: l})
	}
	for i := range r.config.Routers {
		s.Routers = append(s.Routers, r.status(&r.config.Routers[i]))
	}
	return s, nil
}

func (r *router) status(c *engine.VirtualRouter) *engine.RouterStatus {
	p := &c.Protocol
	st := &engine.RouterStatus{
		Config: c, Carrier: c.Interface, LinkIndex: 2,
		VirtualMAC: [6]byte{0, 0, 0x5e, 0, 1, c.VRID}, LinkMAC: [6]byte{2, 0, 0, 0, 0, 1},
		Status: vrrp.Status{
			State: vrrp.Backup, Since: noon.Add(-65 * time.Second), Cause: vrrp.CauseHigherPriority,
			Priority: p.Priority, Local: vrrp.Local{Primary: netip.MustParseAddr("10.0.0.2")},
			MasterAddr: netip.MustParseAddr("10.0.0.3"), MasterPriority: 250, LastHeard: noon.Add(-400 * time.Millisecond),
			MasterAdverInterval: p.Interval,
			SkewTime:            vrrp.SkewTime(p.Version, p.Priority, p.Interval),
			MasterDownInterval:  vrrp.MasterDownInterval(p.Version, p.Priority, p.Interval),
		},
		Counters: engine.Counters{Since: noon.Add(-time.Hour), BecameMaster: 1, AdvertsReceived: 65, AdvertsSent: 3},
		History: []engine.Transition{
			{Time: noon.Add(-70 * time.Second), From: vrrp.Initialize, To: vrrp.Backup, Cause: vrrp.CauseStartup},
			{Time: noon.Add(-66 * time.Second), From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.CauseMasterDown},
			{
				Time: noon.Add(-65 * time.Second), From: vrrp.Master, To: vrrp.Backup, Cause: vrrp.CauseHigherPriority,
				Peer: netip.MustParseAddr("10.0.0.3"), Priority: 250,
			},
		},
	}
	st.MasterDownAt = st.LastHeard.Add(st.MasterDownInterval)
	for _, a := range c.Addresses {
		bits := a.Bits
		if bits < 0 {
			bits = a.Addr.BitLen()
		}
		st.Addresses = append(st.Addresses, netip.PrefixFrom(a.Addr, bits))
	}
	if c.VRID%2 == 0 {
		st.State, st.Cause = vrrp.Master, vrrp.CauseMasterDown
		st.MasterAddr, st.MasterPriority = st.Local.Primary, p.Priority
		st.MasterDownAt, st.LastHeard, st.NextAdvertAt = time.Time{}, time.Time{}, noon.Add(300*time.Millisecond)
		st.Installed = true
		st.History = st.History[:2]
	}
	if r.change != nil {
		r.change(st)
	}
	return st
}

// lab is a fake of the demo's network.
type fakeLab struct{ done []string }

func (l *fakeLab) Routers() []string        { return []string{"r2", "r3"} }
func (l *fakeLab) act(what, r string) error { l.done = append(l.done, what+" "+r); return nil }
func (l *fakeLab) Stop(r string) error      { return l.act("stop", r) }
func (l *fakeLab) Start(r string) error     { return l.act("start", r) }
func (l *fakeLab) Cut(r string) error       { return l.act("cut", r) }
func (l *fakeLab) Restore(string) error     { return errors.New("the link is not cut") }
func (l *fakeLab) Show() string             { return "r1 --- lan --- r2\n" }

const sampleFile = `
hostname = "r1"
time_zone = "utc"

[[vrouter]]
group = 1
interface = "eth0"
vip = "10.0.0.100/24"
version = 3
priority = 150
preemption = true

[[vrouter]]
group = 2
interface = "eth0"
vip = "10.0.0.102"
auth_type = "rfc2338-simple"
auth_secret = "hunter2"
`

// newEnv returns a router that runs a configuration.
func newEnv(t testing.TB, file string) (*Env, *router) {
	t.Helper()
	return newEnvIn(t, file, t.TempDir())
}

// newEnvIn is newEnv with files in dir.
func newEnvIn(t testing.TB, file, dir string) (*Env, *router) {
	t.Helper()
	path := filepath.Join(dir, "r1.toml")
	if err := conf.WriteFile(path, []byte(file)); err != nil {
		t.Fatal(err)
	}
	r := &router{events: make(chan engine.Event)}
	sessions := NewSessions()
	now := noon.Add(-time.Hour)
	m := manage(t, r.apply, conf.Options{
		Path: path, StateDir: filepath.Join(dir, "state"),
		Now: func() time.Time { return now }, Notify: sessions.Committed,
		Awaiting: sessions.Awaiting,
	})
	t.Cleanup(m.Close)
	now = noon
	return &Env{
		View: r, Control: r, Manager: m, Hostname: "router", Version: "1.0", Started: noon.Add(-26 * time.Hour),
		Path: path, Now: func() time.Time { return noon }, Sessions: sessions,
	}, r
}

// manage opens a manager with one part.
func manage(t testing.TB, apply func(ctx context.Context, from, to *conf.Config) error, o conf.Options) *conf.Manager {
	t.Helper()
	m, err := conf.Open(o)
	if err == nil {
		err = m.Start(context.Background(), conf.Part{Name: "engine", Apply: apply})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var (
	admin  = User{Name: "admin", Level: conf.Administrator, Source: "console"}
	viewer = User{Name: "eve", Level: conf.Viewer, Source: "10.0.0.9"}
)

func newSession(t testing.TB, env *Env, u User) *Session {
	t.Helper()
	s := New(env, u)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// run executes lines like a script and returns everything printed and the last status.
func run(t testing.TB, s *Session, lines ...string) (string, Status) {
	t.Helper()
	var b bytes.Buffer
	var status Status
	for _, l := range lines {
		status = s.Execute(t.Context(), l, IO{Out: &b, Err: &b})
	}
	return b.String(), status
}

// must executes lines that must succeed.
func must(t fataler, s *Session, lines ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, l := range lines {
		if status := s.Execute(context.Background(), l, IO{Out: &b, Err: &b}); status != Done {
			t.Fatalf("%q: status %d\n%s", l, status, b.String())
		}
	}
	return b.String()
}

// display is a terminal that records the requests of commands.
type display struct {
	bytes.Buffer
	answer func(prompt string) (string, error) // nil: the user answers no question
	texts  []string                            // shown on the screen
	told   []string                            // progress messages
	noMore bool
}

func (d *display) Show(text string) error { d.texts = append(d.texts, text); return nil }
func (d *display) NoMore()                { d.noMore = true }
func (d *display) Progress(what string)   { d.told = append(d.told, what) }

func (d *display) Ask(_ context.Context, prompt string, _ bool) (string, error) {
	if d.answer == nil {
		return "", context.Canceled
	}
	return d.answer(prompt)
}

// answering is a terminal whose user answers one question after the other, and then with Ctrl-D.
func answering(answers ...string) *display {
	return &display{answer: func(string) (string, error) {
		if len(answers) == 0 {
			return "", io.EOF
		}
		answer := answers[0]
		answers = answers[1:]
		return answer, nil
	}}
}

// io returns the IO of a command.
func (d *display) io(width int) IO { return IO{Out: d, Err: d, Width: width, Terminal: d} }

// fataler is a test of package testing or of rapid.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}
