package shell

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine/vrrp"
)

// routerSettings are the settings of a virtual router, in the order in which they are shown.
var routerSettings = []setting{
	text("vrouter.description", "description <text...>", "Text for people",
		inRouter(func(v *conf.VRouter) **string { return &v.Description }), "text", "The text"),
	number("vrouter.version", "version <version:2-3>", "Protocol version: 2 is RFC 3768, 3 is RFC 9568",
		inRouter(func(v *conf.VRouter) **int { return &v.Version }), "<version>", "2 or 3; IPv6 is always 3"),
	virtualAddresses,
	number("vrouter.priority", "priority <priority:1-254>", "Priority; the highest becomes Master (default 100)",
		inRouter(func(v *conf.VRouter) **int { return &v.Priority }), "<priority>", "Higher wins; 255 is the address owner's by itself"),
	preempt,
	preemptDelay,
	advertise,
	authentication,
	authSecret,
	text("vrouter.iftype", "iftype ether|macvlan", "Where the virtual addresses live",
		inRouter(func(v *conf.VRouter) **string { return &v.IfType }),
		"ether", "On the interface itself", "macvlan", "On a macvlan with the virtual MAC"),
	text("vrouter.vifname", "vifname <name:interface>", "Name of the macvlan",
		inRouter(func(v *conf.VRouter) **string { return &v.VIFName }), "name", "Up to 15 characters"),
	onOff("vrouter.vmac", "vmac", "Give the interface itself the virtual MAC while Master", false,
		inRouter(func(v *conf.VRouter) **bool { return &v.VMAC })),
	text("vrouter.netdrv", "netdrv libnl|ioctl", "How the kernel is told of addresses",
		inRouter(func(v *conf.VRouter) **string { return &v.NetDrv }),
		"libnl", "Netlink", "ioctl", "By ioctl, for old kernels"),
	onOff("vrouter.rfc3768", "rfc3768", "Accept mismatched intervals and address lists; \"no\" is strict", true,
		inRouter(func(v *conf.VRouter) **bool { return &v.RFC3768 })),
	onOff("vrouter.socket_filter", "socket-filter", "Let the kernel discard packets of other groups", true,
		inRouter(func(v *conf.VRouter) **conf.FlexibleBool { return &v.SocketFilter })),
	text("vrouter.checksum", "checksum auto|rfc5798|rfc9568", "Form of the VRRPv3 checksum over IPv4",
		inRouter(func(v *conf.VRouter) **string { return &v.Checksum }),
		"auto", "As the peer does", "rfc5798", "With a pseudo-header", "rfc9568", "Of the message only"),
	number("vrouter.garp_repeat", "garp repeat <count:0-1000>", "Announcements in a round (default 5)",
		inRouter(func(v *conf.VRouter) **int { return &v.GARPRepeat }), "repeat", "Announcements in a round", "count", "How many"),
	duration("vrouter.garp_delay", "garp delay <time:duration>", "Time to the second round of announcements (default 5s)",
		inRouter(func(v *conf.VRouter) **string { return &v.GARPDelay })),
	duration("vrouter.garp_refresh", "garp refresh <time:duration>", "Interval of further announcements (default: none)",
		inRouter(func(v *conf.VRouter) **string { return &v.GARPRefresh })),
	unicastPeers,
	text("vrouter.unicast_source", "unicast source <address:address>", "Source of adverts to unicast peers (default: the primary address)",
		inRouter(func(v *conf.VRouter) **string { return &v.UnicastSource }), "source", "Where adverts come from", "address", "Address of the interface"),
	number("vrouter.unicast_ttl_min", "unicast ttl-min <ttl:1-255>", "Least TTL of the adverts of unicast peers (default 255)",
		inRouter(func(v *conf.VRouter) **int { return &v.UnicastTTLMin }), "ttl-min", "Least TTL", "ttl", "Less than 255 for peers behind other routers"),
	routerTrack,
	text("vrouter.sync_group", "sync-group <name:word>", "Be Master together with the others of the sync group, or not at all",
		inRouter(func(v *conf.VRouter) **string { return &v.SyncGroup }), "name", "Name of the sync group"),
	onOff("vrouter.accept_mode", "accept-mode", "Accept what is sent to the virtual addresses; \"no\" answers ARP and ND only", true,
		inRouter(func(v *conf.VRouter) **bool { return &v.AcceptMode })),
	onOff("vrouter.accept_ping", "accept-ping", "Without accept-mode, answer pings all the same", false,
		inRouter(func(v *conf.VRouter) **bool { return &v.AcceptPing })),
	onOff("vrouter.shutdown", "shutdown", "Administratively down", false,
		inRouter(func(v *conf.VRouter) **bool { return &v.Shutdown })),
}

