// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine/vrrp"
)

// virtualAddresses edits vip and vips. The first address typed becomes vip, the others vips; a file that
// uses only vips keeps that form.
var virtualAddresses = setting{
	id: conf.VIP.Path(), keys: []*conf.Key{conf.VIP.Key, conf.VIPs.Key},
	syntax: "vip <address:address>", help: conf.VIP.Help,
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
		first, has := conf.VIP.In(t.table)
		others := slices.Clone(conf.VIPs.Value(t.table))
		i := slices.IndexFunc(others, isAddress(addr))
		switch {
		case has && isAddress(addr)(first), !has && len(others) == 0:
			conf.VIP.Set(t.table, typed)
			return nil
		case i >= 0:
			others[i] = typed
		default:
			others = append(others, typed)
		}
		conf.VIPs.Set(t.table, others)
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		if len(step.Args) == 0 {
			conf.VIP.Unset(t.table)
			conf.VIPs.Unset(t.table)
			return nil
		}
		addr, _ := parseVIP(arg(step))
		if first, has := conf.VIP.In(t.table); has && isAddress(addr)(first) {
			conf.VIP.Unset(t.table)
			return nil
		}
		return removeFrom(t, conf.VIPs, isAddress(addr), &argError{name: "address", msg: "this virtual router has no such address"})
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, a := range Addresses(t.table) {
			lines = append(lines, "vip "+completions.Quote(a))
		}
		return lines
	},
}

func isAddress(a netip.Addr) func(string) bool {
	return func(s string) bool { b, ok := parseVIP(s); return ok && a == b }
}

// removeFrom removes an element from a list of strings, or returns the error otherwise if no element
// matches.
func removeFrom(t *target, key conf.KeyOf[[]string], match func(string) bool, otherwise error) error {
	list := key.Value(t.table)
	i := slices.IndexFunc(list, match)
	if i < 0 {
		return otherwise
	}
	key.Set(t.table, slices.Delete(slices.Clone(list), i, i+1))
	return nil
}

// Addresses returns all virtual addresses of a virtual router in the form typed.
func Addresses(t *conf.Table) []string {
	first, has := conf.VIP.In(t)
	if !has {
		return conf.VIPs.Value(t)
	}
	return append([]string{first}, conf.VIPs.Value(t)...)
}

