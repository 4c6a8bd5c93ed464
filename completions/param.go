// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// param is a value that a command takes.
type param struct {
	name string
	// kind is the type, or the name if the syntax gives no type; it selects the completions of the value.
	kind   string
	rest   bool // the rest of the line
	ranged bool
	lo, hi int
}

// newParam parses the text between < and >.
func newParam(s string) (*param, error) {
	name, kind, typed := strings.Cut(s, ":")
	p := &param{name: name, kind: name}
	if text, ok := strings.CutSuffix(name, "..."); ok {
		p.name, p.kind, p.rest = text, text, true
	}
	if !typed {
		return p, nil
	}
	lo, hi, ok := strings.Cut(kind, "-")
	if l, err := strconv.Atoi(lo); ok && err == nil {
		h, err := strconv.Atoi(hi)
		if err != nil || h < l {
			return nil, fmt.Errorf("bad range %q", kind)
		}
		p.ranged, p.lo, p.hi = true, l, h
		return p, nil
	}
	if _, ok := checks[kind]; !ok {
		return nil, fmt.Errorf("unknown type %q", kind)
	}
	p.kind = kind
	return p, nil
}

// String returns the value in the notation of the reference, such as "<group 1-255>" or "<interface>".
func (p *param) String() string {
	if p.ranged {
		return fmt.Sprintf("<%s %d-%d>", p.name, p.lo, p.hi)
	}
	return "<" + p.name + ">"
}

// short returns the form in the answer to "?", such as "<1-255>".
func (p *param) short() string {
	if p.ranged {
		return fmt.Sprintf("<%d-%d>", p.lo, p.hi)
	}
	return "<" + p.name + ">"
}

// check checks whether a word can be this value; the error is a phrase.
func (p *param) check(word string) error {
	if p.ranged {
		n, err := strconv.Atoi(word)
		if err != nil || n < p.lo || n > p.hi || word[0] == '+' {
			return fmt.Errorf("%s must be %d-%d", p.name, p.lo, p.hi)
		}
		return nil
	}
	if f := checks[p.kind]; f != nil {
		return f(word)
	}
	return nil
}

// checks maps types to their checks; nil accepts every word.
var checks = map[string]func(string) error{
	"word":      nil,
	"interface": checkInterface,
	"address":   checkAddress,
	"prefix":    checkPrefix,
	"next-hop":  checkNextHop,
	"track":     nil,
	"duration":  checkDuration,
	"words":     checkWords,
	"regexp":    nil, // checked where it is compiled, to compile it only once
	"file":      nil,
	"router":    nil,
	"revision":  checkRevision,
	"session":   checkNumber,
	"lost":      checkNumber,
	"name":      checkName,
	"user":      nil,
	"endpoint":  checkEndpoint,
	"host":      checkHost,
	"source":    checkSource,
}

// checkInterface rejects the interface names that the kernel rejects (IFNAMSIZ is 16, including the terminating zero).
func checkInterface(s string) error {
	unfit := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/:%", r) }
	if s == "" || len(s) > 15 || strings.ContainsFunc(s, unfit) || s == "." || s == ".." {
		return errors.New("not an interface name (1-15 characters)")
	}
	return nil
}

func checkAddress(s string) error {
	if strings.Contains(s, "/") {
		if _, err := netip.ParsePrefix(s); err != nil {
			return errors.New("not an address with prefix length, such as 10.0.0.1/24")
		}
		return nil
	}
	if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" {
		return errors.New("not an address, such as 10.0.0.1 or 10.0.0.1/24")
	}
	return nil
}

// checkHost accepts addresses, with a zone, and names. Programs get them as arguments: none begins with a hyphen.
func checkHost(s string) error {
	if isPlainAddress(s) {
		return nil
	}
	if s == "" || len(s) > 253 || s[0] == '-' || s[0] == '.' || strings.ContainsFunc(s, unfitHost) || strings.ContainsAny(s, ":%") {
		return errors.New("not an address or the name of a host")
	}
	return nil
}

func unfitHost(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-._:%", r)
}

// isPlainAddress tells whether s is an address whose zone, if it has one, fits programs, too.
func isPlainAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && !strings.ContainsFunc(s, unfitHost)
}

// checkSource accepts addresses and interfaces.
func checkSource(s string) error {
	if isPlainAddress(s) {
		return nil
	}
	if s != "" && s[0] == '-' || checkInterface(s) != nil {
		return errors.New("not an address or an interface")
	}
	return nil
}

// checkPrefix and checkNextHop check IPv4 routes.
func checkPrefix(s string) error {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() {
		return errors.New("not a destination, such as 10.0.0.0/8")
	}
	if p != p.Masked() {
		return fmt.Errorf("not a network: that is %s", p.Masked())
	}
	return nil
}

func checkNextHop(s string) error {
	if a, err := netip.ParseAddr(s); err != nil || !a.Is4() {
		return errors.New("not an IPv4 address")
	}
	return nil
}

// checkDuration accepts the durations of time.ParseDuration, and whole seconds without a unit. The setting checks the range.
func checkDuration(s string) error {
	if _, err := strconv.Atoi(s); err == nil {
		return nil
	}
	if _, err := time.ParseDuration(s); err != nil {
		return errors.New("not a duration, such as 1s, 500ms or 30 (seconds)")
	}
	return nil
}

func checkRevision(s string) error {
	if _, err := strconv.ParseUint(s, 10, 63); err != nil {
		return errors.New("not a revision number")
	}
	return nil
}

// checkNumber accepts the numbers of sessions and of lost candidates.
func checkNumber(s string) error {
	if _, err := strconv.ParseUint(s, 10, 31); err != nil {
		return errors.New("not a number")
	}
	return nil
}

func checkEndpoint(s string) error {
	if s == "disabled" { // the setting checks whether "disabled" is allowed
		return nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return errors.New("not an address and port, such as 0.0.0.0:7080")
	}
	if n, err := strconv.ParseUint(s[i+1:], 10, 16); err != nil || n == 0 {
		return errors.New("the port must be 1-65535")
	}
	return nil
}

// checkWords accepts text that Split can split.
func checkWords(s string) error {
	for _, part := range lex(s) {
		for _, t := range part.tokens {
			if t.open {
				return errors.New("the closing quote is missing")
			}
		}
	}
	return nil
}

// checkName accepts user names: 1 to 256 letters and digits.
func checkName(s string) error {
	if s == "" || len(s) > 256 {
		return errors.New("the name must have 1-256 letters and digits")
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return errors.New("the name must have 1-256 letters and digits")
		}
	}
	return nil
}
