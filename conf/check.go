// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"vrrpsh/engine/vrrp"
)

// maxText is the maximum length in bytes of a string value.
const maxText = 4096

// check validates every value of a table, and of the tables below it, for virtual routers of a version. Refused values count as
// unset from then on.
func (v *validator) check(t *Table, path string, version vrrp.Version) {
	t.each(func(k *Key, value any) {
		at := func() string { return join(path, k.Name) }
		switch value := value.(type) {
		case *Table:
			v.check(value, at(), version)
		case []*Table:
			if problem := k.refusal(v.host, nil); problem != "" {
				v.refuse(nth(at(), 0), "", problem)
				return
			}
			for i, element := range value {
				version := version
				if element.schema == RouterTable {
					version = versionOf(element)
				}
				v.check(element, nth(at(), i), version)
			}
		case []string:
			if problem := k.refusal(v.host, nil); problem != "" {
				v.refuse(at(), "", problem)
			}
			for i, s := range value {
				if problem := badText(k, s); problem != "" {
					v.refuse(nth(at(), i), k.shown(s), problem)
				}
			}
		default:
			problem := k.Problem(value, version)
			if problem == "" {
				problem = k.refusal(v.host, value)
			}
			if problem != "" {
				v.refuse(at(), k.shown(value), problem)
			}
		}
	})
}

// refuse reports a value that is wrong regardless of other keys.
func (v *validator) refuse(path, value, problem string) {
	v.fault(path, value, problem)
	v.known[path] = true
}

// versionOf returns the VRRP version that a virtual router will use.
func versionOf(t *Table) vrrp.Version {
	if n, _ := Version.In(t); IsIPv6(t) || n == int(vrrp.V3) {
		return vrrp.V3
	}
	return vrrp.V2
}

// badText refuses strings that a terminal or log cannot display.
func badText(k *Key, s string) string {
	switch {
	case len(s) > maxText:
		return fmt.Sprintf("is longer than %d bytes", maxText)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, isControl):
		return "contains a control character"
	case k.Secret == Concealed && s == Mask:
		return "is the mask that hides a secret, not a secret"
	default:
		return ""
	}
}

func isControl(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

// shown returns a value as messages show it.
func (k *Key) shown(v any) string {
	if k.hidden() {
		return ""
	}
	if s, ok := v.(string); ok {
		return quote(s)
	}
	return FormatValue(v)
}

// Problem returns what is wrong with a value regardless of other keys, for virtual routers of a version (zero: of every version),
// or "". It accepts all lists.
func (k *Key) Problem(v any, version vrrp.Version) string {
	if s, ok := v.(string); ok {
		if problem := badText(k, s); problem != "" {
			return problem
		}
	}
	return k.Type.problem(v, version)
}

// accepted returns the value of a key of a table, or nil if it is unset or was refused.
func (v *validator) accepted(k *Key, t *Table, path string) any {
	value := k.Raw(t)
	if value != nil && len(v.known) > 0 && v.known[join(path, k.Name)] {
		return nil
	}
	return value
}

// valued returns the value of a key, or its default if it is unset or was refused.
func valued[T any](v *validator, k KeyOf[T], t *Table, path string) T {
	value, ok := v.accepted(k.Key, t, path).(T)
	if !ok && k.Default != nil {
		value = k.Default.(T)
	}
	return value
}
