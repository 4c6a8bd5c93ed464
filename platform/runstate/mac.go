// SPDX-License-Identifier: GPL-3.0-only

package runstate

import (
	"fmt"
	"net"
)

// MAC is an Ethernet address, written in the usual notation.
type MAC [6]byte

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) {
	return []byte(net.HardwareAddr(m[:]).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(b []byte) error {
	mac, err := net.ParseMAC(string(b))
	if err != nil {
		return fmt.Errorf("ethernet address: %w", err)
	}
	if len(mac) != len(m) {
		return fmt.Errorf("ethernet address %q does not have six bytes", b)
	}
	copy(m[:], mac)
	return nil
}
