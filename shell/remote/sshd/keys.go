// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// grant is what a key permits.
type grant struct {
	by      string // how the user was authenticated, for the log
	noPTY   bool
	forced  bool   // execute command, whatever the client requests
	command string // the command if forced
	noTouch bool   // a security key works without touch

	from    []string  // address patterns; nil: from anywhere
	expires time.Time // zero: never
}

// findKey searches an authorized_keys file, in the format described in sshd(8) under
// AUTHORIZED_KEYS FILE FORMAT. It returns the grant of the first line that contains the key and
// permits its use from this address at this time. Otherwise the error says why the last line with
// the key does not permit it.
func findKey(file []byte, key ssh.PublicKey, from netip.Addr, now time.Time) (*grant, error) {
	err := errors.New("the key is not authorized")
	for line := range bytes.Lines(file) {
		found, _, options, _, perr := ssh.ParseAuthorizedKey(line)
		if perr != nil || !bytes.Equal(found.Marshal(), key.Marshal()) {
			continue
		}
		g, problem := parseOptions(options)
		if problem == nil {
			problem = g.permits(from, now)
		}
		if problem == nil {
			return g, nil
		}
		err = fmt.Errorf("the key is not accepted: %w", problem)
	}
	return nil, err
}

// harmless are options that restrict what no key permits here anyway.
var harmless = []string{
	"agent-forwarding", "no-agent-forwarding", "port-forwarding", "no-port-forwarding",
	"x11-forwarding", "no-x11-forwarding", "user-rc", "no-user-rc", "permitopen", "permitlisten",
}

// parseOptions reads the options of a line. An option that is unknown or unsupported makes the key
// unusable, because it may be a restriction.
func parseOptions(options []string) (*grant, error) {
	g := new(grant)
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		name = strings.ToLower(name)
		if slices.Contains(harmless, name) {
			continue
		}
		var err error
		switch name {
		case "restrict", "no-pty":
			g.noPTY = true
		case "pty":
			g.noPTY = false
		case "no-touch-required":
			g.noTouch = true
		case "command":
			if g.forced {
				err = errors.New("occurs twice")
			}
			g.forced = true
			g.command, err = unquote(value, err)
		case "from":
			if g.from != nil {
				err = errors.New("occurs twice")
			}
			err = g.setFrom(unquote(value, err))
		case "expiry-time":
			err = g.setExpiry(unquote(value, err))
		default:
			err = errors.New("is not supported")
		}
		if err != nil {
			return nil, fmt.Errorf("its option %.40q %w", name, err)
		}
	}
	return g, nil
}

// unquote removes the quotes around the value of an option. Inside the value, \" stands for a quote.
func unquote(s string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", errors.New("has no value in quotes")
	}
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`), nil
}

func (g *grant) setFrom(list string, err error) error {
	if err != nil {
		return err
	}
	g.from = strings.Split(list, ",")
	for _, p := range g.from {
		p = strings.TrimPrefix(p, "!")
		if !strings.Contains(p, "/") {
			continue
		}
		prefix, err := netip.ParsePrefix(p)
		if err != nil || prefix != prefix.Masked() {
			return fmt.Errorf("has %.60q, which is not a network", p)
		}
	}
	return nil
}

// expiryLayouts are the forms of expiry-time: in local time or, with a final Z, in UTC.
var expiryLayouts = []string{"20060102", "200601021504", "20060102150405"}

// setExpiry sets the expiry time. If an option is repeated, the earliest time counts.
func (g *grant) setExpiry(s string, err error) error {
	if err != nil {
		return err
	}
	zone := time.Local
	digits := strings.TrimSuffix(s, "Z")
	if digits != s {
		zone = time.UTC
	}
	for _, layout := range expiryLayouts {
		if at, err := time.ParseInLocation(layout, digits, zone); err == nil && len(digits) == len(layout) {
			if g.expires.IsZero() || at.Before(g.expires) {
				g.expires = at
			}
			return nil
		}
	}
	return fmt.Errorf("has %.40q, which is not a time", s)
}

func (g *grant) permits(from netip.Addr, now time.Time) error {
	if !g.expires.IsZero() && !now.Before(g.expires) {
		return errors.New("it has expired")
	}
	if g.from != nil && !matchAddress(g.from, from.Unmap()) {
		return errors.New("not from this address")
	}
	return nil
}

// matchAddress tells whether an address matches at least one of the patterns and no pattern after
// "!". A pattern is a network, or an address with "*" and "?". Host names never match, because
// addresses are not looked up.
func matchAddress(patterns []string, a netip.Addr) bool {
	matched := false
	for _, p := range patterns {
		rest := strings.TrimPrefix(p, "!")
		var hit bool
		if network, err := netip.ParsePrefix(rest); err == nil {
			hit = network.Contains(a)
		} else {
			hit = wildcard(strings.ToLower(rest), a.String())
		}
		switch {
		case hit && rest != p:
			return false
		case hit:
			matched = true
		}
	}
	return matched
}

// wildcard tells whether pattern matches all of s: "*" stands for any characters, "?" for one.
func wildcard(pattern, s string) bool {
	star, from := -1, 0 // where to continue if the text after the last "*" does not match
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