func parseVIP(s string) (netip.Addr, bool) {
	host, _, _ := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// preempt edits preemption and its delay.
var preempt = setting{
	id: conf.Preemption.Path(), keys: []*conf.Key{conf.Preemption.Key, conf.PreemptDelay.Key},
	syntax: "preempt [delay <delay:duration>]", no: "preempt [delay [<delay:duration>]]",
	help: conf.Preemption.Help,
	words: map[string]string{
		"preempt": conf.Preemption.Help, "delay": "Wait first if a Master has been heard", "<delay>": conf.PreemptDelay.ValueHelp,
	},
	set: func(t *target, step *completions.Step) error {
		conf.Preemption.Set(t.table, true)
		conf.PreemptDelay.Unset(t.table)
		if len(step.Args) > 0 {
			return setParsed(t, conf.PreemptDelay.Key, step.Args[0])
		}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		conf.PreemptDelay.Unset(t.table)
		if !step.Has("delay") {
			conf.Preemption.Unset(t.table)
		}
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		delay, delayed := conf.PreemptDelay.In(t.table)
		switch {
		case !conf.Preemption.Value(t.table):
			return nil
		case delayed:
			return []string{"preempt delay " + completions.Quote(delay)}
		default:
			return []string{"preempt"}
		}
	},
}

// setParsed sets a key to an argument.
func setParsed(t *target, k *conf.Key, a completions.Arg) error {
	v, err := k.Type.Parse(a.Value)
	if err != nil {
		return &argError{name: a.Name, msg: err.Error()}
	}
	k.SetRaw(t.table, v)
	return nil
}

// preemptDelay serves files that set a delay without preemption.
var preemptDelay = func() setting {
	s := plain(conf.PreemptDelay.Key)
	s.help = conf.PreemptDelay.Help
	whole := s.render
	s.render = func(t *target, secret func(string) string) []string {
		if conf.Preemption.Value(t.table) {
			return nil // preempt renders it
		}
		return whole(t, secret)
	}
	return s
}()

// advertise edits the interval: a number without a unit sets timers, a duration sets advertise_interval.
var advertise = setting{
	id: conf.AdvertiseInterval.Path(), keys: []*conf.Key{conf.Timers.Key, conf.AdvertiseInterval.Key},
	syntax: "timers advertise <interval:duration>", help: withDefault(conf.AdvertiseInterval.Key),
	words: map[string]string{"interval": conf.AdvertiseInterval.ValueHelp},
	set: func(t *target, step *completions.Step) error {
		typed := arg(step)
		n, err := strconv.Atoi(typed)
		problem := conf.AdvertiseInterval.Problem(typed, t.version())
		if err == nil {
			problem = conf.TimersAdvert.Problem(n, t.version())
		}
		if problem != "" {
			return &argError{name: "interval", msg: typed + " " + problem}
		}
		conf.Timers.Unset(t.table)
		conf.AdvertiseInterval.Unset(t.table)
		if err == nil {
			conf.TimersAdvert.Set(t.table, n)
		} else {
			conf.AdvertiseInterval.Set(t.table, typed)
		}
		return nil
	},
	unset: unsetKeys(conf.Timers.Key, conf.AdvertiseInterval.Key),
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		if n, set := conf.TimersAdvert.In(t.table); set {
			lines = append(lines, fmt.Sprintf("timers advertise %d", n))
		}
		if s, set := conf.AdvertiseInterval.In(t.table); set {
			lines = append(lines, "timers advertise "+completions.Quote(s))
		}
		return lines
	},
}

var (
	authWords = map[string]string{"auth": conf.AuthType.Help, "secret": "Shared secret"}
	authTypes = choices(conf.AuthType.Type.(conf.Choice), authWords)
)

// authentication edits the type and the secret together.
var authentication = setting{
	id: conf.AuthType.Path(), keys: []*conf.Key{conf.AuthType.Key, conf.AuthSecret.Key},
	syntax: "auth " + authTypes + " [secret [<secret...>]]", no: "auth [" + authTypes + " [secret [<secret...>]]]",
	help: conf.AuthType.Help + "; without a value after secret, the command prompts for it", secret: "secret", asks: asksSecret,
	words: authWords,
	set: func(t *target, step *completions.Step) error {
		if _, given := step.Arg("secret"); !given {
			conf.AuthSecret.Unset(t.table)
		} else if err := setSecret(t, conf.AuthSecret, step); err != nil {
			return err
		}
		conf.AuthType.Set(t.table, step.Words[1])
		return nil
	},
	unset: unsetKeys(conf.AuthType.Key, conf.AuthSecret.Key),
	render: func(t *target, secret func(string) string) []string {
		kind, has := conf.AuthType.In(t.table)
		text, hasSecret := conf.AuthSecret.In(t.table)
		switch {
		case !has:
			return nil
		case hasSecret:
			return []string{"auth " + completions.Quote(kind) + " secret " + secret(completions.Quote(text))}
		default:
			return []string{"auth " + completions.Quote(kind)}
		}
	},
}

// asksSecret reports whether the keyword was given without the secret.
func asksSecret(step *completions.Step) bool {
	_, given := step.Arg("secret")
	return !given && step.Has("secret")
}

// authSecret serves files that set a secret without the type.
var authSecret = setting{
	id: conf.AuthSecret.Path(), keys: []*conf.Key{conf.AuthSecret.Key},
	syntax: "auth secret [<secret...>]", help: conf.AuthSecret.Help + "; without a value, the command prompts for it", secret: "secret", asks: asksSecret,
	words: map[string]string{"secret": "Shared secret"},
	set:   func(t *target, step *completions.Step) error { return setSecret(t, conf.AuthSecret, step) },
	unset: unsetKeys(conf.AuthSecret.Key),
	render: func(t *target, secret func(string) string) []string {
		if text, has := conf.AuthSecret.In(t.table); has && !conf.AuthType.IsSet(t.table) {
			return []string{"auth secret " + secret(completions.Quote(text))}
		}
		return nil
	},
}

