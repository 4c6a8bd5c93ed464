// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"net"
	"runtime"
	"strconv"
	"strings"
	"time"

	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/printable"
	"vrrpsh/platform/process"
)

// linkData lists the interfaces that the command requests.
func linkData(c *call) ([]report.Link, error) {
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	links := report.Links(snapshot)
	name := c.step.Value("interface")
	if name == "" {
		return links, nil
	}
	for _, l := range links {
		if l.Name == name {
			return []report.Link{l}, nil
		}
	}
	return nil, c.step.Misplaced("interface", "there is no such interface")
}

func showInterfaces(c *call) error {
	links, err := linkData(c)
	if err != nil {
		return err
	}
	rows := make([][]string, len(links))
	for i, l := range links {
		state := "down"
		if l.Up {
			state = "up"
		}
		addresses := strings.Join(l.Addresses, " ")
		if addresses == "" {
			addresses = "none"
		}
		rows[i] = []string{
			printable.Line(l.Name), state, l.MAC, strconv.Itoa(l.MTU), strconv.Itoa(l.Groups),
			strconv.FormatUint(l.UnknownVRID, 10), strconv.FormatUint(total(l.Malformed), 10), addresses,
		}
	}
	return c.table([]column{
		left("Interface"), left("State"), left("MAC address"), right("MTU"), right("Grp"),
		right("Unknown"), right("Bad"), left("Addresses"),
	}, rows)
}

func total(m map[string]uint64) uint64 {
	var n uint64
	for _, v := range m {
		n += v
	}
	return n
}

// versionData is the data of "show version".
type versionData struct {
	Version  string    `json:"version"`
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
	Hostname string    `json:"hostname"`
	Started  time.Time `json:"started"`
	Uptime   float64   `json:"uptime"` // seconds
	File     string    `json:"file"`
	Commit   uint64    `json:"commit"`
	Faults   []string  `json:"faults,omitempty"` // for example a listener that cannot be opened
}

func versionOf(c *call) versionData {
	s := c.session
	return versionData{
		Version: s.env.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Hostname: s.hostname(), Started: s.env.Started, Uptime: s.now().Sub(s.env.Started).Seconds(),
		File: s.env.Path, Commit: s.env.Manager.Running().ID, Faults: s.env.faults(),
	}
}

// faults lists the parts of the router that cannot follow the configuration.
func (e *Env) faults() []string {
	var list []string
	for _, m := range e.Manager.Missing() {
		list = append(list, m.String())
	}
	return list
}

func showVersion(c *call) error {
	v := versionOf(c)
	c.printf("vrrpsh %s\n", v.Version)
	c.printf("%s uptime is %s\n", v.Hostname, span(c.session.now().Sub(v.Started)))
	c.printf("Started %s\n", c.session.stamp(v.Started))
	if v.File != "" {
		c.printf("Configuration file is %s\n", printable.Line(v.File))
	}
	c.printf("Running configuration is commit %d\n", v.Commit)
	for _, f := range v.Faults {
		c.printf("Fault: %s\n", printable.Line(f))
	}
	return nil
}

func showClock(c *call) error {
	c.printf("%s\n", c.session.now().In(c.session.zone()).Format("15:04:05.000 MST Mon Jan 2 2006"))
	return nil
}

func clockData(c *call) (any, error) {
	return map[string]time.Time{"time": c.session.now().In(c.session.zone())}, nil
}

func showSessions(c *call) error {
	var rows [][]string
	for _, r := range c.session.registry.list(c.session) {
		self, mode := "", r.Mode
		if r.Self {
			self = "*"
		}
		if r.Changes {
			mode += " (changes)"
		}
		if r.Exclusive {
			mode += " (exclusive)"
		}
		rows = append(rows, []string{
			self, strconv.Itoa(r.ID), r.User, strconv.Itoa(r.Level), r.Source, c.session.stamp(r.Since), mode,
		})
	}
	return c.table([]column{
		left(""), right("Id"), left("User"), right("Level"), left("Source"), left("Since"), left("Mode"),
	}, rows)
}

// apiData is the data of "show api".
type apiData struct {
	Enabled bool       `json:"enabled"`
	Metrics bool       `json:"metrics"`
	Host    string     `json:"host,omitempty"`
	TLS     bool       `json:"tls"`
	Users   []userData `json:"users"`
	Fault   string     `json:"fault,omitempty"` // why the API does not listen
}

type userData struct {
	Name  string `json:"name"`
	Level int    `json:"level"`
	Role  string `json:"role"`
}

