package shell

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine/vrrp"
)

// setting is one or a few keys of the configuration file with the command that edits
// them. The tables of settings serve parsing, "no", show and diffs alike.
type setting struct {
	id     string
	syntax string
	// no is the syntax after "no" and "default"; derived from syntax when empty.
	no    string
	help  string
	words map[string]string
	// keys are those of the file: "hostname", "api.host", "vrouter.priority".
	keys []string
	// prepare, if any, completes the line before set, by asking the user.
	prepare func(*call) error
	// set and unset edit; their errors are about the value that was typed.
	set   func(t *target, step *completions.Step) error
	unset func(t *target, step *completions.Step, form completions.Form) error
	// render returns the commands that give the keys their values, in clear but for the
	// texts that pass through secret.
	render func(t *target, secret func(string) string) []string
	// secrets are the names of arguments that must not be logged.
	secrets []string
}

// target is what a setting edits: a file, and the table in it that the setting is for, if any.
type target struct {
	file   *conf.File
	router *conf.VRouter
	family vrrp.Family // of router
	track  *conf.Track
	hook   *conf.Notify
}

// argError is about one argument of the line.
type argError struct {
	name string
	msg  string
}

func (e *argError) Error() string { return e.msg }

// arg returns the value a setting was given: that of its first argument, or else its
// last keyword.
func arg(step *completions.Step) string {
	if len(step.Args) > 0 {
		return step.Args[0].Value
	}
	return step.Words[len(step.Words)-1]
}

// field gives access to the place of a value. With create, tables on the way are made;
// without, the result may be nil.
type field[T any] func(t *target, create bool) **T

func top[T any](f func(*conf.File) **T) field[T] {
	return func(t *target, _ bool) **T { return f(t.file) }
}

func inRouter[T any](f func(*conf.VRouter) **T) field[T] {
	return func(t *target, _ bool) **T { return f(t.router) }
}

func inAPI[T any](f func(*conf.API) **T) field[T] {
	return func(t *target, create bool) **T {
		if t.file.API == nil {
			if !create {
				return nil
			}
			t.file.API = new(conf.API)
		}
		return f(t.file.API)
	}
}

func inSSH[T any](f func(*conf.SSH) **T) field[T] {
	return func(t *target, create bool) **T {
		if t.file.SSH == nil {
			if !create {
				return nil
			}
			t.file.SSH = new(conf.SSH)
		}
		return f(t.file.SSH)
	}
}

func inRealtime[T any](f func(*conf.Realtime) **T) field[T] {
	return func(t *target, create bool) **T {
		if t.file.Realtime == nil {
			if !create {
				return nil
			}
			t.file.Realtime = new(conf.Realtime)
		}
		return f(t.file.Realtime)
	}
}

func inMetrics[T any](f func(*conf.Metrics) **T) field[T] {
	return func(t *target, create bool) **T {
		if t.file.Metrics == nil {
			if !create {
				return nil
			}
			t.file.Metrics = new(conf.Metrics)
		}
		return f(t.file.Metrics)
	}
}

func unset[T any](f field[T]) func(*target, *completions.Step, completions.Form) error {
	return func(t *target, _ *completions.Step, _ completions.Form) error {
		if p := f(t, false); p != nil {
			*p = nil
		}
		return nil
	}
}

func get[T any](t *target, f field[T]) (T, bool) {
	if p := f(t, false); p != nil && *p != nil {
		return **p, true
	}
	var zero T
	return zero, false
}

// text is a setting with one string.
func text(key, syntax, help string, f field[string], words ...string) setting {
	command := leading(syntax)
	return setting{
		id: key, syntax: syntax, help: help, keys: []string{key}, words: pairs(words),
		set: func(t *target, step *completions.Step) error {
			v := arg(step)
			*f(t, true) = &v
			return nil
		},
		unset: unset(f),
		render: func(t *target, _ func(string) string) []string {
			if v, ok := get(t, f); ok {
				return []string{command + " " + completions.Quote(v)}
			}
			return nil
		},
	}
}

// number is a setting with one integer.
func number(key, syntax, help string, f field[int], words ...string) setting {
	command := leading(syntax)
	return setting{
		id: key, syntax: syntax, help: help, keys: []string{key}, words: pairs(words),
		set: func(t *target, step *completions.Step) error {
			n, err := strconv.Atoi(arg(step))
			if err != nil {
				return &argError{name: step.Args[0].Name, msg: "not a number"}
			}
			*f(t, true) = &n
			return nil
		},
		unset: unset(f),
		render: func(t *target, _ func(string) string) []string {
			if n, ok := get(t, f); ok {
				return []string{fmt.Sprintf("%s %d", command, n)}
			}
			return nil
		},
	}
}