// setSecret sets a secret. The mask stands for the current secret.
func setSecret(t *target, k conf.KeyOf[string], step *completions.Step) error {
	typed := step.Value("secret")
	if typed == conf.Mask {
		if k.Value(t.table) == "" {
			return &argError{name: "secret", msg: "this is only the mask of a secret: type the secret itself"}
		}
		return nil
	}
	k.Set(t.table, typed)
	return nil
}

// unicastPeers edits the list, one address at a time.
var unicastPeers = setting{
	id: conf.UnicastPeers.Path(), keys: []*conf.Key{conf.UnicastPeers.Key},
	syntax: "unicast peer <address:address>", help: conf.UnicastPeers.Help,
	words: map[string]string{"peer": "Another router", "address": "Its address"},
	set: func(t *target, step *completions.Step) error {
		if list := conf.UnicastPeers.Value(t.table); !slices.Contains(list, arg(step)) {
			conf.UnicastPeers.Set(t.table, append(slices.Clone(list), arg(step)))
		}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		if len(step.Args) == 0 {
			conf.UnicastPeers.Unset(t.table)
			return nil
		}
		return removeFrom(t, conf.UnicastPeers, func(s string) bool { return s == arg(step) },
			&argError{name: "address", msg: "this virtual router has no such peer"})
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, a := range conf.UnicastPeers.Value(t.table) {
			lines = append(lines, "unicast peer "+completions.Quote(a))
		}
		return lines
	},
}

// routerTrack edits what a virtual router depends on.
var routerTrack = setting{
	id: conf.Track.Path(), keys: []*conf.Key{conf.Track.Key},
	syntax: "track <object:track> [decrement <decrement:" + conf.TrackingDecrement.Type.Param() + ">]",
	no:     "track [<object:track>] [decrement [<decrement:" + conf.TrackingDecrement.Type.Param() + ">]]",
	help:   conf.Track.Help,
	words: map[string]string{
		"track": "Depend on a tracked object", "object": conf.TrackingObject.Help,
		"decrement": "Lose priority instead of stopping", "<decrement>": "How much",
	},
	set: func(t *target, step *completions.Step) error {
		entry := conf.TrackingObject.Schema().New()
		conf.TrackingObject.Set(entry, step.Value("object"))
		if a, given := step.Arg("decrement"); given {
			if err := setParsed(&target{table: entry}, conf.TrackingDecrement.Key, a); err != nil {
				return err
			}
		}
		list := slices.Clone(conf.Track.Value(t.table))
		if at := trackingAt(list, step.Value("object")); at >= 0 {
			list[at] = entry
		} else {
			list = append(list, entry)
		}
		conf.Track.Set(t.table, list)
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		name, named := step.Arg("object")
		list := slices.Clone(conf.Track.Value(t.table))
		at := trackingAt(list, name.Value)
		switch {
		case !named:
			list = nil
		case at < 0:
			return &argError{name: "object", msg: "this virtual router does not track it"}
		case step.Has("decrement"):
			list[at] = list[at].Clone()
			conf.TrackingDecrement.Unset(list[at])
		default:
			list = slices.Delete(list, at, at+1)
		}
		conf.Track.Set(t.table, list)
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, e := range conf.Track.Value(t.table) {
			line := "track " + completions.Quote(conf.TrackingObject.Value(e))
			if n, set := conf.TrackingDecrement.In(e); set {
				line += fmt.Sprintf(" decrement %d", n)
			}
			lines = append(lines, line)
		}
		return lines
	},
}

func trackingAt(list []*conf.Table, name string) int {
	return slices.IndexFunc(list, func(e *conf.Table) bool { return conf.TrackingObject.Value(e) == name })
}
