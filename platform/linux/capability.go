// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// capability is a right of this process, by its number (capabilities(7)).
type capability uint

const (
	netAdmin capability = unix.CAP_NET_ADMIN
	netRaw   capability = unix.CAP_NET_RAW
)

// needs says what the router needs a capability for.
var needs = map[capability]string{
	netAdmin: "to set virtual addresses, macvlans, MAC addresses and routes",
	netRaw:   "to send and receive adverts",
}

// String returns the name as in documentation and in configurations of containers.
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

// granted tells whether the process has it, as far as that can be known.
func (c capability) granted() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) != nil || data[0].Effective&(1<<c) != 0
}

// lacking names the capability that the process does not have, if that is why the kernel has not permitted something.
func (c capability) lacking(err error) error {
	if errors.Is(err, unix.EPERM) && !c.granted() {
		return fmt.Errorf("%w: the router lacks %s, which it needs %s", err, c, needs[c])
	}
	return err
}

// warnOfCapabilities names those that are missing.
func (s *System) warnOfCapabilities() {
	for _, c := range []capability{netAdmin, netRaw} {
		if !c.granted() {
			s.log.Error(fmt.Sprintf("the router lacks %s, which it needs %s", c, needs[c]))
		}
	}
}
