package shell

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// apiSettings are the settings of the [api] table.
var apiSettings = []setting{
	{
		id: "api", syntax: "api enable", no: "api [enable]", keys: nil,
		help:  "Serve the HTTP API over TCP, with what is not set at its default",
		words: map[string]string{"enable": "Serve the HTTP API over TCP"},
		set: func(t *target, _ *completions.Step) error {
			if t.file.API == nil {
				t.file.API = new(conf.API)
			}
			return nil
		},
		unset: func(t *target, _ *completions.Step, _ completions.Form) error {
			t.file.API = nil
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			if t.file.API == nil {
				return nil
			}
			a := *t.file.API
			if a.TLS != nil && !*a.TLS {
				a.TLS = nil // is not shown either
			}
			if len(a.Users) > 0 || !reflect.ValueOf(a).IsZero() {
				return nil
			}
			return []string{"api enable"}
		},
	},
	text("api.host", "api host <endpoint:endpoint>", "Address and port to listen on",
		inAPI(func(a *conf.API) **string { return &a.Host }), "endpoint", "As 0.0.0.0:7080 or [::]:7080"),
	onOff("api.tls", "api tls", "Serve HTTPS", false,
		inAPI(func(a *conf.API) **bool { return &a.TLS })),
	text("api.tls_key", "api tls-key <file:file>", "Private key (PEM)",
		inAPI(func(a *conf.API) **string { return &a.TLSKey })),
	text("api.tls_cert", "api tls-certificate <file:file>", "Certificate chain (PEM)",
		inAPI(func(a *conf.API) **string { return &a.TLSCert })),
	apiSecret,
	apiUser,
}

var apiSecret = setting{
	id: "api.secret", syntax: "api secret [<secret...>]", keys: []string{"api.secret"},
	help: "Key of the session tokens; set, sessions survive a restart; without text it is asked for", secrets: []string{"secret"},
	words:   map[string]string{"secret": "The key"},
	prepare: askSecret,
	set: func(t *target, step *completions.Step) error {
		f := inAPI(func(a *conf.API) **string { return &a.Secret })
		old, _ := get(t, f)
		v, err := unmask(arg(step), old, "secret")
		if err != nil {
			return err
		}
		*f(t, true) = &v
		return nil
	},
	unset: unset(inAPI(func(a *conf.API) **string { return &a.Secret })),
	render: func(t *target, secret func(string) string) []string {
		if t.file.API == nil || t.file.API.Secret == nil {
			return nil
		}
		return []string{"api secret " + secret(completions.Quote(*t.file.API.Secret))}
	},
}

// unmask refuses the mask as a value, unless there is a value that it can stand for.
func unmask(typed, old, name string) (string, error) {
	if typed != conf.Mask {
		return typed, nil
	}
	if old == "" {
		return "", &argError{name: name, msg: "this only masks a secret: type the secret itself"}
	}
	return old, nil
}

// apiUser edits the users list. A line of it is {{ALGORITHM}}name:level:salt:hash; as a command, the
// last argument is {{ALGORITHM}}salt:hash.
var apiUser = setting{
	id: "api.users", keys: []string{"api.users"},
	syntax: "api user <name:name> level <level:0-9> password|hash [<password...>]",
	no:     "api user <name:name>",
	help:   "A user of the API and the shell; the password is asked for when left out", secrets: []string{"password"},
	words: map[string]string{
		"name": "Name: letters and digits", "level": "What the user may do",
		"password": "The password", "hash": "The password's hash, {{ALGORITHM}}SALT:HASH",
	},
	prepare: askPassword,
	set:     setUser,
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		if t.file.API == nil {
			return nil
		}
		t.file.API.Users = slices.DeleteFunc(slices.Clone(t.file.API.Users), func(line string) bool {
			name, _, _, ok := splitUser(line)
			return ok && name == step.Value("name")
		})
		return nil
	},
	render: func(t *target, secret func(string) string) []string {
		if t.file.API == nil {
			return nil
		}
		var lines []string
		for _, u := range t.file.API.Users {
			if name, level, hash, ok := splitUser(u); ok {
				lines = append(lines, "api user "+name+" level "+level+" hash "+secret(completions.Quote(hash)))
			}
		}
		return lines
	},
}

// askPassword asks for a password that was not given.
func askPassword(c *call) error {
	if _, given := c.step.Arg("password"); given || c.step.Has("hash") {
		return nil
	}
	return c.askTwice("password", "password")
}

// askSecret asks for a secret whose keyword was given without it.
func askSecret(c *call) error {
	if _, given := c.step.Arg("secret"); given || !c.step.Has("secret") {
		return nil
	}
	return c.askTwice("secret", "secret")
}

// askTwice asks the user for what is not shown, and makes it an argument of the command.
func (c *call) askTwice(argument, what string) error {
	if c.io.Ask == nil {
		return failed("The %s must be given: nobody can be asked for it here", what)
	}
	title := strings.ToUpper(what[:1]) + what[1:]
	first, err := c.io.Ask(c.ctx, title+": ", true) // blanks count
	if err != nil {
		return err
	}
	second, err := c.io.Ask(c.ctx, title+" again: ", true)
	if err != nil {
		return err
	}
	switch {
	case first == "":
		return failed("No %s given, nothing changed", what)
	case first != second:
		return failed("The %ss differ, nothing changed", what)
	}
	c.step.Args = append(c.step.Args, completions.Arg{Name: argument, Value: first, Offset: len(c.inv.Line)})
	return nil
}

func setUser(t *target, step *completions.Step) error {
	name, level, given := step.Value("name"), step.Value("level"), step.Value("password")
	if t.file.API == nil {
		t.file.API = new(conf.API)
	}
	users := slices.Clone(t.file.API.Users)
	at := slices.IndexFunc(users, func(line string) bool {
		n, _, _, ok := splitUser(line)
		return ok && n == name
	})
	var line string
	switch {
	case given == conf.Mask:
		if at < 0 {
			return &argError{name: "password", msg: "this only masks a password: type the password or hash itself"}
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
	t.file.API.Users = users
	return nil
}

// splitUser takes a line of the users list apart: the hash keeps the algorithm and the salt.
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
		return hash // refused by the check that follows
	}
	return alg + "}}" + name + ":" + level + ":" + rest
}
