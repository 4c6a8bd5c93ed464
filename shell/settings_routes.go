package shell

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// staticRoute edits the list of static routes. Destination and metric identify a route, as they do in the kernel.
var staticRoute = setting{
	id: "protocols.static", keys: []string{"protocols.static"},
	syntax: "ip route <prefix:prefix> <next-hop:next-hop> [metric <metric:0-4294967295>] [mtu <mtu:68-65535>] [interface <interface> group <group:1-255>]",
	no:     "ip route <prefix:prefix> [<next-hop:next-hop>] [metric <metric:0-4294967295>] [mtu <mtu:68-65535>] [interface <interface> group <group:1-255>]",
	help:   "Static route, installed while a virtual router is Master",
	words: map[string]string{
		"route": "Static route, installed while a virtual router is Master", "prefix": "Destination, as 10.0.0.0/8",
		"next-hop": "Address of the next router",
		"metric":   "Preference among routes to the destination; the lowest wins", "<metric>": "Metric",
		"mtu": "Largest packet", "<mtu>": "Bytes",
		"interface": "Only while the virtual router on this interface is Master", "group": "The virtual router's group",
	},
	set: func(t *target, step *completions.Step) error {
		route, err := typedRoute(step)
		if err != nil {
			return err
		}
		routes := slices.Clone(staticRoutes(t.file))
		at := slices.IndexFunc(routes, func(r conf.StaticRoute) bool { return sameRoute(&r, &route) })
		switch {
		case at < 0:
			routes = append(routes, route)
		case !sameBinding(&routes[at], &route):
			return &argError{name: "prefix", msg: fmt.Sprintf("%q has this destination and metric: the kernel has only one route of them, whoever is Master. "+
				"With another metric it is another route", routeLine(&routes[at]))}
		default:
			routes[at] = route
		}
		t.file.Protocols = &conf.Protocols{Static: routes}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		given, err := typedRoute(step)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(staticRoutes(t.file)), func(r conf.StaticRoute) bool { return covers(&given, &r) })
		t.file.Protocols = nil
		if len(left) > 0 {
			t.file.Protocols = &conf.Protocols{Static: left}
		}
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, r := range staticRoutes(t.file) {
			lines = append(lines, routeLine(&r))
		}
		return lines
	},
}

func staticRoutes(f *conf.File) []conf.StaticRoute {
	if f.Protocols == nil {
		return nil
	}
	return f.Protocols.Static
}

// typedRoute returns what a command says of a route, in the form of the file.
func typedRoute(step *completions.Step) (conf.StaticRoute, error) {
	var r conf.StaticRoute
	for _, a := range step.Args {
		value := a.Value
		switch a.Name {
		case "prefix":
			p, err := netip.ParsePrefix(value)
			if err != nil {
				return r, &argError{name: a.Name, msg: err.Error()}
			}
			route, mask := p.Addr().String(), net.IP(net.CIDRMask(p.Bits(), 32)).String()
			r.Route, r.Mask = &route, &mask
		case "next-hop":
			r.NH = &value
		case "interface":
			r.Interface = &value
		default:
			n, err := strconv.Atoi(value)
			if err != nil {
				return r, &argError{name: a.Name, msg: "not a number"}
			}
			switch a.Name {
			case "metric":
				r.Metric = &n
			case "mtu":
				r.MTU = &n
			case "group":
				r.Group = &n
			}
		}
	}
	return r, nil
}

// destination returns a route's destination as a prefix, or as it is in the file if it is none.
func destination(r *conf.StaticRoute) string {
	route, mask := valueOf(r.Route), valueOf(r.Mask)
	if ip := net.ParseIP(mask).To4(); ip != nil {
		if ones, bits := net.IPMask(ip).Size(); bits > 0 {
			return route + "/" + strconv.Itoa(ones)
		}
	}
	return route
}

func valueOf[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func sameRoute(a, b *conf.StaticRoute) bool {
	return destination(a) == destination(b) && valueOf(a.Metric) == valueOf(b.Metric)
}

// sameBinding tells whether two routes are installed while the same virtual router is Master, or any.
func sameBinding(a, b *conf.StaticRoute) bool {
	return valueOf(a.Interface) == valueOf(b.Interface) && valueOf(a.Group) == valueOf(b.Group)
}

// covers tells whether a route agrees with all that is given.
func covers(given, r *conf.StaticRoute) bool {
	return destination(given) == destination(r) && agrees(given.NH, r.NH) && agrees(given.Metric, r.Metric) &&
		agrees(given.MTU, r.MTU) && agrees(given.Group, r.Group) && agrees(given.Interface, r.Interface)
}

func agrees[T comparable](given, p *T) bool { return given == nil || valueOf(p) == *given }

// routeLine returns the command that configures a route.
func routeLine(r *conf.StaticRoute) string {
	line := "ip route " + completions.Quote(destination(r)) + " " + completions.Quote(valueOf(r.NH))
	if r.Metric != nil {
		line += fmt.Sprintf(" metric %d", *r.Metric)
	}
	if r.MTU != nil {
		line += fmt.Sprintf(" mtu %d", *r.MTU)
	}
	if r.Interface != nil {
		line += " interface " + completions.Quote(*r.Interface)
	}
	if r.Group != nil {
		line += fmt.Sprintf(" group %d", *r.Group)
	}
	return line
}
