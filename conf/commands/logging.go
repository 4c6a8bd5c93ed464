// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// logHosts edits the list of log hosts, one at a time.
var logHosts = setting{
	id: conf.LogHosts.Path(), keys: []*conf.Key{conf.LogHosts.Key},
	syntax: "logging host <host:host> [transport " + strings.Join(conf.LogTransports, "|") + "] [port <port:1-65535>]",
	help:   conf.LogHosts.Help,
	words: map[string]string{
		"host": conf.LogHosts.Help, "<host>": "Address or name", "transport": "How it is reached (default udp)", "udp": "UDP (RFC 5426)",
		"tcp": "TCP (RFC 6587)", "tls": "TLS (RFC 5425)", "port": "Its port", "<port>": "Number (default 514, with TLS 6514)",
	},
	set: func(t *target, step *completions.Step) error {
		h := typedLogHost(step)
		list := conf.LogHosts.Value(t.table)
		if !slices.ContainsFunc(list, isLogHost(h)) {
			conf.LogHosts.Set(t.table, append(slices.Clone(list), h.String()))
		}
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		if len(step.Args) == 0 {
			conf.LogHosts.Unset(t.table)
			return nil
		}
		is := isLogHost(typedLogHost(step))
		if len(step.Args) == 1 && !step.Has("transport") { // the host by any transport
			is = func(s string) bool { h, err := conf.ParseLogHost(s); return err == nil && h.Host == step.Value("host") }
		}
		list := conf.LogHosts.Value(t.table)
		left := slices.DeleteFunc(slices.Clone(list), is)
		if len(left) == len(list) {
			return &argError{name: "host", msg: "the log is not sent to this host"}
		}
		conf.LogHosts.Set(t.table, left)
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, s := range conf.LogHosts.Value(t.table) {
			h, err := conf.ParseLogHost(s)
			if err != nil {
				continue
			}
			line := "logging host " + completions.Quote(h.Host)
			if h.Transport != conf.LogTransports[0] {
				line += " transport " + h.Transport
			}
			if h.Port != conf.DefaultLogPort(h.Transport) {
				line += " port " + strconv.Itoa(h.Port)
			}
			lines = append(lines, line)
		}
		return lines
	},
}

// typedLogHost returns the log host that a command names.
func typedLogHost(step *completions.Step) conf.LogHost {
	h := conf.LogHost{Transport: conf.LogTransports[0], Host: step.Value("host")}
	for _, t := range conf.LogTransports {
		if step.Has(t) {
			h.Transport = t
		}
	}
	h.Port = conf.DefaultLogPort(h.Transport)
	if n, err := strconv.Atoi(step.Value("port")); err == nil {
		h.Port = n
	}
	return h
}

// isLogHost returns whether an element of the list is a log host.
func isLogHost(h conf.LogHost) func(string) bool {
	return func(s string) bool { other, err := conf.ParseLogHost(s); return err == nil && other == h }
}