// duration is a text setting that takes whole seconds without a unit too.
func duration(key, syntax, help string, f field[string]) setting {
	s := text(key, syntax, help, f, "time", "As 30s or 500ms; seconds without a unit")
	s.set = func(t *target, step *completions.Step) error {
		v := withUnit(arg(step))
		*f(t, true) = &v
		return nil
	}
	return s
}

func withUnit(s string) string {
	if _, err := strconv.Atoi(s); err == nil {
		return s + "s"
	}
	return s
}

// virtualAddresses edits vip and vips. The first address typed becomes vip, the others vips; a file that
// has only vips keeps that form.
var virtualAddresses = setting{
	id: "vrouter.vip", keys: []string{"vrouter.vip", "vrouter.vips"},
	syntax: "vip <address:address>", help: "Virtual address; repeat the command for more",
	words: map[string]string{"address": "With or without prefix length: 10.0.0.1, 10.0.0.1/24, 2001:db8::1/64"},
	set: func(t *target, step *completions.Step) error {
		typed := arg(step)
		addr, _ := parseVIP(typed)
		if vrrp.FamilyOf(addr) != t.family {
			msg := "this is an IPv4 virtual router: \"vrrp N ipv6\" makes one for IPv6"
			if t.family == vrrp.IPv6 {
				msg = "this is an IPv6 virtual router"
			}
			return &argError{name: "address", msg: msg}
		}
		v := t.router
		same := func(s string) bool { a, ok := parseVIP(s); return ok && a == addr }
		i := slices.IndexFunc(v.VIPs, same)
		switch {
		case v.VIP != nil && same(*v.VIP), v.VIP == nil && len(v.VIPs) == 0:
			v.VIP = &typed
		case i >= 0:
			v.VIPs = slices.Clone(v.VIPs)
			v.VIPs[i] = typed
		default:
			v.VIPs = append(slices.Clone(v.VIPs), typed)
		}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		v := t.router
		if len(step.Args) == 0 {
			v.VIP, v.VIPs = nil, nil
			return nil
		}
		addr, _ := parseVIP(arg(step))
		same := func(s string) bool { a, ok := parseVIP(s); return ok && a == addr }
		switch i := slices.IndexFunc(v.VIPs, same); {
		case v.VIP != nil && same(*v.VIP):
			v.VIP = nil
		case i >= 0:
			v.VIPs = slices.Delete(slices.Clone(v.VIPs), i, i+1)
			if len(v.VIPs) == 0 {
				v.VIPs = nil
			}
		default:
			return &argError{name: "address", msg: "this virtual router has no such address"}
		}
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, a := range vips(t.router) {
			lines = append(lines, "vip "+completions.Quote(a))
		}
		return lines
	},
}

// vips returns all virtual addresses as typed.
func vips(v *conf.VRouter) []string {
	if v.VIP == nil {
		return v.VIPs
	}
	return append([]string{*v.VIP}, v.VIPs...)
}

