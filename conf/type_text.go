// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"net/netip"
	"path/filepath"

	"vrrpsh/engine/vrrp"
)

// Text is a string. Check, unless nil, returns what is wrong with it.
type Text struct {
	value
	// Kind is the type of the value in commands: "word", "file", "interface", …; empty: the rest of the line.
	Kind  string
	Check func(s string) string
}

var _ Type = Text{}

func (Text) decode(raw any) (any, string) { return decodeString(raw) }

func (t Text) problem(v any, _ vrrp.Version) string {
	if t.Check == nil {
		return ""
	}
	return t.Check(v.(string))
}

// Param implements Type.
func (t Text) Param() string { return t.Kind }

// Parse implements Type.
func (Text) Parse(word string) (any, error) { return word, nil }

// Doc implements Type.
func (Text) Doc() string { return "string" }

func (Text) schema() map[string]any { return map[string]any{"type": "string"} }

func decodeString(raw any) (any, string) {
	if s, ok := raw.(string); ok {
		return s, ""
	}
	return nil, "a string"
}

// notEmpty checks paths that need not exist on this host.
func notEmpty(s string) string {
	if s == "" {
		return "must not be empty"
	}
	return ""
}

// absolute checks paths that must not depend on the working directory.
func absolute(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case !filepath.IsAbs(s):
		return "is not an absolute path"
	default:
		return ""
	}
}

// hostAddress checks addresses that must belong to a single host.
func hostAddress(s string) string {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "" || a.Is4In6():
		return "is not an IP address"
	case a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() || a.As16() == netip.AddrFrom4([4]byte{255, 255, 255, 255}).As16():
		return "is not the address of another host on a network"
	default:
		return ""
	}
}
