// SPDX-License-Identifier: GPL-3.0-only

package conf

import "net"

// Host is the operating system that a configuration is for, as runtime.GOOS names it. The zero
// Host is any: it refuses nothing, as simulated routers do not.
type Host string

// FreeBSD is the Host that cannot do everything.
const FreeBSD Host = "freebsd"

// LoadFile is Load for a file, and refuses what the Host cannot do.
func (h Host) LoadFile(path string, format Format) (*Config, error) {
	data, err := readLimited(path)
	if err != nil {
		return nil, err
	}
	_, cfg, err := load(&Origin{Name: path, Data: data, Format: format}, nil, h)
	return cfg, err
}

// mtu returns the MTU of an interface of this machine, if the Host is one and the interface exists.
func (h Host) mtu(iface string) (mtu int, known bool) {
	if h == "" {
		return 0, false
	}
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return 0, false
	}
	return ifi.MTU, true
}

// mtus is mtu for thousands of virtual routers: it asks once for each interface.
func (h Host) mtus() func(iface string) (mtu int, known bool) {
	asked := map[string]int{} // 0: not known
	return func(iface string) (int, bool) {
		mtu, before := asked[iface]
		if !before {
			mtu, _ = h.mtu(iface)
			asked[iface] = mtu
		}
		return mtu, mtu > 0
	}
}

// filtersSockets is the default of socket_filter.
func (h Host) filtersSockets() bool { return SocketFilter.refusal(h, true) == "" }