func parseVIP(s string) (netip.Addr, bool) {
	host, _, _ := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

var preempt = setting{
	id: "vrouter.preemption", keys: []string{"vrouter.preemption", "vrouter.preempt_delay"},
	syntax: "preempt [delay <delay:duration>]",
	help:   "Take over from a Master of lower priority",
	words: map[string]string{
		"preempt": "Take over from a Master of lower priority",
		"delay":   "Wait first when a Master was heard", "<delay>": "As 30s; seconds without a unit",
	},
	set: func(t *target, step *completions.Step) error {
		on := true
		t.router.Preemption, t.router.PreemptDelay = &on, nil
		if len(step.Args) > 0 {
			v := withUnit(arg(step))
			t.router.PreemptDelay = &v
		}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		t.router.PreemptDelay = nil
		if !step.Has("delay") {
			t.router.Preemption = nil
		}
		return nil
	},
	no: "preempt [delay [<delay:duration>]]",
	render: func(t *target, _ func(string) string) []string {
		v := t.router
		switch {
		case v.Preemption == nil || !*v.Preemption:
			return nil
		case v.PreemptDelay != nil:
			return []string{"preempt delay " + completions.Quote(*v.PreemptDelay)}
		default:
			return []string{"preempt"}
		}
	},
}

// preemptDelay is for files that set a delay without preemption.
var preemptDelay = setting{
	id: "vrouter.preempt_delay", keys: []string{"vrouter.preempt_delay"},
	syntax: "preempt-delay <delay:duration>", help: "The delay of preempt, without switching preemption on",
	words: map[string]string{"delay": "As 30s; seconds without a unit"},
	set: func(t *target, step *completions.Step) error {
		v := withUnit(arg(step))
		t.router.PreemptDelay = &v
		return nil
	},
	unset: unset(inRouter(func(v *conf.VRouter) **string { return &v.PreemptDelay })),
	render: func(t *target, _ func(string) string) []string {
		v := t.router
		if v.PreemptDelay == nil || v.Preemption != nil && *v.Preemption {
			return nil
		}
		return []string{"preempt-delay " + completions.Quote(*v.PreemptDelay)}
	},
}

// advertise edits the interval: a number without a unit is the table of timers, a duration
// advertise_interval.
var advertise = setting{
	id: "vrouter.advertise_interval", keys: []string{"vrouter.timers", "vrouter.advertise_interval"},
	syntax: "timers advertise <interval:duration>", help: "Advertisement interval (default 1s)",
	words: map[string]string{"interval": "10ms-40.95s in version 3, 1-255s in version 2; seconds without a unit"},
	set: func(t *target, step *completions.Step) error {
		typed := arg(step)
		v := t.router
		if n, err := strconv.Atoi(typed); err == nil {
			if n < 1 || time.Duration(n)*time.Second > vrrp.IntervalMaxV2 {
				return &argError{name: "interval", msg: "the interval must be 1-255 seconds"}
			}
			v.Timers, v.AdvertiseInterval = &conf.Timers{Advert: &n}, nil
			return nil
		}
		if d, err := time.ParseDuration(typed); err != nil || d < vrrp.IntervalMinV3 || d > vrrp.IntervalMaxV2 || d%vrrp.IntervalMinV3 != 0 {
			return &argError{name: "interval", msg: fmt.Sprintf("the interval must be %v-%v (version 3, in steps of 10ms) or %v-255s (version 2, whole seconds)",
				vrrp.IntervalMinV3, vrrp.IntervalMaxV3, vrrp.IntervalMinV2)}
		}
		v.Timers, v.AdvertiseInterval = nil, &typed
		return nil
	},
	unset: func(t *target, _ *completions.Step, _ completions.Form) error {
		t.router.Timers, t.router.AdvertiseInterval = nil, nil
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		if v := t.router; v.Timers != nil && v.Timers.Advert != nil {
			lines = append(lines, fmt.Sprintf("timers advertise %d", *v.Timers.Advert))
		}
		if v := t.router; v.AdvertiseInterval != nil {
			lines = append(lines, "timers advertise "+completions.Quote(*v.AdvertiseInterval))
		}
		return lines
	},
}

var authentication = setting{
	id: "vrouter.auth_type", keys: []string{"vrouter.auth_type", "vrouter.auth_secret"},
	syntax: "auth rfc2338-simple|p0-t8-sha256|p1-t8-shake256|p1-b8-shake256 [secret [<secret...>]]",
	no:     "auth [rfc2338-simple|p0-t8-sha256|p1-t8-shake256|p1-b8-shake256 [secret [<secret...>]]]",
	help:   "Authentication (version 2 only); a secret without text is asked for", secrets: []string{"secret"},
	words: map[string]string{
		"auth": "Authentication (version 2 only)", "rfc2338-simple": "The secret in clear (RFC 2338)",
		"p0-t8-sha256": "HMAC-SHA256, cut to 8 bytes", "p1-t8-shake256": "SHAKE256, 8 bytes",
		"p1-b8-shake256": "The same as p1-t8-shake256", "secret": "Shared secret",
	},
	prepare: askSecret,
	set: func(t *target, step *completions.Step) error {
		v := t.router
		if _, given := step.Arg("secret"); !given {
			v.AuthSecret = nil
		} else if err := setSecret(v, step); err != nil {
			return err
		}
		kind := step.Words[1]
		v.AuthType = &kind
		return nil
	},
	unset: func(t *target, _ *completions.Step, _ completions.Form) error {
		t.router.AuthType, t.router.AuthSecret = nil, nil
		return nil
	},
	render: func(t *target, secret func(string) string) []string {
		v := t.router
		switch {
		case v.AuthType == nil:
			return nil
		case v.AuthSecret != nil:
			return []string{"auth " + completions.Quote(*v.AuthType) + " secret " + secret(completions.Quote(*v.AuthSecret))}
		default:
			return []string{"auth " + completions.Quote(*v.AuthType)}
		}
	},
}

// authSecret is for a secret that is set apart from its type.
var authSecret = setting{
	id: "vrouter.auth_secret", keys: []string{"vrouter.auth_secret"},
	syntax: "auth secret [<secret...>]", help: "Shared secret, without changing the type; without text it is asked for", secrets: []string{"secret"},
	words:   map[string]string{"secret": "Shared secret"},
	prepare: askSecret,
	set:     func(t *target, step *completions.Step) error { return setSecret(t.router, step) },
	unset: func(t *target, _ *completions.Step, _ completions.Form) error {
		t.router.AuthSecret = nil
		return nil
	},
	render: func(t *target, secret func(string) string) []string {
		if v := t.router; v.AuthType == nil && v.AuthSecret != nil {
			return []string{"auth secret " + secret(completions.Quote(*v.AuthSecret))}
		}
		return nil
	},
}

func setSecret(v *conf.VRouter, step *completions.Step) error {
	old := ""
	if v.AuthSecret != nil {
		old = *v.AuthSecret
	}
	s, err := unmask(step.Value("secret"), old, "secret")
	if err != nil {
		return err
	}
	v.AuthSecret = &s
	return nil
}

// unicastPeers edits a list, an address at a time.
var unicastPeers = setting{
	id: "vrouter.unicast_peers", keys: []string{"vrouter.unicast_peers"},
	syntax: "unicast peer <address:address>", help: "Exchange adverts with this router, not with the multicast group; repeat the command for more",
	words: map[string]string{"peer": "Another router", "address": "Its address"},
	set: func(t *target, step *completions.Step) error {
		if v := t.router; !slices.Contains(v.UnicastPeers, arg(step)) {
			v.UnicastPeers = append(slices.Clone(v.UnicastPeers), arg(step))
		}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		v := t.router
		if len(step.Args) == 0 {
			v.UnicastPeers = nil
			return nil
		}
		i := slices.Index(v.UnicastPeers, arg(step))
		if i < 0 {
			return &argError{name: "address", msg: "this virtual router has no such peer"}
		}
		if v.UnicastPeers = slices.Delete(slices.Clone(v.UnicastPeers), i, i+1); len(v.UnicastPeers) == 0 {
			v.UnicastPeers = nil
		}
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, a := range t.router.UnicastPeers {
			lines = append(lines, "unicast peer "+completions.Quote(a))
		}
		return lines
	},
}
