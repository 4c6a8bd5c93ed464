// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The signals that routers handle.
const (
	sigStop   = syscall.SIGTERM
	sigReload = syscall.SIGHUP
)

// Vrrpsh is a vrrpsh in a namespace. Its Router methods act on the group that it was created with.
type Vrrpsh struct {
	*Process
	// Config, Socket and StateDir are the paths of the configuration file, the control socket
	// and the state directory.
	Config, Socket, StateDir string

	lab      *Lab
	node     *Namespace
	bin      string
	group    Group
	priority uint8
}

var _ Router = (*Vrrpsh)(nil)

// Status is one element of the API's /run/vrrp.
type Status struct {
	VirtualIP string `json:"virtual_ip"`
	Group     int    `json:"group"`
	Interface string `json:"interface"`
	Priority  int    `json:"priority"`
	Preempt   bool   `json:"preempt"`
	State     string `json:"state"`
}

// Vrrpsh returns a vrrpsh, from the executable bin, for one group.
func (l *Lab) Vrrpsh(bin string, n *Namespace, g Group) *Vrrpsh {
	v := l.vrrpsh(bin, n)
	v.group = g
	return v
}

// VrrpshFile returns a vrrpsh whose configuration file is the lab's own lines followed by config.
func (l *Lab) VrrpshFile(bin string, n *Namespace, config string) *Vrrpsh {
	l.tb.Helper()
	v := l.vrrpsh(bin, n)
	v.write(config)
	return v
}

// VrrpshAt returns a vrrpsh with this control socket that the caller starts.
func (l *Lab) VrrpshAt(bin string, n *Namespace, socket string) *Vrrpsh {
	v := l.vrrpsh(bin, n)
	v.Socket = socket
	return v
}

func (l *Lab) vrrpsh(bin string, n *Namespace) *Vrrpsh {
	path := func(name string) string { return filepath.Join(l.Dir, n.Role+name) }
	return &Vrrpsh{
		Config: path(".toml"), Socket: path(".sock"), StateDir: path("-state"),
		lab: l, node: n, bin: bin, priority: 100,
	}
}

// Node implements Router.
func (v *Vrrpsh) Node() *Namespace { return v.node }

// write writes the configuration file with the given tables.
func (v *Vrrpsh) write(tables string) {
	v.lab.tb.Helper()
	text := fmt.Sprintf("hostname = %q\nstate_dir = %q\ndebug = 3\n\n%s", v.node.Role, v.StateDir, tables)
	v.lab.File(filepath.Base(v.Config), text)
}

// Table returns the group's [[vrouter]] table.
func (g Group) Table(priority uint8) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = %q\nversion = %d\npriority = %d\npreemption = true\n",
		g.VRID, g.iface(), g.Version, priority)
	if g.IPv6 {
		// Adverts have their own order; the order in the file does not matter.
		fmt.Fprintf(&b, "vips = [%q, %q]\n", VIP6Global, VIP6)
	} else {
		fmt.Fprintf(&b, "vip = %q\n", g.VIP())
	}
	fmt.Fprintf(&b, "advertise_interval = \"%v\"\n", g.Interval)
	if g.Macvlan {
		b.WriteString("iftype = \"macvlan\"\n")
	} else {
		b.WriteString("iftype = \"ether\"\n")
	}
	if g.Secret != "" {
		fmt.Fprintf(&b, "auth_type = \"rfc2338-simple\"\nauth_secret = %q\n", g.Secret)
	}
	b.WriteString(g.Extra)
	return b.String()
}

// Start implements Router. It returns before the router is ready; use WaitReady to wait.
func (v *Vrrpsh) Start() {
	v.lab.tb.Helper()
	v.StartWith(nil)
}

// StartWith is Start, but set may change the command, for example to replace the log.
func (v *Vrrpsh) StartWith(set func(*exec.Cmd)) {
	v.lab.tb.Helper()
	if v.group.VRID != 0 {
		table := v.group.Table(v.priority)
		if source, peer, ok := v.group.unicast(v.node); ok {
			table += fmt.Sprintf("unicast_peers = [%q]\nunicast_source = %q\n", peer, source)
		}
		v.write(table)
	}
	v.Process = v.lab.StartWith(v.node, "vrrpsh", set, v.bin, "-m1", "-c", v.Config, "-s", v.Socket)
}

