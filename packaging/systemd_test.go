// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package packaging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chrootPackages are what the container has beside the minimum.
const chrootPackages = "systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps,psmisc"

// machine is a container with a systemd of its own, in a network namespace of its own. A host is its only neighbour, in another one.
type machine struct {
	t      *testing.T
	leader string // process ID of its systemd
	net    string // name of the container's network namespace
	host   string // name of the host's
}

const (
	machineAddr = "10.99.0.1"
	hostAddr    = "10.99.0.9"
	virtualAddr = "10.99.0.100"
	// lastResort ends a container whose test is gone.
	lastResort = "900"
)

// TestUnderSystemd installs, starts, reloads, upgrades and purges the package under a real systemd. VRRPSH_SYSTEMD is the directory of the
// container's files; the test makes it if it is missing, and never changes it.
func TestUnderSystemd(t *testing.T) {
	root := os.Getenv("VRRPSH_SYSTEMD")
	if root == "" {
		t.Skip("VRRPSH_SYSTEMD is not set: make test-systemd runs this test")
	}
	debs := t.TempDir()
	for _, version := range []string{"0.9.0+1", "0.9.0+2"} {
		program := filepath.Join(t.TempDir(), "vrrpsh")
		build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", program, "vrrpsh")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		run(t, "sh", "deb.sh", program, version)
		name := "vrrpsh_" + version + "_" + strings.TrimSpace(run(t, "dpkg", "--print-architecture")) + ".deb"
		run(t, "mv", filepath.Join("..", "dist", name), filepath.Join(debs, version+".deb"))
	}
	m := boot(t, root, debs)

	step := func(name string, f func(m *machine)) {
		if t.Failed() {
			return // a later step needs the earlier ones
		}
		t.Run(name, func(t *testing.T) { on := *m; on.t = t; f(&on) })
	}
	step("install", func(m *machine) {
		m.ok("dpkg -i /debs/0.9.0+1.deb")
		m.want("systemctl is-active vrrpsh || true", "inactive")
		m.ok("getent group vrrpsh")
	})
	step("start without a file", func(m *machine) {
		m.ok("systemctl enable --now vrrpsh")
		m.want("journalctl -u vrrpsh -o cat", "no configuration file yet", "control_socket=/run/vrrpsh/vrrpsh.sock", "api=\"off", "ssh=\"off")
		m.want("stat -c '%U %G %a' /run/vrrpsh/vrrpsh.sock", "root vrrpsh 660")
		m.ok("useradd -G vrrpsh alice")
		m.want("setpriv --reuid=alice --regid=alice --init-groups vrrpsh exec show version", "0.9.0+1")
		m.commit("interface eth0 vrrp 7", "version 3", "vip "+virtualAddr+"/24")
		m.ok("test -s /etc/vrrpsh/vrrpsh.toml")
		m.master()
	})
	step("the places of the earlier daemon", func(m *machine) {
		for _, path := range []string{"/etc/rvrrpd.conf", "/etc/rvrrpd/rvrrpd.conf"} {
			m.ok("systemctl stop vrrpsh && mkdir -p /etc/rvrrpd && mv /etc/vrrpsh/vrrpsh.toml " + path + " && systemctl start vrrpsh")
			m.commit("hostname r" + strconv.Itoa(len(path)))
			m.ok("grep r" + strconv.Itoa(len(path)) + " " + path)
			m.ok("systemctl stop vrrpsh && mv " + path + " /etc/vrrpsh/vrrpsh.toml && systemctl start vrrpsh")
		}
		m.ok("rmdir /etc/rvrrpd")
		m.master()
	})
	step("reload", func(m *machine) {
		m.ok("cp -p /etc/vrrpsh/vrrpsh.toml /root/good && echo nonsense=1 >> /etc/vrrpsh/vrrpsh.toml")
		if out, err := m.try("systemctl reload vrrpsh"); err == nil {
			m.t.Errorf("the reload of a file with a fault succeeded\n%s", out)
		}
		m.want("systemctl is-active vrrpsh", "active")
		m.want("journalctl -u vrrpsh -o cat -p err", "nonsense: unknown key")
		m.ok("cp -p /root/good /etc/vrrpsh/vrrpsh.toml && sed -i 's/^hostname = .*/hostname = \"again\"/' /etc/vrrpsh/vrrpsh.toml && systemctl reload vrrpsh")
		m.want("vrrpsh exec show running-config", "hostname again")
		m.want("journalctl -u vrrpsh -o cat -p warning | grep -c level=info || true", "0")
	})
	step("health checks", func(m *machine) { m.healthChecks() })
	step("upgrade, with another socket", func(m *machine) {
		m.commit("control-socket /run/elsewhere/sock")
		m.ok("systemctl restart vrrpsh")
		m.ok("test -S /run/elsewhere/sock && test ! -e /run/vrrpsh/vrrpsh.sock")
		m.master()
		before := m.ok("systemctl show -p MainPID --value vrrpsh")
		pings := m.pings()
		m.ok("dpkg -i /debs/0.9.0+2.deb")
		m.want("vrrpsh -s /run/elsewhere/sock exec show version", "0.9.0+2")
		if lost := pings(); lost != 0 {
			m.t.Errorf("the upgrade lost %d pings", lost)
		}
		if after := m.ok("systemctl show -p MainPID --value vrrpsh"); after != before {
			m.t.Errorf("process %s, then %s", before, after)
		}
		m.want("stat -c %G /run/elsewhere/sock", "vrrpsh")
		m.want("systemctl is-active vrrpsh", "active")
	})
	step("watchdog", func(m *machine) {
		m.ok("mkdir -p /etc/systemd/system/vrrpsh.service.d && printf '[Service]\\nWatchdogSec=3\\n' > /etc/systemd/system/vrrpsh.service.d/w.conf && " +
			"systemctl daemon-reload && systemctl restart vrrpsh")
		before := m.ok("systemctl show -p MainPID --value vrrpsh")
		m.ok("kill -STOP " + before)
		m.until("systemd starts the router again", func() error {
			now, err := m.try("systemctl show -p MainPID --value vrrpsh; systemctl is-active vrrpsh")
			if err != nil || strings.HasPrefix(now, before) || !strings.Contains(now, "\nactive") {
				return fmt.Errorf("%s %v", now, err)
			}
			return nil
		})
		m.want("journalctl -u vrrpsh -o cat", "Watchdog timeout")
		m.master()
	})
	step("purge", func(m *machine) {
		m.ok("dpkg -P vrrpsh")
		m.until("the address is gone", func() error {
			if out := m.ok("ip addr show"); strings.Contains(out, virtualAddr) {
				return errors.New(out)
			}
			return nil
		})
		m.ok("systemctl daemon-reload")
		if left := m.ok("find / -xdev '(' -path /proc -o -path /sys -o -path /debs -o -path /var/log/journal ')' -prune -o -name '*vrrpsh*' -print; " +
			"ls -d /run/vrrpsh /run/elsewhere/sock 2>/dev/null; getent group vrrpsh || true"); left != "" {
			m.t.Errorf("the purge left:\n%s", left)
		}
	})
}

