// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// capability is the number of a capability (capabilities(7)).
type capability uint

const (
	netAdmin capability = unix.CAP_NET_ADMIN
	netRaw   capability = unix.CAP_NET_RAW
)

// needs says why the router needs each capability.
var needs = map[capability]string{
	netAdmin: "to set virtual addresses, macvlans, MAC addresses and routes",
	netRaw:   "to send and receive adverts",
}

// String returns the name that documentation and container configurations use.
func (c capability) String() string {
	switch c {
	case netAdmin:
		return "CAP_NET_ADMIN"
	case netRaw:
		return "CAP_NET_RAW"
	default:
		return fmt.Sprintf("capability(%d)", uint(c))
	}
}

// granted reports whether the process has the capability. It is true if the kernel does not say.
func (c capability) granted() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) != nil || data[0].Effective&(1<<c) != 0
}

// lacking adds the name of the capability to err if the kernel denied a request because the process lacks it.
func (c capability) lacking(err error) error {
	if errors.Is(err, unix.EPERM) && !c.granted() {
		return fmt.Errorf("%w: the router lacks %s, which it needs %s", err, c, needs[c])
	}
	return err
}

// warnOfCapabilities logs the missing capabilities.
func (s *System) warnOfCapabilities() {
	for _, c := range []capability{netAdmin, netRaw} {
		if !c.granted() {
			s.log.Error(fmt.Sprintf("the router lacks %s, which it needs %s", c, needs[c]))
		}
	}
}
