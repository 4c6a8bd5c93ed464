// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"vrrpsh/conf"
	"vrrpsh/engine/driver"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/journal"
	"vrrpsh/router"
	"vrrpsh/shell"
)

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Try the shell on a simulated LAN: no root, no network, nothing touched",
		Long: `demo starts three routers and a host on a simulated LAN, and opens the shell of the
router r1. The engine, the configuration and the shell are the real ones. The "lab"
commands stop and start the other routers and cut links.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context()) },
	}
}

// The demo's network: the user is on r1, which has the highest priority in group 1;
// r2 has the highest in group 2.
const (
	demoInterface = "eth0"
	demoPing      = 50 * time.Millisecond
)

var demoRouters = []demoRouter{
	{"r1", "10.0.0.1/24", map[int]int{1: 200, 2: 100}},
	{"r2", "10.0.0.2/24", map[int]int{1: 150, 2: 150}},
	{"r3", "10.0.0.3/24", map[int]int{1: 50, 2: 50}},
}

var demoAddresses = map[int]string{1: "10.0.0.100", 2: "10.0.0.200"}

type demoRouter struct {
	name, address string
	priorities    map[int]int // by group
}

// file returns the router's configuration.
func (r demoRouter) file() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "hostname = %q\n", r.name)
	for group := 1; group <= len(r.priorities); group++ {
		fmt.Fprintf(&b, "\n[[vrouter]]\ngroup = %d\ninterface = %q\nvip = %q\nversion = 3\npriority = %d\npreemption = true\niftype = \"macvlan\"\n",
			group, demoInterface, demoAddresses[group], r.priorities[group])
	}
	return []byte(b.String())
}

const demoBanner = `Three routers and a host share a simulated LAN; you are on r1. Try:
  show vrrp brief          the virtual routers and their states
  lab show                 the LAN, and the routers that answer the host
  lab cut r1               pull r1's cable; "lab restore r1" puts it back
  lab stop r2              stop a router; "lab start r2" starts it again
  configure                then: interface eth0 vrrp 1 priority 50, commit, end
  ?                        help; exit ends the demo and leaves nothing behind
