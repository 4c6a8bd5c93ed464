// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// haveAPI adds the [api] table to a file without one.
func haveAPI(f *conf.File) {
	if !conf.API.IsSet(f) {
		conf.API.Set(f, conf.APIHost.Schema().New())
	}
}

// apiEnable edits whether the API listens when no host is configured for it.
var apiEnable = setting{
	id: conf.API.Path(), syntax: "api enable", no: "api [enable]",
	help:  "Serve the HTTP API over TCP; settings that are not given have their defaults",
	words: map[string]string{"enable": "Serve the HTTP API over TCP"},
	set: func(t *target, _ *completions.Step) error {
		haveAPI(t.file)
		return nil
	},
	unset: func(t *target, _ *completions.Step, _ completions.Form) error {
		conf.API.Unset(t.file)
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		if !conf.API.IsSet(t.file) || conf.APIHost.IsSet(t.file) {
			return nil
		}
		return []string{"api enable"}
	},
}

// listen ensures that only "api host" and "api enable" open the listener of the API; in a file, an [api] table alone opens it. The
// caller calls listen after it has set a value; before says whether the file already had the [api] table.
func (s *setting) listen(t *target, before bool) {
	switch {
	case s.id == conf.API.Path():
		if conf.APIHost.Value(t.file) == conf.NoListener {
			conf.APIHost.Unset(t.file)
		}
	case !before && !conf.APIHost.IsSet(t.file) && conf.API.IsSet(t.file):
		conf.APIHost.Set(t.file, conf.NoListener)
	}
}

// apiSecret edits the key that protects the session tokens.
var apiSecret = setting{
	id: conf.APISecret.Path(), syntax: "api secret [<secret...>]", keys: []*conf.Key{conf.APISecret.Key},
	help: conf.APISecret.Help + "; without a value, the command prompts for it", secret: "secret", asks: asksSecret,
	words: map[string]string{"secret": "The key"},
	set:   func(t *target, step *completions.Step) error { return setSecret(t, conf.APISecret, step) },
	unset: unsetKeys(conf.APISecret.Key),
	render: func(t *target, secret func(string) string) []string {
		if text, has := conf.APISecret.In(t.file); has {
			return []string{"api secret " + secret(completions.Quote(text))}
		}
		return nil
	},
}

// apiUser edits the list of users. An element is {{ALGORITHM}}name:level:salt:hash; the last argument of the command is
// {{ALGORITHM}}salt:hash.
var apiUser = setting{
	id: conf.APIUsers.Path(), keys: []*conf.Key{conf.APIUsers.Key},
	syntax: "api user <name:name> level <level:0-9> password|hash [<password...>]",
	no:     "api user <name:name>",
	help:   "A user of the API and the shell; without a password, the command prompts for it", secret: "password",
	asks: func(step *completions.Step) bool {
		_, given := step.Arg("password")
		return !given && !step.Has("hash")
	},
	words: map[string]string{
		"name": "Name: letters and digits", "level": "What the user may do",
		"password": "The password", "hash": "The password's hash, {{ALGORITHM}}SALT:HASH",
	},
	set: setUser,
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		name := step.Value("name")
		conf.APIUsers.Set(t.file, slices.DeleteFunc(slices.Clone(conf.APIUsers.Value(t.file)), isUser(name)))
		dropUser(t, conf.APIPlain, name)
		dropUser(t, conf.APICommitOnEnd, name)
		return nil
	},
	render: func(t *target, secret func(string) string) []string {
		var lines []string
		for _, u := range conf.APIUsers.Value(t.file) {
			if name, level, hash, ok := splitUser(u); ok {
				lines = append(lines, "api user "+name+" level "+level+" hash "+secret(completions.Quote(hash)))
			}
		}
		return lines
	},
}

// apiPlain and apiCommitOnEnd edit lists of users with an option.
var (
	apiPlain       = userOption(conf.APIPlain, "plain", "Plain line mode and no pager from the beginning, for a program")
	apiCommitOnEnd = userOption(conf.APICommitOnEnd, "commit-on-end", "\"end\" commits at a terminal, if no line has failed")
)

func userOption(k conf.KeyOf[[]string], word, help string) setting {
	return setting{
		id: k.Path(), keys: []*conf.Key{k.Key}, syntax: "api user <name:name> " + word, no: "api user <name:name> " + word,
		help: k.Help, words: map[string]string{word: help, "name": "Name: letters and digits"},
		set: func(t *target, step *completions.Step) error {
			if list, name := k.Value(t.file), step.Value("name"); !slices.Contains(list, name) {
				k.Set(t.file, append(slices.Clone(list), name))
			}
			return nil
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			dropUser(t, k, step.Value("name"))
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			var lines []string
			for _, name := range k.Value(t.file) {
				lines = append(lines, "api user "+name+" "+word)
			}
			return lines
		},
	}
}

// dropUser removes a user from a list with an option.
func dropUser(t *target, k conf.KeyOf[[]string], name string) {
	list := slices.DeleteFunc(slices.Clone(k.Value(t.file)), func(have string) bool { return have == name })
	if len(list) == 0 {
		k.Unset(t.file)
		return
	}
	k.Set(t.file, list)
}

func isUser(name string) func(line string) bool {
	return func(line string) bool {
		n, _, _, ok := splitUser(line)
		return ok && n == name
	}
}

func setUser(t *target, step *completions.Step) error {
	name, level, given := step.Value("name"), step.Value("level"), step.Value("password")
	users := slices.Clone(conf.APIUsers.Value(t.file))
	at := slices.IndexFunc(users, isUser(name))
	var line string
	switch {
	case given == conf.Mask:
		if at < 0 {
			return &argError{name: "password", msg: "this is only the mask of a password: type the password or hash itself"}
		}
		_, _, hash, _ := splitUser(users[at])
		line = joinUser(name, level, hash)
	case given == "":
		return errors.New("the hash is missing")
	case step.Has("hash"):
		line = joinUser(name, level, given)
	default:
		n, err := strconv.Atoi(level)
		if err != nil {
			return &argError{name: "level", msg: "not a number"}
		}
		if line, err = conf.HashPassword(name, conf.Level(n), given, conf.Scrypt); err != nil {
			return &argError{name: "password", msg: err.Error()}
		}
	}
	if at < 0 {
		users = append(users, line)
	} else {
		users[at] = line
	}
	conf.APIUsers.Set(t.file, users)
	return nil
}

// splitUser splits an element of the list of users; hash keeps the algorithm and the salt.
func splitUser(line string) (name, level, hash string, ok bool) {
	alg, rest, found := strings.Cut(line, "}}")
	parts := strings.SplitN(rest, ":", 3)
	if !found || len(parts) < 3 {
		return "", "", "", false
	}
	return parts[0], parts[1], alg + "}}" + parts[2], true
}

func joinUser(name, level, hash string) string {
	alg, rest, found := strings.Cut(hash, "}}")
	if !found {
		return hash // the check that follows refuses it
	}
	return alg + "}}" + name + ":" + level + ":" + rest
}
