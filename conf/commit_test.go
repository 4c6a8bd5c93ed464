// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBadInputIsRefusedAtCommit commits configurations that cannot run: "commit check" and "commit" both name the
// place of the fault, and nothing changes.
func TestBadInputIsRefusedAtCommit(t *testing.T) {
	dir := t.TempDir()
	plain, open := script(t, dir, "plain", 0o644), script(t, dir, "open", 0o757)
	object := func(path string) func(*File) {
		return func(f *File) {
			Tracks.Set(f, Tracks.Value(parsed(t, fmt.Sprintf("[[track]]\nname = \"a\"\nscript = [%q]\n", path))))
		}
	}
	router := func(group int, iface string, vips ...string) *Table {
		v := RouterTable.New()
		Group.Set(v, group)
		Interface.Set(v, iface)
		VIPs.Set(v, vips)
		return v
	}
	first := func(change func(v *Table)) func(*File) {
		return func(f *File) { change(VRouters.Value(f)[0]) }
	}
	many := make([]string, 90)
	for i := range many {
		many[i] = fmt.Sprintf("2001:db8::1:%x", i)
	}
	for name, tt := range map[string]struct {
		change func(*File)
		want   string
	}{
		"two of a sync group on one link and family": {func(f *File) {
			other := router(52, "absent0", "10.0.0.2")
			VRouters.Set(f, append(VRouters.Value(f), other))
			SyncGroup.Set(VRouters.Value(f)[0], "edge")
			SyncGroup.Set(other, "edge")
		}, `absent0 group 52: sync-group "edge" already has absent0 group 51: a sync group can have only one member per interface and family`},
		"unknown object": {first(func(v *Table) { Track.Set(v, Track.Value(router1(t, "track = [{ object = \"nothing\" }]\n"))) }),
			`absent0 group 51: track nothing: no such object`},
		"script that is not executable": {object(plain), `track a: script "` + plain + `" is not executable`},
		"script that others can change": {object(open), `track a: script "` + open + `" can be changed by users other than its owner (mode 0757)`},
		"hook that others can change": {func(f *File) {
			Notify.Set(f, Notify.Value(parsed(t, fmt.Sprintf("[[notify]]\ncommand = [%q]\n", open))))
		},
			`notify hook1: command "` + open + `" can be changed by users other than its owner (mode 0757)`},
		"mixed families": {first(func(v *Table) { VIPs.Set(v, []string{"10.0.0.1", "2001:db8::1"}) }),
			`absent0 group 51: vip "2001:db8::1" is an IPv6 address, but the first one is IPv4: a virtual router has one family`},
		"more addresses than fit": {first(func(v *Table) { VIPs.Set(v, many) }),
			`absent0 IPv6 group 51: 91 addresses do not fit an advertisement: at most 90 IPv6 addresses fit, including the derived link-local address`},
	} {
		t.Run(name, func(t *testing.T) {
			engine := &applier{}
			m := started(t, Options{Host: "linux"}, Part{Name: "engine", Apply: engine.Apply})
			t.Cleanup(m.Close)
			c := m.Edit()
			VRouters.Set(c.File, []*Table{router(51, "absent0", "10.0.0.1")})
			if _, err := m.Commit(t.Context(), c, Info{}); err != nil {
				t.Fatal(err)
			}
			before, applied := m.Running(), engine.applied
			c = m.Edit()
			tt.change(c.File)
			_, _, checked := m.Check(c)
			_, committed := m.Commit(t.Context(), c, Info{})
			for what, err := range map[string]error{"check": checked, "commit": committed} {
				if diff := cmp.Diff(tt.want, errorText(err)); diff != "" || !errors.Is(err, ErrRejected) {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			if m.Running() != before || engine.applied != applied {
				t.Error("something else runs")
			}
		})
	}
}

// addressed returns eth0 group 51 with these addresses.
func addressed(vips []string, version int) *Table {
	v := RouterTable.New()
	Group.Set(v, 51)
	Interface.Set(v, "eth0")
	VIPs.Set(v, vips)
	Version.Set(v, version)
	return v
}

// TestFewAddressesFitEverywhere: for a few addresses the MTU is not read, because that costs a system call for each of
// thousands of virtual routers.
func TestFewAddressesFitEverywhere(t *testing.T) {
	for _, vips := range [][]string{{"10.1.1.1", "10.1.2.1", "10.1.3.1"}, {"fe80::1", "2001:db8::1"}} {
		v := newValidator(fileOf(addressed(vips, 3)), nil, "linux")
		v.mtu = func(string) (int, bool) {
			t.Errorf("%q: the MTU of the interface is read", vips)
			return 0, false
		}
		if v.config(); len(v.faults) > 0 {
			t.Error(v.faults)
		}
	}
}

// TestAddressesFitTheInterface checks the number of addresses against the MTU of the interface.
func TestAddressesFitTheInterface(t *testing.T) {
	for _, tt := range []struct {
		mtu, version, addresses int // negative: that many IPv6 addresses
		want                    string
	}{
		{1500, 3, 255, ""},
		{1028, 3, 250, ""},
		{1028, 3, 251, "251 addresses do not fit an advertisement: at most 250 IPv4 addresses fit on eth0, whose MTU is 1028"},
		{1028, 2, 249, "249 addresses do not fit an advertisement: at most 248 IPv4 addresses fit on eth0, whose MTU is 1028"},
		{9000, 3, 256, "256 addresses do not fit an advertisement: at most 255 IPv4 addresses fit"},
		{1500, 3, -90, ""},
		{1500, 3, -91, "91 addresses do not fit an advertisement: at most 90 IPv6 addresses fit on eth0, whose MTU is 1500"},
		{1280, 3, -77, ""},
		{1280, 3, -78, "78 addresses do not fit an advertisement: at most 77 IPv6 addresses fit on eth0, whose MTU is 1280"},
		{9000, 3, -255, ""},
		{0, 3, -91, "91 addresses do not fit an advertisement: at most 90 IPv6 addresses fit"},
	} {
		var vips []string
		for i := range max(tt.addresses, -tt.addresses) {
			if tt.addresses < 0 {
				vips = append(vips, fmt.Sprintf("fe80::1:%x", i))
			} else {
				vips = append(vips, fmt.Sprintf("10.1.%d.1", i))
			}
		}
		file := fileOf(addressed(vips, tt.version))
		for _, running := range []*Config{{}, nil} {
			v := newValidator(file, running, "linux")
			v.mtu = func(iface string) (int, bool) { return tt.mtu, iface == "eth0" && tt.mtu > 0 }
			v.config()
			got := ""
			switch {
			case len(v.faults) > 0:
				got = v.faults[0].Value + " " + v.faults[0].Problem
			case len(v.warnings) > 0 && running == nil: // at the start
				got = v.warnings[0][len(RouterName(VRouters.Value(file)[0])+": "):]
			}
			if got != tt.want {
				t.Errorf("MTU %d, %d addresses, at the start %t: %q, want %q", tt.mtu, tt.addresses, running == nil, got, tt.want)
			}
			if running == nil && tt.addresses < 256 && len(v.faults) > 0 {
				t.Errorf("MTU %d, %d addresses: the router does not start: %v", tt.mtu, tt.addresses, v.faults)
			}
		}
	}
}
