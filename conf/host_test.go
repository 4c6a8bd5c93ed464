// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestWhatAHostRefuses checks the refusals of a host, and that other settings and hosts are not
// affected.
func TestWhatAHostRefuses(t *testing.T) {
	const (
		macvlan = `router.toml:5: vrouter[0].iftype: "macvlan" is not supported on FreeBSD, which has no macvlan interfaces: use iftype = "ether", with vmac = true for the virtual MAC on the interface itself`
		filter  = `router.toml:5: vrouter[0].socket_filter: true is not supported on FreeBSD, where the router itself discards packets of other groups: leave it out, or set it to false`
		accept  = `router.toml:5: vrouter[0].accept_mode: false is not supported on FreeBSD: leave it out, and discard packets to the virtual addresses with pf or ipfw`
	)
	const (
		routes = `router.toml:6: protocols.static[0]: is not supported on FreeBSD: set static routes with route(8), or with a routing daemon`
		route  = "[protocols]\n[[protocols.static]]\nroute = \"192.0.2.0\"\nmask = \"255.255.255.0\"\nnh = \"10.9.0.2\"\n"
	)
	const router = "[[vrouter]]\ngroup = 51\ninterface = \"em0\"\nvip = \"10.9.0.254\"\n"
	for _, tt := range []struct {
		host   Host
		line   string
		want   string
		filter bool
	}{
		{"freebsd", `iftype = "macvlan"`, macvlan, false},
		{"freebsd", `socket_filter = true`, filter, false},
		{"freebsd", `socket_filter = "true"`, filter, false},
		{"freebsd", `socket_filter = false`, "", false},
		{"freebsd", `accept_mode = false`, accept, false},
		{"freebsd", `accept_mode = true`, "", false},
		{"linux", `accept_mode = false`, "", true},
		{"freebsd", `iftype = "ether"`, "", false},
		{"freebsd", `netdrv = "ioctl"`, "", false},
		{"freebsd", `vmac = true`, "", false},
		{"linux", `iftype = "macvlan"`, "", true},
		{"linux", `socket_filter = true`, "", true},
		{"", `iftype = "macvlan"`, "", true},
		{"freebsd", route, routes, false},
		{"linux", route, "", true},
	} {
		file, cfg, err := load(&Origin{Name: "router.toml", Data: []byte(router + tt.line + "\n"), Format: TOML}, nil, tt.host)
		if got := errorText(err); got != tt.want {
			t.Errorf("%q on %s: %s\nwant %s", tt.line, tt.host, got, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		again, err := validate(file, nil, nil, tt.host)
		if err != nil {
			t.Errorf("%q on %s as a candidate: %v", tt.line, tt.host, err)
			continue
		}
		for _, c := range []*Config{cfg, again} {
			if got := c.Engine.Routers[0].SocketFilter; got != tt.filter {
				t.Errorf("%q on %s: the kernel filters %t, want %t", tt.line, tt.host, got, tt.filter)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestACommitIsRefusedByTheHost checks that a candidate cannot set what the host refuses in a file.
func TestACommitIsRefusedByTheHost(t *testing.T) {
	m := started(t, Options{Host: FreeBSD})
	c := m.Edit()
	c.File = parsed(t, strings.NewReplacer("eth0", "em0", "10.0.0.1", "10.9.0.254").Replace(base)+"iftype = \"macvlan\"\n")
	if _, checked, err := m.Check(c); err == nil {
		t.Errorf("check: %v, want a refusal", checked)
	}
	if _, err := m.Commit(context.Background(), c, Info{}); !errors.Is(err, ErrRejected) {
		t.Errorf("commit: %v, want it rejected", err)
	}
	IfType.Unset(VRouters.Value(c.File)[0])
	rev, err := m.Commit(context.Background(), c, Info{})
	if err != nil {
		t.Fatal(err)
	}
	if rev.Config.Engine.Routers[0].SocketFilter {
		t.Error("the default is the kernel's filter, which this host does not have")
	}
}
