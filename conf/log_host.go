// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxLogHosts limits the list of log hosts.
const maxLogHosts = 8

// LogHost is an element of log_hosts.
type LogHost struct {
	Transport string // udp, tcp or tls
	Host      string // address or name
	Port      int
}

// LogTransports are the transports to log hosts; the first is the default of the command.
var LogTransports = []string{"udp", "tcp", "tls"}

// DefaultLogPort returns the port of log hosts for a transport.
func DefaultLogPort(transport string) int {
	if transport == "tls" {
		return 6514
	}
	return 514
}

// String returns the URL of the log host.
func (h LogHost) String() string {
	return h.Transport + "://" + net.JoinHostPort(h.Host, strconv.Itoa(h.Port))
}

// ParseLogHost reads an element of log_hosts. The error is a phrase.
func ParseLogHost(s string) (LogHost, error) {
	transport, rest, ok := strings.Cut(s, "://")
	if !ok || !slices.Contains(LogTransports, transport) {
		return LogHost{}, fmt.Errorf("does not begin with udp://, tcp:// or tls://")
	}
	h := LogHost{Transport: transport, Host: rest, Port: DefaultLogPort(transport)}
	if host, port, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return LogHost{}, fmt.Errorf("does not end in a port of 1-65535")
		}
		h.Host, h.Port = host, int(n)
	} else {
		h.Host = strings.TrimSuffix(strings.TrimPrefix(h.Host, "["), "]")
	}
	if a, err := netip.ParseAddr(h.Host); (err != nil || a.Zone() != "") && badHostname(h.Host) != "" {
		return LogHost{}, fmt.Errorf("has no address or name of a host")
	}
	return h, nil
}

func (v *validator) logHosts() []string {
	list := LogHosts.Value(v.file)
	if len(list) > maxLogHosts {
		v.fault(LogHosts.Path(), strconv.Itoa(len(list))+" hosts", fmt.Sprintf("are more than %d", maxLogHosts))
		return nil
	}
	var urls []string
	for i, s := range list {
		h, err := ParseLogHost(s)
		switch {
		case err != nil:
			v.fault(nth(LogHosts.Path(), i), quote(s), err.Error())
		case slices.Contains(urls, h.String()):
			v.fault(nth(LogHosts.Path(), i), quote(s), "occurs twice")
		default:
			urls = append(urls, h.String())
		}
	}
	return urls
}