`

func runDemo(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "vrrpsh-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "r1.toml")
	if err := os.WriteFile(path, demoRouters[0].file(), 0o600); err != nil {
		return err
	}
	ctx, stop := untilHangup(ctx)
	defer stop()
	l := newLab(ctx)
	defer l.close()
	for _, r := range demoRouters[1:] {
		if err := l.Start(r.name); err != nil {
			return err
		}
	}
	r1, err := router.Start(ctx, router.Options{
		Version: version, System: l.kernels["r1"].Boot(), Path: path, StateDir: dir, Journal: journal.New(nil), Lab: l,
	})
	if err != nil {
		return err
	}
	defer func() { _ = r1.Stop() }() // its kernel is in memory
	if xterm.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Print(demoBanner)
	}
	return converse(ctx, r1.Console())
}

// lab is the simulated LAN. Its routers other than r1 run without a shell.
type lab struct {
	ctx     context.Context
	kernels map[string]*fake.Router
	host    *fake.Host
	done    chan struct{}
	stop    context.CancelFunc

	mu      sync.Mutex
	running map[string]*labRouter
	cut     map[string]bool
	pings   map[int]*pings
}

var _ shell.Lab = (*lab)(nil)

type labRouter struct {
	stop context.CancelFunc
	done chan struct{}
}

// pings is the host's view of a virtual address.
type pings struct {
	addr       netip.Addr
	by         string // the router that answered last
	answering  bool
	lastAnswer time.Time
	lastGap    time.Duration // the last interruption that was longer than a ping
}

func newLab(ctx context.Context) *lab {
	lan := fake.NewLAN()
	ctx, stop := context.WithCancel(ctx)
	l := &lab{
		ctx: ctx, stop: stop, done: make(chan struct{}),
		kernels: make(map[string]*fake.Router), host: lan.AddHost("host"),
		running: make(map[string]*labRouter), cut: make(map[string]bool), pings: make(map[int]*pings),
	}
	for _, r := range demoRouters {
		l.kernels[r.name] = lan.AddRouter(r.name, netip.MustParsePrefix(r.address))
	}
	for group, addr := range demoAddresses {
		l.pings[group] = &pings{addr: netip.MustParseAddr(addr)}
	}
	go l.ping()
	return l
}

// close stops the routers and the host.
func (l *lab) close() {
	for _, name := range l.Routers() {
		_ = l.Stop(name) // ignores the error if it does not run
	}
	l.stop()
	<-l.done
}

// ping is the host's loop: it pings every virtual address at each tick.
func (l *lab) ping() {
	defer close(l.done)
	ticker := time.NewTicker(demoPing)
	defer ticker.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case now := <-ticker.C:
			l.mu.Lock()
			for _, p := range l.pings {
				p.seen(now, l.host)
			}
			l.mu.Unlock()
		}
	}
}

func (p *pings) seen(now time.Time, h *fake.Host) {
	by, _, ok := h.Ping(p.addr)
	p.answering = ok
	if !ok {
		return
	}
	if gap := now.Sub(p.lastAnswer); !p.lastAnswer.IsZero() && gap > 2*demoPing {
		p.lastGap = gap
	}
	p.by, p.lastAnswer = by, now
}

// Routers implements shell.Lab.
func (l *lab) Routers() []string {
	var names []string
	for _, r := range demoRouters {
		names = append(names, r.name)
	}
	return names
}

// Start implements shell.Lab.
func (l *lab) Start(name string) error {
	i := slices.IndexFunc(demoRouters, func(r demoRouter) bool { return r.name == name })
	if i < 0 {
		return fmt.Errorf("no router %q", name)
	}
	if i == 0 {
		return errors.New("r1 is running: you are on it")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[name] != nil {
		return fmt.Errorf("%s is already running", name)
	}
	_, config, err := conf.Load(name, demoRouters[i].file(), conf.TOML)
	if err != nil {
		return err
	}
	d := driver.New(driver.Options{System: l.kernels[name].Boot()})
	ctx, stop := context.WithCancel(context.WithoutCancel(l.ctx))
	r := &labRouter{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		_ = d.Run(ctx)
	}()
	if err := d.Apply(l.ctx, config.Engine); err != nil {
		stop()
		<-r.done
		return err
	}
	l.running[name] = r
	return nil
}

// Stop implements shell.Lab.
func (l *lab) Stop(name string) error {
	l.mu.Lock()
	r := l.running[name]
	delete(l.running, name)
	l.mu.Unlock()
	switch {
	case r != nil:
		r.stop()
		<-r.done
		return nil
	case name == demoRouters[0].name:
		return errors.New("you are on r1: cut its link instead")
	case l.kernels[name] == nil:
		return fmt.Errorf("no router %q", name)
	default:
		return fmt.Errorf("%s is not running", name)
	}
}

// Cut implements shell.Lab.
func (l *lab) Cut(name string) error { return l.cable(name, true) }

// Restore implements shell.Lab.
func (l *lab) Restore(name string) error { return l.cable(name, false) }

func (l *lab) cable(name string, cut bool) error {
	kernel := l.kernels[name]
	if kernel == nil {
		return fmt.Errorf("no router %q", name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut[name] == cut {
		return fmt.Errorf("the link of %s is already %s", name, map[bool]string{true: "cut", false: "connected"}[cut])
	}
	l.cut[name] = cut
	if cut {
		return kernel.Unplug(demoInterface)
	}
	return kernel.Plug(demoInterface)
}

// Show implements shell.Lab.
func (l *lab) Show() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, r := range demoRouters {
		state, cable := "running", "───"
		if r.name != demoRouters[0].name && l.running[r.name] == nil {
			state = "stopped"
		}
		if l.cut[r.name] {
			cable = " ╳ "
		}
		var serves []string
		for group := 1; group <= len(l.pings); group++ {
			if p := l.pings[group]; l.kernels[r.name].Has(p.addr) {
				serves = append(serves, p.addr.String())
			}
		}
		fmt.Fprintf(&b, "%-4s %-12s %s┤ %-8s %s\n", r.name, r.address, cable, state, strings.Join(serves, ", "))
	}
	fmt.Fprintf(&b, "%-4s %-12s ───┤ pings every %v:\n", "host", "", demoPing)
	for group := 1; group <= len(l.pings); group++ {
		p := l.pings[group]
		answer := "no answer"
		if p.answering {
			answer = "answered by " + p.by
		}
		gap := "no interruption yet"
		if p.lastGap > 0 {
			gap = fmt.Sprintf("last interruption %.2f s", p.lastGap.Seconds())
		}
		fmt.Fprintf(&b, "       %-12s %s, %s\n", p.addr, answer, gap)
	}
	return b.String()
}
