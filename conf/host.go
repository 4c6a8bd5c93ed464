// SPDX-License-Identifier: GPL-3.0-only

package conf

import "net"

// Host is the operating system that a configuration is for, as named by runtime.GOOS. The zero Host
// is any system and refuses nothing, as for simulated routers.
type Host string

// FreeBSD is a Host that lacks some features.
const FreeBSD Host = "freebsd"

// LoadFile is Load for a file, and refuses what the Host does not support.
func (h Host) LoadFile(path string, format Format) (*Config, error) {
	data, err := readLimited(osDisk{}, path)
	if err != nil {
		return nil, err
	}
	file, cfg, err := load(&Origin{Name: path, Data: data, Format: format}, nil, h)
	if err == nil {
		cfg.Warnings = append(cfg.Warnings, exposed(osDisk{}, path, file)...)
	}
	return cfg, err
}

// mtu returns the MTU of an interface of this machine; unknown for the zero Host, and if the
// interface does not exist.
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

// mtus is mtu with a cache: thousands of virtual routers need one query per interface.
func (h Host) mtus() func(iface string) (mtu int, known bool) {
	asked := map[string]int{} // 0: unknown
	return func(iface string) (int, bool) {
		mtu, before := asked[iface]
		if !before {
			mtu, _ = h.mtu(iface)
			asked[iface] = mtu
		}
		return mtu, mtu > 0
	}
}