func apiOf(c *call) apiData {
	cfg := c.session.env.Manager.Running().Config
	d := apiData{Users: []userData{}}
	if cfg == nil {
		return d
	}
	d.Enabled, d.TLS, d.Metrics = cfg.API.Enabled, cfg.API.TLS, cfg.Metrics
	if d.Enabled {
		d.Host = cfg.API.Host
		for _, f := range c.session.env.faults() {
			if strings.HasPrefix(f, "api: ") {
				d.Fault = f
			}
		}
	}
	for _, u := range cfg.API.Users {
		d.Users = append(d.Users, userData{u.Name, int(u.Level), u.Level.String()})
	}
	return d
}

func showAPI(c *call) error {
	d := apiOf(c)
	switch {
	case !d.Enabled:
		c.printf("HTTP API over TCP is disabled\n")
	case d.TLS:
		c.printf("HTTP API %s on https://%s\n", listens(d.Fault), hostPort(d.Host))
	default:
		c.printf("HTTP API %s on http://%s\n", listens(d.Fault), hostPort(d.Host))
	}
	if d.Fault != "" {
		c.printf("Fault: %s\n", printable.Line(d.Fault))
	}
	if d.Metrics {
		c.printf("Metrics are served as /metrics\n")
	}
	if len(d.Users) == 0 {
		c.printf("No users\n")
		return nil
	}
	var rows [][]string
	for _, u := range d.Users {
		rows = append(rows, []string{u.Name, strconv.Itoa(u.Level), u.Role})
	}
	return c.table([]column{left("User"), right("Level"), left("Role")}, rows)
}

func listens(fault string) string {
	if fault != "" {
		return "cannot listen"
	}
	return "listens"
}

func hostPort(s string) string {
	if host, port, err := net.SplitHostPort(s); err == nil {
		return net.JoinHostPort(host, port)
	}
	return s
}

// resourceData is the data of "show resources".
type resourceData struct {
	Memory     uint64  `json:"memory"` // bytes taken from the system
	Heap       uint64  `json:"heap"`   // bytes in use
	Goroutines int     `json:"goroutines"`
	CPU        float64 `json:"cpu"` // seconds, user and system
	Uptime     float64 `json:"uptime"`
	Routers    int     `json:"virtual_routers"`
	Masters    int     `json:"masters"`
	// Loop is the load of the loop that sends and receives adverts.
	Loop *report.Load `json:"loop,omitempty"`
}

func resourcesOf(c *call) (*resourceData, error) {
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	used := process.Used()
	d := &resourceData{
		Memory: used.Memory, Heap: used.Heap, Goroutines: used.Goroutines,
		CPU: used.CPU.Seconds(), Uptime: c.session.now().Sub(c.session.env.Started).Seconds(),
		Routers: len(snapshot.Routers),
	}
	for _, r := range snapshot.Routers {
		if r.State == vrrp.Master {
			d.Masters++
		}
	}
	if load := c.session.env.Load; load != nil {
		l, err := load(c.ctx)
		if err != nil {
			return nil, err
		}
		d.Loop = &l
	}
	return d, nil
}

func showResources(c *call) error {
	d, err := resourcesOf(c)
	if err != nil {
		return err
	}
	c.printf("Memory            %.1f MB, %.1f MB in use\n", float64(d.Memory)/1e6, float64(d.Heap)/1e6)
	c.printf("Processor time    %.2f s", d.CPU)
	if d.Uptime > 0 {
		c.printf(", %.2f %% of one core since the start", 100*d.CPU/d.Uptime)
	}
	c.printf("\nVirtual routers   %d, %d Master\n", d.Routers, d.Masters)
	if l := d.Loop; l != nil {
		c.printf("Adverts           %d sent, %d received", l.Sent, l.Received)
		if l.Lost > 0 {
			c.printf(", %d lost because they came faster than they were read", l.Lost)
		}
		c.printf("\n")
		c.printf("Loop              latest deadline %.3f ms late, longest turn %.3f ms\n", 1000*l.MaxLate, 1000*l.LongestTurn)
		from := 0.0
		for _, class := range l.Late {
			switch {
			case class.Count == 0:
			case class.UpTo == 0:
				c.printf("  more than %g ms late: %d\n", 1000*from, class.Count)
			default:
				c.printf("  up to %g ms late: %d\n", 1000*class.UpTo, class.Count)
			}
			from = class.UpTo
		}
		c.printf("Waiting           kernel work for %d virtual routers, %d announcements\n", l.KernelQueue, l.AnnounceQueue)
		if l.KernelFault != "" {
			c.printf("Kernel            differs from the desired state: %s\n", strings.ReplaceAll(l.KernelFault, "\n", "\n  "))
		}
	}
	return nil
}