// WaitReady waits until the API answers.
func (v *Vrrpsh) WaitReady() {
	v.lab.tb.Helper()
	Until(v.lab.tb, startLimit, v.Name+" answers", func() error {
		if !v.Running() {
			v.lab.tb.Fatalf("%s has ended: %s", v.Name, v.status())
		}
		_, err := v.TryStatus()
		return err
	})
}

// WaitState waits until the API reports that the only group is in a state.
func (v *Vrrpsh) WaitState(state string, limit time.Duration) {
	v.lab.tb.Helper()
	Until(v.lab.tb, limit, v.node.Role+"/vrrpsh is "+state, func() error {
		all, err := v.TryStatus()
		if err != nil {
			return err
		}
		if len(all) != 1 || all[0].State != state {
			return fmt.Errorf("the API says %+v", all)
		}
		return nil
	})
}

// SetPriority implements Router. It changes a running router through the shell, like an operator.
func (v *Vrrpsh) SetPriority(p uint8) {
	v.lab.tb.Helper()
	v.priority = p
	if v.Process == nil || !v.Running() {
		return
	}
	family := ""
	if v.group.IPv6 {
		family = " ipv6"
	}
	v.Script("configure", fmt.Sprintf("interface eth0 vrrp %d%s priority %d", v.group.VRID, family, p), "commit", "end")
}

// Stop implements Router.
func (v *Vrrpsh) Stop() {
	v.lab.tb.Helper()
	v.Signal(sigStop)
	if status := v.Wait(stopLimit); status != 0 {
		v.lab.tb.Fatalf("%s: exit status %d after SIGTERM", v.Name, status)
	}
}

// Result is the result of a command.
type Result struct {
	Stdout, Stderr string
	Status         int
}

// Exec runs "vrrpsh exec" with arguments and standard input.
func (v *Vrrpsh) Exec(input string, args ...string) Result {
	v.lab.tb.Helper()
	return v.run(input, append([]string{"exec"}, args...)...)
}

// Run runs the program with arguments, for this router.
func (v *Vrrpsh) Run(args ...string) Result {
	v.lab.tb.Helper()
	return v.run("", args...)
}

func (v *Vrrpsh) run(input string, args ...string) Result {
	v.lab.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := v.node.Command(ctx, append([]string{v.bin, "-s", v.Socket}, args...)...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	status := ExitStatus(cmd.Run())
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: status}
}

// Script runs lines in the shell, which must all succeed, and returns what they printed.
func (v *Vrrpsh) Script(lines ...string) string {
	v.lab.tb.Helper()
	r := v.Exec(strings.Join(lines, "\n") + "\n")
	if r.Status != 0 {
		v.lab.tb.Fatalf("%s: %q: exit status %d\n%s%s", v.node.Role, lines, r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Show runs one command in the shell, which must succeed, and returns its output.
func (v *Vrrpsh) Show(args ...string) string {
	v.lab.tb.Helper()
	r := v.Exec("", args...)
	if r.Status != 0 {
		v.lab.tb.Fatalf("%s: %q: exit status %d\n%s%s", v.node.Role, args, r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// TryGet sends a request to the API on the control socket and decodes the JSON answer into out.
func (v *Vrrpsh) TryGet(path string, out any) error {
	client := http.Client{Timeout: commandTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", v.Socket)
		},
	}}
	resp, err := client.Get("http://" + v.node.Role + path)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// TryStatus asks the API for /run/vrrp.
func (v *Vrrpsh) TryStatus() ([]Status, error) {
	var all []Status
	err := v.TryGet("/run/vrrp", &all)
	return all, err
}

// ConfigText returns the configuration file.
func (v *Vrrpsh) ConfigText() string {
	v.lab.tb.Helper()
	b, err := os.ReadFile(v.Config)
	if err != nil {
		v.lab.tb.Fatal(err)
	}
	return string(b)
}

// DecodeJSON decodes a text, which must be one JSON value.
func DecodeJSON(text string) (any, error) {
	var v any
	err := json.Unmarshal([]byte(text), &v)
	return v, err
}
