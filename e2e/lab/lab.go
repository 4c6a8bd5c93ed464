// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Prefix begins the names of all namespaces and directories of labs. The creator's process
// ID and a counter follow.
const Prefix = "vrrpsh-e2e-"

// The addresses of a segment.
const (
	Subnet = "192.0.2.0/24"
	// HostAddr is the address of the host.
	HostAddr = "192.0.2.10"
	// VIP is for a virtual router.
	VIP = "192.0.2.100"
	// VIP6 and VIP6Global are the same for IPv6. VIP6 is the next hop of the host's default route.
	VIP6       = "fe80::100"
	VIP6Global = "2001:db8::100"
	// Far is an address of every router outside the segment: the host reaches it by its default route.
	Far = "2001:db8:f::1"
)

// Lab is one segment with its namespaces and the programs in them.
type Lab struct {
	// Bridge is the switch. Its ports have the names of the roles of the connected namespaces.
	Bridge *Namespace
	// Host is the host on the segment.
	Host *Namespace
	// Routers are r1, r2 and so on.
	Routers []*Namespace
	// Dir is a directory for the lab's files, with a path short enough for sockets. It
	// is removed with the lab.
	Dir string

	tb     testing.TB
	name   string
	double bool // there is a second segment

	mu      sync.Mutex
	procs   []*Process
	onClose []func()
	reports []func() string
	closing sync.Once
}

var labs = struct {
	sync.Mutex
	count int
	open  map[*Lab]bool
}{open: map[*Lab]bool{}}

// New builds a segment with the given number of routers, which is removed at the end
// of the test. A failed test prints the logs of all programs.
func New(tb testing.TB, routers int) *Lab {
	tb.Helper()
	l := open(tb)
	l.Bridge = l.namespace("sw", "")
	// Without snooping and spanning tree the bridge is a plain switch from the first frame on.
	l.Bridge.IP(
		"link set lo up",
		"link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
		"link set br0 up",
	)
	l.Host = l.namespace("host", HostAddr)
	l.attach(l.Host)
	for i := 1; i <= routers; i++ {
		r := l.namespace("r"+strconv.Itoa(i), fmt.Sprintf("192.0.2.%d", i))
		l.attach(r)
		l.Routers = append(l.Routers, r)
	}
	for _, n := range append([]*Namespace{l.Host}, l.Routers...) {
		l.waitCarrier(n, "eth0")
	}
	return l
}