// onOff is a setting that is on or off. Off is written as "no", unless it is the default
// anyway: then "no" takes the setting back.
func onOff[T ~bool](key, syntax, help string, standard bool, f field[T], words ...string) setting {
	return setting{
		id: key, syntax: syntax, no: syntax, help: help, keys: []string{key}, words: pairs(words),
		set: func(t *target, _ *completions.Step) error {
			on := T(true)
			*f(t, true) = &on
			return nil
		},
		unset: func(t *target, _ *completions.Step, form completions.Form) error {
			if form == completions.No && standard {
				off := T(false)
				*f(t, true) = &off
			} else if p := f(t, false); p != nil {
				*p = nil
			}
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			on, ok := get(t, f)
			switch {
			case !ok || !bool(on) && !standard:
				return nil
			case bool(on):
				return []string{syntax}
			default:
				return []string{"no " + syntax}
			}
		},
	}
}

// leading returns the keywords before the first value or choice of a syntax.
func leading(syntax string) string {
	var words []string
	for w := range strings.FieldsSeq(syntax) {
		if strings.ContainsAny(w, "<[|") {
			break
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// pairs makes a map of a list of keys and values.
func pairs(list []string) map[string]string {
	m := make(map[string]string)
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}

// command returns the setting as a command of a mode.
func (s *setting) command(mode completions.Mode) completions.Command {
	no := s.no
	if no == "" {
		no = leading(s.syntax)
		if rest := strings.TrimSpace(strings.TrimPrefix(s.syntax, no)); rest != "" {
			no += " [" + rest + "]"
		}
	}
	return completions.Command{
		ID: settingID(mode, s.id), Modes: []completions.Mode{mode}, Syntax: s.syntax, No: no, Help: s.help,
		Words: s.words, Level: completions.Administrator, Setting: true,
	}
}

func settingID(mode completions.Mode, id string) string { return "set." + string(mode) + "." + id }

// check says whether the value that a setting was just given is legal, by validating a
// configuration that holds nothing else. Settings that only fit one protocol version pass when they
// fit either: which one it is may be told later.
func (s *setting) check(t *target) error {
	switch {
	case t.track != nil: // what it tracks says which keys have a meaning
		o := t.track
		probe := conf.Track{Name: o.Name, Interface: o.Interface, Route: o.Route, Script: o.Script, File: o.File}
		return s.problem(&conf.File{Tracks: []conf.Track{probe}}, t)
	case t.hook != nil:
		return s.problem(&conf.File{Notify: []conf.Notify{{Name: t.hook.Name, Command: t.hook.Command}}}, t)
	case t.router == nil:
		return s.problem(&conf.File{API: probeAPI(t.file.API)}, t)
	}
	var first error
	for _, version := range []int{2, 3} {
		address := "192.0.2.1"
		if t.family == vrrp.IPv6 {
			address = "fe80::1"
		}
		vr := conf.VRouter{Group: t.router.Group, Interface: t.router.Interface, Version: &version, VIP: &address}
		err := s.problem(&conf.File{VRouters: []conf.VRouter{vr}}, t)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// probeAPI returns a table to copy into when the file has one.
func probeAPI(api *conf.API) *conf.API {
	if api == nil {
		return nil
	}
	return new(conf.API)
}

// problem validates probe with the setting's keys of t copied into it.
func (s *setting) problem(probe *conf.File, t *target) error {
	to := &target{file: probe}
	switch {
	case t.router != nil:
		to.router = &probe.VRouters[0]
	case t.track != nil:
		to.track = &probe.Tracks[0]
	case t.hook != nil:
		to.hook = &probe.Notify[0]
	}
	copyKeys(to, t, s.keys)
	_, err := conf.Validate(probe, nil)
	var faults conf.Faults
	if !errors.As(err, &faults) {
		return nil
	}
	for _, f := range faults {
		key := faultKey(f.Path)
		for _, m := range tableModes {
			if key == m.word+".name" {
				return &argError{name: m.value, msg: f.Value + " " + f.Problem}
			}
		}
		if slices.Contains(s.keys, key) {
			return errors.New(strings.TrimSpace(f.Value + " " + f.Problem))
		}
	}
	return nil
}

// unknownYet are the keys that name what may be configured later.
var unknownYet = map[string]bool{"protocols.static.group": true, "protocols.static.interface": true, "vrouter.track.object": true}

// faultKey turns a fault's path into a setting's key: "vrouter[0].vips[1]" is "vrouter.vips".
func faultKey(path string) string {
	var b strings.Builder
	depth := 0
	for _, r := range path {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		default:
			if depth == 0 {
				b.WriteRune(r)
			}
		}
	}
	key := b.String()
	switch {
	case strings.HasPrefix(key, "vrouter.timers"):
		return "vrouter.timers"
	case strings.HasPrefix(key, "vrouter.track.") && !unknownYet[key]:
		return "vrouter.track"
	case strings.HasPrefix(key, "protocols.static.") && !unknownYet[key]:
		return "protocols.static"
	}
	return key
}
