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

// refusal is why the Host refuses a value of a key, or a table, and what to do instead; "" if it does not.
func (h Host) refusal(key, value string) string {
	if h != FreeBSD {
		return ""
	}
	switch key + "=" + value {
	case "protocols.static=":
		return "is not supported on FreeBSD: set static routes with route(8), or with a routing daemon"
	case "track.route=":
		return "is not supported on FreeBSD: a script can look for a route there"
	case "unicast_peers=":
		return "is not supported on FreeBSD"
	case "iftype=macvlan":
		return `is not supported on FreeBSD, which has no macvlan interfaces: use iftype = "ether", with vmac = true for the virtual MAC on the interface itself`
	case "accept_mode=false":
		return `is not supported on FreeBSD: leave it out, and discard what is sent to the virtual addresses with pf or ipfw`
	case "socket_filter=true":
		return `is not supported on FreeBSD, where the router itself discards packets of other groups: leave it out, or set it to false`
	default:
		return ""
	}
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
func (h Host) filtersSockets() bool { return h.refusal("socket_filter", "true") == "" }
