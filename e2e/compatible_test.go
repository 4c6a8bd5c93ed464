// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// TestSampleOfTheEarlierDaemon runs an unchanged configuration file of the earlier daemon, queries the API with its documented
// commands, and checks the static route, whose next hop is unreachable at first.
func TestSampleOfTheEarlierDaemon(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Routers[0]
	r1.IP(
		"link set lo up",
		"addr add 10.0.0.1/32 dev lo",
		"link add ens192.900 type veth peer name far",
		"addr add 10.100.100.2/24 dev ens192.900",
		"link set far up", "link set ens192.900 up",
	)
	sample, err := filepath.Abs("testdata/sample.toml")
	if err != nil {
		t.Fatal(err)
	}
	// The file has real paths, so the router gets its own directories for them.
	socket := filepath.Join(l.Dir, "sample.sock")
	router := l.Start(r1, "sample", "sh", "-c", fmt.Sprintf(
		"mount -t tmpfs none /var/tmp && mount -t tmpfs none /var/lib && exec %s -m1 -c %s -s %s", bin, sample, socket))
	v := l.VrrpshAt(bin, r1, socket)

	// Each command gets its own /tmp, for the cookie.
	curl := func(command string) string {
		return r1.Run("sh", "-c", "mount -t tmpfs none /tmp; "+
			`curl -k -s -o /dev/null -c /tmp/cookie -d "user=admin passwd=banana" -X POST http://10.0.0.1:7080/auth && `+command)
	}
	var groups []map[string]any
	lab.Until(t, patience, "the sample's group is Master", func() error {
		if !router.Running() {
			t.Fatalf("the router has ended:\n%s", router.Log())
		}
		if _, err := r1.Try("curl", "-s", "http://10.0.0.1:7080/health"); err != nil {
			return err
		}
		text := curl("curl -k -s -b /tmp/cookie http://10.0.0.1:7080/run/vrrp")
		if err := json.Unmarshal([]byte(text), &groups); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		if len(groups) != 1 || groups[0]["state"] != "Master" {
			return fmt.Errorf("/run/vrrp: %s", text)
		}
		return nil
	})
	want := map[string]any{
		"virtual_ip": "10.100.100.1", "group": 1.0, "interface": "vrrp0", "priority": 254.0, "preempt": true, "state": "Master",
	}
	for key := range groups[0] {
		if _, documented := want[key]; !documented {
			delete(groups[0], key)
		}
	}
	if diff := cmp.Diff(want, groups[0]); diff != "" {
		t.Errorf("/run/vrrp (-want +got):\n%s", diff)
	}

	var global map[string]any
	if err := json.Unmarshal([]byte(curl("curl -k -s -b /tmp/cookie http://10.0.0.1:7080/run/global")), &global); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"debug": 5.0, "pid": "/var/tmp/rvrrpd.pid", "working_dir": "/var/tmp",
		"main_log": "/var/tmp/rvrrpd.log", "error_log": "/var/tmp/rvrrpd-error.log", "timezone": "local",
	} {
		if global[key] != want {
			t.Errorf("/run/global: %s is %v, want %v", key, global[key], want)
		}
	}

	state := func(want string) {
		t.Helper()
		lab.Until(t, patience, "the static route is "+want, func() error {
			var routes []struct {
				State string `json:"state"`
				Fault string `json:"fault"`
			}
			if err := v.TryGet("/run/protocols/static", &routes); err != nil {
				return err
			}
			if len(routes) != 1 || routes[0].State != want {
				return fmt.Errorf("%+v", routes)
			}
			kernel := r1.Run("ip", "route", "show", "proto", "112")
			if there := strings.Contains(kernel, "default via 10.240.0.254"); there != (want == "installed") {
				return fmt.Errorf("the kernel has %q", kernel)
			}
			return nil
		})
	}
	state("failed")
	if text := v.Show("show", "ip", "route"); !strings.Contains(text, "10.240.0.254") || !strings.Contains(text, "unreachable") {
		t.Errorf("show ip route:\n%s", text)
	}
	r1.IP("addr add 10.240.0.1/24 dev eth0")
	state("installed")
	r1.IP("route del default proto 112")
	state("installed")
	r1.IP("link set eth0 down")
	state("failed")
	r1.IP("link set eth0 up")
	state("installed")

	// The shell prints the same as the API, and both show the same configuration.
	for path, command := range map[string]string{
		"/run/vrrp": "show vrrp brief | json", "/run/protocols/static": "show ip route | json",
	} {
		var api any
		if err := v.TryGet(path, &api); err != nil {
			t.Fatal(err)
		}
		shell, err := lab.DecodeJSON(v.Show(strings.Fields(command)...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(api, shell); diff != "" {
			t.Errorf("%s differs from %s (-API +shell):\n%s", command, path, diff)
		}
	}
	var running map[string]any
	if err := json.Unmarshal([]byte(v.Show("show", "running-config", "|", "json")), &running); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"vrouter", "protocols"} {
		var api any
		if err := v.TryGet("/config/"+part, &api); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(running[part], api); diff != "" {
			t.Errorf("/config/%s (-shell +API):\n%s", part, diff)
		}
	}

	router.Signal(15)
	if status := router.Wait(patience); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if left := r1.Run("ip", "route", "show", "proto", "112"); left != "" {
		t.Errorf("routes are left: %s", left)
	}
}

