// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// routeOptions are the keys that may follow the next hop, in display order; routeSyntax is their syntax. routeValues adds the next
// hop.
var (
	routeOptions = []*conf.Key{conf.StaticMetric.Key, conf.StaticMTU.Key, conf.StaticInterface.Key, conf.StaticGroup.Key}
	routeValues  = append([]*conf.Key{conf.StaticNH.Key}, routeOptions...)
	routeSyntax  = fmt.Sprintf("[metric <metric:%s>] [mtu <mtu:%s>] [interface <interface> group <group:%s>]",
		conf.StaticMetric.Type.Param(), conf.StaticMTU.Type.Param(), conf.StaticGroup.Type.Param())
)

// routeKey returns the key of an argument, or nil for the destination.
func routeKey(argument string) *conf.Key {
	for _, k := range routeValues {
		if k.CommandWords() == argument {
			return k
		}
	}
	return nil
}

// staticRoute edits the list of static routes. As in the kernel, destination and metric identify a route.
var staticRoute = setting{
	id: conf.Static.Path(), keys: []*conf.Key{conf.Static.Key},
	syntax: "ip route <prefix:prefix> <next-hop:next-hop> " + routeSyntax,
	no:     "ip route <prefix:prefix> [<next-hop:next-hop>] " + routeSyntax,
	help:   "Static route, installed while a virtual router is Master",
	words: map[string]string{
		"route": "Static route, installed while a virtual router is Master", "prefix": "Destination, such as 10.0.0.0/8",
		"next-hop": "Address of the next router",
		"metric":   conf.StaticMetric.Help, "<metric>": "Metric",
		"mtu": "Largest packet", "<mtu>": "Bytes",
		"interface": "Only while the virtual router on this interface is Master", "group": "The virtual router's group",
	},
	set: func(t *target, step *completions.Step) error {
		route, err := typedRoute(step)
		if err != nil {
			return err
		}
		routes := slices.Clone(conf.Static.Value(t.file))
		at := slices.IndexFunc(routes, func(r *conf.Table) bool { return sameRoute(r, route) })
		switch {
		case at < 0:
			routes = append(routes, route)
		case !agree(routes[at], route, conf.StaticInterface.Key, conf.StaticGroup.Key):
			return &argError{name: "prefix", msg: fmt.Sprintf("%q has the same destination and metric: the kernel has only one such route, whoever is Master. "+
				"Another metric makes it another route", routeLine(routes[at]))}
		default:
			routes[at] = route
		}
		conf.Static.Set(t.file, routes)
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		given, err := typedRoute(step)
		if err != nil {
			return err
		}
		conf.Static.Set(t.file, slices.DeleteFunc(slices.Clone(conf.Static.Value(t.file)), func(r *conf.Table) bool { return covers(given, r) }))
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, r := range conf.Static.Value(t.file) {
			lines = append(lines, routeLine(r))
		}
		return lines
	},
}

// typedRoute returns the route of a command as a table of the file.
func typedRoute(step *completions.Step) (*conf.Table, error) {
	r := conf.StaticTable.New()
	for _, a := range step.Args {
		if k := routeKey(a.Name); k != nil {
			if err := setParsed(&target{table: r}, k, a); err != nil {
				return nil, err
			}
			continue
		}
		p, err := netip.ParsePrefix(a.Value)
		if err != nil {
			return nil, &argError{name: a.Name, msg: err.Error()}
		}
		conf.StaticRoute.Set(r, p.Addr().String())
		conf.StaticMask.Set(r, net.IP(net.CIDRMask(p.Bits(), 32)).String())
	}
	return r, nil
}

func sameRoute(a, b *conf.Table) bool {
	return conf.Destination(a) == conf.Destination(b) && conf.StaticMetric.OrDefault(a) == conf.StaticMetric.OrDefault(b)
}

// agree reports whether two tables have the same values for keys.
func agree(a, b *conf.Table, keys ...*conf.Key) bool {
	for _, k := range keys {
		if !conf.SameValue(k.Raw(a), k.Raw(b)) {
			return false
		}
	}
	return true
}

// covers reports whether a route has all the values that are given.
func covers(given, r *conf.Table) bool {
	if conf.Destination(given) != conf.Destination(r) {
		return false
	}
	for _, k := range routeValues {
		if want := k.Raw(given); want != nil && want != k.Raw(r) && (k.Raw(r) != nil || want != k.Default) {
			return false
		}
	}
	return true
}

// routeLine returns the command that configures a route.
func routeLine(r *conf.Table) string {
	line := "ip route " + completions.Quote(conf.Destination(r)) + " " + completions.Quote(conf.StaticNH.Value(r))
	for _, k := range routeOptions {
		if v := k.Raw(r); v != nil {
			line += " " + k.CommandWords() + " " + completions.Quote(conf.FormatValue(v))
		}
	}
	return line
}

// A RouteChange is a static route that differs between two configurations.
type RouteChange struct {
	Route  *conf.Table
	Change string // "added", "changed" or "removed"
}

// CompareRoutes compares static routes, which destination and metric identify.
func CompareRoutes(from, to *conf.File) []RouteChange {
	var list []RouteChange
	was, is := conf.Static.Value(from), conf.Static.Value(to)
	for _, r := range is {
		switch at := slices.IndexFunc(was, func(old *conf.Table) bool { return sameRoute(old, r) }); {
		case at < 0:
			list = append(list, RouteChange{r, "added"})
		case routeLine(was[at]) != routeLine(r):
			list = append(list, RouteChange{r, "changed"})
		}
	}
	for _, old := range was {
		if !slices.ContainsFunc(is, func(r *conf.Table) bool { return sameRoute(r, old) }) {
			list = append(list, RouteChange{old, "removed"})
		}
	}
	return list
}
