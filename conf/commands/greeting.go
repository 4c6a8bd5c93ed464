// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// banner sets the banner. Other systems enclose it in a delimiter.
var banner = setting{
	id: conf.Banner.Path(), keys: []*conf.Key{conf.Banner.Key},
	syntax: "banner [motd|login|exec] <text...>", no: "banner [motd|login|exec] [<text...>]", help: conf.Banner.Help,
	words: map[string]string{
		"banner": conf.Banner.Help, "motd": "The banner", "login": "The banner", "exec": "The banner",
		"<text>": `Text; in double quotes, \n begins a new line`,
	},
	set: func(t *target, step *completions.Step) error {
		text, ok := undelimited(step.Value("text"))
		if !ok {
			return &argError{name: "text", msg: `the text is missing: type all lines as one text, such as "first line\nsecond line"`}
		}
		conf.Banner.Set(t.table, strings.Split(text, "\n"))
		return nil
	},
	unset: unsetKeys(conf.Banner.Key),
	render: func(t *target, _ func(string) string) []string {
		if lines, set := conf.Banner.In(t.table); set {
			return []string{"banner " + quoted(strings.Join(lines, "\n"))}
		}
		return nil
	},
}

// quoted writes a text so that it is read as it is, whatever it begins with.
func quoted(text string) string {
	if plain, ok := undelimited(text); !ok || plain != text {
		text = "^C" + text + "^C"
	}
	if q := completions.Quote(text); q != text {
		return q
	}
	return `"` + text + `"` // it may begin with a keyword
}

// undelimited removes the delimiter around a text: "^C" or a punctuation character that stands at its beginning and end. It returns false if there
// is only the first delimiter, as where a text of several lines begins.
func undelimited(text string) (string, bool) {
	delimiter := "^C"
	if !strings.HasPrefix(text, delimiter) {
		r, n := utf8.DecodeRuneInString(text)
		if !unicode.IsPunct(r) && !unicode.IsSymbol(r) || strings.Count(text, text[:n]) != 2 && text != text[:n] {
			return text, true
		}
		delimiter = text[:n]
	}
	inner, ended := strings.CutSuffix(text[len(delimiter):], delimiter)
	switch {
	case ended:
		return strings.TrimSpace(inner), true
	case text == delimiter || delimiter == "^C":
		return "", false
	default:
		return text, true
	}
}

// alias edits the list of aliases.
var alias = setting{
	id: conf.Aliases.Path(), keys: []*conf.Key{conf.Aliases.Key},
	syntax: "alias [exec] <name:name> <command...>", no: "alias [exec] [<name:name>] [<command...>]", help: conf.Aliases.Help,
	words: map[string]string{
		"alias": conf.Aliases.Help, "exec": "Of exec mode, as all are", "<name>": "Letters and digits", "<command>": "What it stands for",
	},
	set: func(t *target, step *completions.Step) error {
		list := slices.Clone(conf.Aliases.Value(t.table))
		name := step.Value("name")
		line := name + " " + step.Value("command")
		if i := slices.IndexFunc(list, isAlias(name)); i >= 0 {
			list[i] = line
		} else {
			list = append(list, line)
		}
		conf.Aliases.Set(t.table, list)
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		if len(step.Args) == 0 {
			conf.Aliases.Unset(t.table)
			return nil
		}
		return removeFrom(t, conf.Aliases, isAlias(step.Value("name")), &argError{name: "name", msg: "there is no such alias"})
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, s := range conf.Aliases.Value(t.table) {
			if a, err := conf.ParseAlias(s); err == nil {
				lines = append(lines, "alias "+nameWord(a.Name)+" "+completions.Quote(a.Command))
			}
		}
		return lines
	},
}

// nameWord writes the name of an alias, which may be a keyword.
func nameWord(name string) string {
	if _, abbreviates := strings.CutPrefix("exec", strings.ToLower(name)); abbreviates {
		return `"` + name + `"`
	}
	return name
}

func isAlias(name string) func(string) bool {
	return func(s string) bool { a, err := conf.ParseAlias(s); return err == nil && a.Name == name }
}