// healthChecks checks which programs of health checks the unit's sandbox forbids, that the router says so, and that the lines of
// more-rights.conf allow them.
func (m *machine) healthChecks() {
	checks := map[string]string{
		"ping":    "/usr/bin/ping -c 1 -W 1 " + hostAddr,
		"pgrep":   "/usr/bin/pgrep -x systemd",
		"pidof":   "/usr/bin/pidof systemd",
		"killall": "/usr/bin/killall -0 dbus-daemon",
	}
	lines := []string{}
	for name, program := range checks {
		lines = append(lines, "track "+name+" script "+program, "track "+name+" interval 200ms", "track "+name+" timeout 2s", "track "+name+" user root")
	}
	lines = append(lines, "track ping user nobody", "track pgrep user nobody", "track pidof user nobody")
	all := func(state string) {
		m.t.Helper()
		m.until("all health checks are "+state, func() error {
			if out := m.ok("vrrpsh exec show track"); strings.Count(out, "State is "+state) != len(checks) {
				return errors.New(out)
			}
			return nil
		})
	}
	m.commit(lines...)
	all("down")
	m.want("vrrpsh exec show track", "cap_set_proc: Operation not permitted", "the service may lack a right, see more-rights.conf")
	const dir = "/etc/systemd/system/vrrpsh.service.d"
	m.ok("mkdir -p " + dir + " && cp /usr/share/doc/vrrpsh/examples/more-rights.conf " + dir + "/rights.conf && systemctl daemon-reload && systemctl restart vrrpsh")
	all("up")
	m.ok("rm -r " + dir + " && systemctl daemon-reload")
	m.commit("no track ping", "no track pgrep", "no track pidof", "no track killall")
	m.ok("systemctl restart vrrpsh")
	m.master()
}