// open prepares a lab without namespaces.
func open(tb testing.TB) *Lab {
	tb.Helper()
	l := &Lab{tb: tb}
	labs.Lock()
	labs.count++
	l.name = Prefix + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(labs.count)
	labs.open[l] = true
	labs.Unlock()
	tb.Cleanup(func() {
		if tb.Failed() {
			l.report()
		}
		l.Close()
	})

	l.Dir = filepath.Join(os.TempDir(), l.name)
	if err := os.Mkdir(l.Dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return l
}

// namespace adds a namespace.
func (l *Lab) namespace(role, addr string) *Namespace {
	l.tb.Helper()
	n := &Namespace{Name: l.name + "-" + role, Role: role, Addr: addr, lab: l}
	if _, err := run("ip", "netns", "add", n.Name); err != nil {
		l.tb.Fatal(err)
	}
	return n
}

// Elsewhere adds a namespace with nothing in it but a loopback.
func (l *Lab) Elsewhere() *Namespace {
	l.tb.Helper()
	return l.namespace("elsewhere", "")
}

// attach gives a namespace its eth0, and the bridge a port.
func (l *Lab) attach(n *Namespace) {
	l.tb.Helper()
	l.Bridge.IP(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", n.Role, n.Name),
		fmt.Sprintf("link set %s master br0", n.Role),
		fmt.Sprintf("link set %s up", n.Role),
	)
	// The link-local address must be usable at once, so that snapshots do not change by themselves.
	n.Run("sysctl", "-q", "-w", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.eth0.accept_dad=0",
		"net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0")
	n.IP(
		"link set lo up",
		fmt.Sprintf("addr add %s/24 dev eth0", n.Addr),
		fmt.Sprintf("addr add %s/64 dev eth0", n.Addr6()),
		"link set eth0 up",
	)
	if n == l.Host {
		n.IP("route add default via inet6 " + VIP6 + " dev eth0")
		return
	}
	n.Run("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
	n.IP("addr replace " + Far + "/128 dev lo")
}

// Plug adds a new eth0 to a namespace whose eth0 was deleted.
func (l *Lab) Plug(n *Namespace) {
	l.tb.Helper()
	l.attach(n)
	l.waitCarrier(n, "eth0")
}

// waitCarrier waits until an interface of a namespace is operational.
func (l *Lab) waitCarrier(n *Namespace, name string) {
	l.tb.Helper()
	Until(l.tb, 5*time.Second, n.Role+": "+name+" up with a link-local address", func() error {
		if out := n.Run("ip", "-o", "link", "show", name); !strings.Contains(out, "state UP") {
			return fmt.Errorf("link is %s", strings.TrimSpace(out))
		}
		if out := n.Run("ip", "-6", "-o", "addr", "show", "dev", name); !strings.Contains(out, "fe80:") {
			return fmt.Errorf("no link-local address")
		}
		return nil
	})
}

// Cut takes the switch's port of a namespace down: both ends lose the link.
func (l *Lab) Cut(n *Namespace) {
	l.tb.Helper()
	l.CutPort(n.Role)
}

// Join takes the switch's port of a namespace up again.
func (l *Lab) Join(n *Namespace) {
	l.tb.Helper()
	l.JoinPort(n.Role)
}

// CutPort takes a port of a switch down.
func (l *Lab) CutPort(port string) {
	l.tb.Helper()
	l.Bridge.IP("link set " + port + " down")
}

// JoinPort takes a port of a switch up again.
func (l *Lab) JoinPort(port string) {
	l.tb.Helper()
	l.Bridge.IP("link set " + port + " up")
}

// Partition makes the switch discard all frames from and to a namespace. Its link stays up.
func (l *Lab) Partition(n *Namespace) {
	l.tb.Helper()
	l.Bridge.Run("bridge", "link", "set", "dev", n.Role, "state", "0")
}

// Heal ends a Partition.
func (l *Lab) Heal(n *Namespace) {
	l.tb.Helper()
	l.Bridge.Run("bridge", "link", "set", "dev", n.Role, "state", "3")
}

// File writes a file of the lab and returns its path.
func (l *Lab) File(name, text string) string {
	l.tb.Helper()
	path := filepath.Join(l.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.tb.Fatal(err)
	}
	return path
}

// atClose registers a function that Close calls, latest first.
func (l *Lab) atClose(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onClose = append(l.onClose, fn)
}

// atFailure registers a function whose text is logged when the test fails.
func (l *Lab) atFailure(fn func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reports = append(l.reports, fn)
}

// report logs the texts registered with atFailure.
func (l *Lab) report() {
	l.tb.Helper()
	l.mu.Lock()
	reports, procs := l.reports, l.procs
	l.mu.Unlock()
	for _, fn := range reports {
		l.tb.Log(fn())
	}
	for _, p := range procs {
		l.tb.Logf("--- log of %s (%s):\n%s", p.Name, p.status(), tail(p.Log(), 60))
	}
}

// Close ends all programs of the lab and removes it. It may be called repeatedly and concurrently; each call
// returns when the lab is removed.
func (l *Lab) Close() { l.closing.Do(l.close) }

func (l *Lab) close() {
	l.mu.Lock()
	procs, onClose := l.procs, l.onClose
	l.mu.Unlock()
	for i := len(onClose) - 1; i >= 0; i-- {
		onClose[i]()
	}
	for _, p := range procs {
		p.Kill()
	}
	remove(l.name)
	labs.Lock()
	delete(labs.open, l)
	labs.Unlock()
}

// Setup prepares the process for labs. It removes the labs of processes that no longer exist, makes an interrupt
// close all labs before the process ends, and returns a directory for files shared by labs. The caller must call
// teardown at the end.
func Setup() (dir string, teardown func(), err error) {
	names, err := leftovers()
	if err != nil {
		return "", nil, err
	}
	for _, name := range names {
		remove(name)
	}
	shared := Prefix + strconv.Itoa(os.Getpid()) + "-0"
	dir = filepath.Join(os.TempDir(), shared)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", nil, err
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		s := <-c
		labs.Lock()
		open := make([]*Lab, 0, len(labs.open))
		for l := range labs.open {
			open = append(open, l)
		}
		labs.Unlock()
		for _, l := range open {
			l.Close()
		}
		remove(shared)
		fmt.Fprintln(os.Stderr, "e2e: ended by", s)
		os.Exit(1)
	}()
	return dir, func() { remove(shared) }, nil
}

// Missing returns why tests that need root and these programs or Python modules, with their Debian packages, cannot run, or "" if they can.
func Missing(tools map[string]string) string {
	if os.Geteuid() != 0 {
		return "network namespaces need root"
	}
	var absent []string
	for tool, pkg := range tools {
		_, err := exec.LookPath(tool)
		if strings.HasSuffix(tool, ".py") {
			_, err = os.Stat(tool)
		}
		if err != nil {
			absent = append(absent, fmt.Sprintf("%s (Debian package %s)", tool, pkg))
		}
	}
	if len(absent) > 0 {
		return "not installed: " + strings.Join(absent, ", ") + "; e2e/install-peers.sh installs them"
	}
	return ""
}

// leftovers lists the names of labs whose creator is dead.
func leftovers() ([]string, error) {
	found := map[string]bool{}
	for _, dir := range []string{"/run/netns", os.TempDir()} {
		paths, err := filepath.Glob(filepath.Join(dir, Prefix+"*"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			parts := strings.Split(strings.TrimPrefix(filepath.Base(path), Prefix), "-")
			pid, err := strconv.Atoi(parts[0])
			if err != nil || len(parts) < 2 || alive(pid) {
				continue
			}
			found[Prefix+parts[0]+"-"+parts[1]] = true
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	return names, nil
}

// alive reports whether a process exists.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || err == unix.EPERM
}

// remove removes a lab by name: the programs in its namespaces, the namespaces, the directory.
func remove(name string) {
	paths, _ := filepath.Glob("/run/netns/" + name + "-*")
	for _, path := range paths {
		ns := filepath.Base(path)
		out, _ := run("ip", "netns", "pids", ns)
		for _, field := range strings.Fields(out) {
			if pid, err := strconv.Atoi(field); err == nil {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if _, err := run("ip", "netns", "del", ns); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
		}
	}
	if err := os.RemoveAll(filepath.Join(os.TempDir(), name)); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
}

// tail returns the last lines of a text.
func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(all) > lines {
		all = append([]string{"…"}, all[len(all)-lines:]...)
	}
	return strings.Join(all, "\n")
}