// TestAuthenticationMismatch changes the secret of one of two routers for each type: both count the discarded
// adverts by reason, and no secret is printed anywhere.
func TestAuthenticationMismatch(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	types := map[int]string{61: "rfc2338-simple", 62: "p0-t8-sha256", 63: "p1-t8-shake256"}
	const good, wrong = "goodsecr", "wrongsec"
	file := func(priority int) string {
		var b strings.Builder
		for group, kind := range types {
			fmt.Fprintf(&b, "[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nvip = \"192.0.2.%d\"\npriority = %d\nauth_type = %q\nauth_secret = %q\n",
				group, group, priority, kind, good)
		}
		return b.String()
	}
	v1, v2 := l.VrrpshFile(bin, l.Routers[0], file(200)), l.VrrpshFile(bin, l.Routers[1], file(100))
	v1.Start()
	v2.Start()
	states := func(v *lab.Vrrpsh, want string) {
		t.Helper()
		lab.Until(t, patience, v.Name+" is "+want+" of all groups", func() error {
			all, err := v.TryStatus()
			for _, s := range all {
				if s.State != want {
					err = errors.Join(err, fmt.Errorf("group %d is %s", s.Group, s.State))
				}
			}
			return err
		})
	}
	states(v1, "Master")
	states(v2, "Backup")
	var said strings.Builder
	script := []string{"configure"}
	for group, kind := range types {
		script = append(script, fmt.Sprintf("interface eth0 vrrp %d auth %s secret %s", group, kind, wrong))
	}
	said.WriteString(v2.Script(append(script, "show changes", "show", "commit", "end", "show running-config", "show vrrp", "show history commits")...))
	states(v2, "Master")
	for group := range types {
		lab.Until(t, patience, fmt.Sprintf("both count adverts of group %d that fail the authentication", group), func() error {
			for _, v := range []*lab.Vrrpsh{v1, v2} {
				var detail struct {
					Statistics struct{ Dropped map[string]uint64 }
				}
				if err := v.TryGet(fmt.Sprintf("/run/vrrp/%d/eth0", group), &detail); err != nil {
					return err
				}
				if detail.Statistics.Dropped["auth"] == 0 {
					return fmt.Errorf("%s: %v", v.Name, detail.Statistics.Dropped)
				}
			}
			return nil
		})
	}
	// A different type has its own counter.
	said.WriteString(v2.Script("configure", "no interface eth0 vrrp 61 auth", "commit", "end"))
	lab.Until(t, patience, "the mismatch of types is counted", func() error {
		text := v1.Show("show", "vrrp", "statistics", "group", "61")
		said.WriteString(text)
		if !strings.Contains(text, "auth-type") {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	for _, v := range []*lab.Vrrpsh{v1, v2} {
		for _, path := range []string{"/config/vrouter", "/config/global", "/run/vrrp", "/run/vrrp/61/eth0", "/nothing"} {
			said.WriteString(v.Node().Run("curl", "-s", "--unix-socket", v.Socket, "http://r"+path))
		}
		said.WriteString(v.Exec("", "interface", "eth0").Stderr)
		said.WriteString(v.Log())
	}
	for _, secret := range []string{good, wrong} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("the secret %s is printed", secret)
		}
	}
	if !strings.Contains(said.String(), "********") {
		t.Error("no masked secret is printed")
	}
}

// TestSocketFilter checks that with the filter adverts for other groups do not wake the process.
func TestSocketFilter(t *testing.T) {
	require(t) // not in parallel with other tests: it counts wake-ups
	const flood, others = 2000, 20
	for _, filter := range []bool{true, false} {
		t.Run(strconv.FormatBool(filter), func(t *testing.T) {
			l := lab.New(t, 1)
			v := l.VrrpshFile(bin, l.Routers[0], fmt.Sprintf(
				"[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nvip = %q\nsocket_filter = %v\n", vrid, lab.VIP, filter))
			v.Start()
			v.WaitState("Master", patience)
			var frames, elsewhere [][]byte
			for i := range others {
				frame := lab.Forged{
					MAC: net.HardwareAddr{2, 0, 0, 0, 0, 0x66}, Src: netip.MustParseAddr("192.0.2.66"), Version: 2, VRID: uint8(100 + i),
					Priority: 100, Interval: time.Second, VIP: netip.MustParseAddr("192.0.2.150"),
				}.Frame()
				other := slices.Clone(frame)
				copy(other, []byte{2, 0, 0, 0, 0, 0x77})
				frames, elsewhere = append(frames, frame), append(elsewhere, other)
			}
			wokenBy := func(frames [][]byte) int {
				before := wakeUps(t, v.PID())
				j := l.Junk(1000, frames)
				lab.Until(t, patience, "the flood is sent", func() error {
					if j.Sent() < flood {
						return errNotYet
					}
					return nil
				})
				j.Stop()
				return wakeUps(t, v.PID()) - before
			}
			// The timers and the Go runtime wake the process in any case, while frames go to other stations, too.
			anyway := wokenBy(elsewhere)
			woken := wokenBy(frames)
			t.Logf("woken %d times by %d adverts for others, %d times without", woken, flood, anyway)
			if filter && woken-anyway > flood/10 {
				t.Errorf("with the filter the process was woken %d times, %d times without the adverts", woken, anyway)
			}
			if !filter && woken-anyway < flood/10 {
				t.Errorf("without the filter the process was woken only %d times, %d times without the adverts: the test shows nothing", woken, anyway)
			}
		})
	}
}

// wakeUps returns the number of waits of a process's threads.
func wakeUps(t *testing.T, pid int) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("threads of process %d: %v", pid, err)
	}
	sum := 0
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for line := range strings.Lines(string(b)) {
			if n, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				count, err := strconv.Atoi(strings.TrimSpace(n))
				if err != nil {
					t.Fatal(err)
				}
				sum += count
			}
		}
	}
	return sum
}