// boot starts the container.
func boot(t *testing.T, root, debs string) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root")
	}
	for _, tool := range []string{"systemd-nspawn", "mmdebstrap", "nsenter", "ip", "ping"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "usr")); errors.Is(err, fs.ErrNotExist) {
		suite := strings.TrimSpace(run(t, "sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME"))
		run(t, "mmdebstrap", "--variant=minbase", "--include="+chrootPackages, suite, root)
	}
	name := fmt.Sprintf("vrrpsh-%d", os.Getpid())
	m := &machine{t: t, net: name + "-r", host: name + "-h"}
	for _, ns := range []string{m.net, m.host} {
		run(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { run(t, "ip", "netns", "del", ns) })
	}
	run(t, "ip", "-n", m.net, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", m.host)
	for ns, addr := range map[string]string{m.net: machineAddr, m.host: hostAddr} {
		run(t, "ip", "-n", ns, "link", "set", "lo", "up")
		run(t, "ip", "-n", ns, "addr", "add", addr+"/24", "dev", "eth0")
		run(t, "ip", "-n", ns, "link", "set", "eth0", "up")
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	// --register=no and --keep-unit: this machine need not run systemd.
	nspawn := exec.Command("timeout", "--kill-after=5", lastResort, "systemd-nspawn", "--boot", "--quiet", "--directory="+root, "--volatile=overlay",
		"--capability=all", "--network-namespace-path=/run/netns/"+m.net, "--register=no", "--keep-unit", "--machine="+name, "--console=pipe",
		"--bind-ro="+debs+":/debs")
	nspawn.Stdout, nspawn.Stderr = log, log
	if err := nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- nspawn.Wait() }()
	t.Cleanup(func() {
		if m.leader != "" {
			_, _ = m.try("systemctl poweroff") // its own end is what counts
		}
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = nspawn.Process.Signal(os.Interrupt)
			if m.leader != "" {
				_ = exec.Command("kill", "-KILL", m.leader).Run() // ends the container
			}
			<-ended
		}
		_ = os.Remove(filepath.Join("/run/systemd/nspawn/propagate", name))
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("console:\n%s", text)
		}
	})
	m.until("systemd is up", func() error {
		// timeout, systemd-nspawn, and the systemd of the container; before that a helper
		shim, err := child(strconv.Itoa(nspawn.Process.Pid))
		if err == nil {
			m.leader, err = child(shim)
		}
		if err != nil {
			return err
		}
		out, err := m.try("systemctl is-system-running || true")
		if err != nil || !strings.Contains(out, "running") && !strings.Contains(out, "degraded") {
			return fmt.Errorf("%s %v", out, err)
		}
		return nil
	})
	return m
}

// child returns the first child of a process.
func child(pid string) (string, error) {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	if fields := strings.Fields(string(b)); err == nil && len(fields) > 0 {
		return fields[0], nil
	}
	return "", fmt.Errorf("process %s has no child yet (%w)", pid, err)
}

// try runs a line of the shell in the container.
func (m *machine) try(line string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--all", "--target", m.leader, "--wdns=/", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", line)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// ok runs a line that must succeed.
func (m *machine) ok(line string) string {
	m.t.Helper()
	out, err := m.try(line)
	if err != nil {
		journal, _ := m.try("journalctl -u vrrpsh -o cat | tail -n 30")
		m.t.Fatalf("%s: %v\n%s\njournal:\n%s", line, err, out, journal)
	}
	return out
}

// want runs a line whose output must have these texts.
func (m *machine) want(line string, texts ...string) {
	m.t.Helper()
	out := m.ok(line)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			m.t.Errorf("%s: no %q in\n%s", line, text, out)
		}
	}
}

// commit commits lines of configure mode.
func (m *machine) commit(lines ...string) {
	m.t.Helper()
	script := "configure\\n" + strings.Join(lines, "\\n") + "\\ncommit\\n"
	m.ok("printf '" + script + "' | vrrpsh exec -f -")
}

// until waits for a condition.
func (m *machine) until(what string, f func() error) {
	m.t.Helper()
	var err error
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); {
		if err = f(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatalf("%s: not in time: %v", what, err)
}

// master waits until the host reaches the virtual address.
func (m *machine) master() {
	m.t.Helper()
	m.until("the router is Master", func() error {
		out, err := exec.Command("ip", "netns", "exec", m.host, "ping", "-c", "1", "-W", "1", virtualAddr).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	})
}

var pinged = regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`)

// pings pings the virtual address from the host every 20 ms until the returned function is called, which returns how many got no answer.
func (m *machine) pings() (lost func() int) {
	m.t.Helper()
	ping := exec.Command("ip", "netns", "exec", m.host, "ping", "-q", "-i", "0.02", "-W", "1", "-w", "120", virtualAddr)
	var out strings.Builder
	ping.Stdout = &out
	if err := ping.Start(); err != nil {
		m.t.Fatal(err)
	}
	return func() int {
		m.t.Helper()
		_ = ping.Process.Signal(os.Interrupt)
		_ = ping.Wait() // its exit status tells of lost pings, too
		n := pinged.FindStringSubmatch(out.String())
		if n == nil {
			m.t.Fatalf("ping: %s", &out)
		}
		sent, _ := strconv.Atoi(n[1])
		received, _ := strconv.Atoi(n[2])
		if received == 0 {
			m.t.Fatalf("ping: %s", &out)
		}
		return sent - received
	}
}
