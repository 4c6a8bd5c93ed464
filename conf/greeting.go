// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Limits of the banner and the aliases.
const (
	maxBanner       = 2000 // bytes
	maxBannerLines  = 20
	maxAliases      = 100
	maxAlias        = 32  // bytes of a name
	maxAliasCommand = 512 // bytes
)

// banner checks the banner and returns its lines.
func (v *validator) banner() []string {
	lines := Banner.Value(v.file)
	text := strings.Join(lines, "\n")
	switch {
	case len(text) > maxBanner:
		v.fault(Banner.Path(), strconv.Itoa(len(text))+" bytes", fmt.Sprintf("are more than %d", maxBanner))
	case len(lines) > maxBannerLines:
		v.fault(Banner.Path(), strconv.Itoa(len(lines))+" lines", fmt.Sprintf("are more than %d", maxBannerLines))
	}
	return lines
}

// Alias is a short name for a command of exec mode.
type Alias struct{ Name, Command string }

// ParseAlias reads an element of aliases: a name, a blank and a command. The error is a phrase.
func ParseAlias(s string) (Alias, error) {
	name, command, _ := strings.Cut(s, " ")
	a := Alias{name, strings.TrimSpace(command)}
	letter := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	switch {
	case a.Name == "" || len(a.Name) > maxAlias || !letter(rune(a.Name[0])) ||
		strings.ContainsFunc(a.Name, func(r rune) bool { return !letter(r) && (r < '0' || r > '9') }):
		return a, fmt.Errorf("does not begin with a name of 1-%d letters and digits", maxAlias)
	case a.Command == "":
		return a, fmt.Errorf("has no command")
	case len(a.Command) > maxAliasCommand:
		return a, fmt.Errorf("has a command of more than %d bytes", maxAliasCommand)
	case strings.ContainsFunc(a.Command, unicode.IsControl):
		return a, fmt.Errorf("has control characters")
	}
	return a, nil
}

// aliases checks the aliases and returns them.
func (v *validator) aliases() []Alias {
	list := Aliases.Value(v.file)
	if len(list) > maxAliases {
		v.fault(Aliases.Path(), strconv.Itoa(len(list))+" aliases", fmt.Sprintf("are more than %d", maxAliases))
		return nil
	}
	var all []Alias
	for i, s := range list {
		a, err := ParseAlias(s)
		switch {
		case err != nil:
			v.fault(nth(Aliases.Path(), i), quote(s), err.Error())
		case slices.ContainsFunc(all, func(other Alias) bool { return other.Name == a.Name }):
			v.fault(nth(Aliases.Path(), i), quote(a.Name), "is already an alias")
		default:
			all = append(all, a)
		}
	}
	return all
}
