// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vrrpsh/conf"
	"vrrpsh/e2e/lab"
)

// automated is a router with users for programs: netbot is plain, ansible commits on end, too.
type automated struct {
	*sshLab
	v *lab.Vrrpsh
}

func newAutomated(t *testing.T) *automated {
	t.Helper()
	p := &automated{sshLab: newSSHLab(t)}
	p.port = "2222"
	p.v = p.l.VrrpshFile(bin, p.node, fmt.Sprintf(`[api]
host = "disabled"
users = [%s, %s]
plain_users = ["netbot", "ansible"]
commit_on_end_users = ["ansible"]
[ssh]
listen = "127.0.0.1:%s"
[[vrouter]]
group = 1
interface = "eth0"
vip = "10.99.0.1"
`, userLine(t, "netbot", conf.Administrator), userLine(t, "ansible", conf.Administrator), p.port))
	p.v.Start()
	p.v.WaitReady()
	return p
}

// run runs a client in the router's namespace, with the environment that Debian's packages are made for.
func (p *automated) run(args ...string) (out string, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := p.node.Command(ctx, args...)
	cmd.Env = []string{
		"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + p.l.Dir, "LANG=C.UTF-8", "TERM=xterm", "NETBOT_PASSWORD=banana", "ANSIBLE_NOCOLOR=1",
		"ANSIBLE_HOST_KEY_CHECKING=False",
	}
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// configured returns the lines of the running configuration that match.
func (p *automated) configured(match string) string {
	return strings.TrimSpace(p.v.Script("show running-config | include " + match))
}

// TestNetmiko: netmiko's cisco_ios, unmodified.
func TestNetmiko(t *testing.T) {
	parallel(t)
	p := newAutomated(t)
	if out, err := p.run("/usr/bin/python3", testdata(t, "netmiko_ios.py"), p.port, "netbot", "banana"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := p.configured("priority"); got != "priority 60" {
		t.Errorf("in the end: %q", got)
	}
}

// TestExpect: expect, anchored on the prompt.
func TestExpect(t *testing.T) {
	parallel(t)
	p := newAutomated(t)
	out, err := p.run("expect", testdata(t, "expect.tcl"), p.port, "netbot", "banana")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.ContainsAny(out, "\x1b\b\a") {
		t.Errorf("the terminal received control characters: %q", out)
	}
	if got := p.configured("priority"); got != "priority 80" {
		t.Errorf("in the end: %q", got)
	}
}

// TestAnsible: the playbook of docs/examples/ansible and the collection cisco.ios, unmodified. The second run changes nothing, and of a
// task that fails nothing takes effect.
func TestAnsible(t *testing.T) {
	parallel(t)
	p := newAutomated(t)
	example := "../docs/examples/ansible"
	inventory, err := os.ReadFile(filepath.Join(example, "inventory.yml"))
	if err != nil {
		t.Fatal(err)
	}
	here := string(inventory)
	for _, change := range [][2]string{
		{"192.0.2.11\n      vrrp", "127.0.0.1\n      vrrp"},
		{"    r2:\n      ansible_host: 192.0.2.12\n      vrrp_priority: 100\n", ""},
		{"ansible_user: netbot", "ansible_user: ansible"},
		{"vrrp_address: 192.0.2.100", "vrrp_address: 10.99.0.1"},
	} {
		if !strings.Contains(here, change[0]) {
			t.Fatalf("the inventory has no %q", change[0])
		}
		here = strings.Replace(here, change[0], change[1], 1)
	}
	hosts := p.l.File("inventory.yml", here)
	playbook, err := filepath.Abs(filepath.Join(example, "vrrp.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, recap := range []string{"changed=1", "changed=0"} {
		out, err := p.run("ansible-playbook", "-i", hosts, playbook)
		if err != nil || !strings.Contains(out, recap) || !strings.Contains(out, "MASTER") {
			t.Fatalf("run %d: %v: %s", i+1, err, out)
		}
		if got := p.configured("priority"); got != "priority 200" {
			t.Fatalf("run %d: %q", i+1, got)
		}
	}
	wrong := p.l.File("wrong.yml", `
- hosts: routers
  gather_facts: false
  tasks:
    - cisco.ios.ios_config:
        parents: [interface eth0, vrrp 1]
        lines: [priority 20, vip 10.99.0.300]
      ignore_errors: true
      register: configured
    - cisco.ios.ios_command:
        commands: [show vrrp group 9]
      ignore_errors: true
      register: asked
    - ansible.builtin.assert:
        that: [configured is failed, asked is failed]
`)
	if out, err := p.run("ansible-playbook", "-i", hosts, wrong); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if got := p.configured("priority"); got != "priority 200" {
		t.Errorf("a part of the failed task took effect: %q", got)
	}
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
