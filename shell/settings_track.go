package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// trackSettings edit the list of tracked objects. The first shows all that the others edit.
var trackSettings = allOfTrack([]setting{
	trackKind("interface", "<interface>", "Track an interface: up while it is up and has a carrier",
		func(t *conf.Track, step *completions.Step) error {
			v := step.Value("interface")
			t.Interface = &v
			return nil
		}),
	trackKind("route", "<destination>", "Track a route of the main routing table",
		func(t *conf.Track, step *completions.Step) error {
			v := step.Value("destination")
			t.Route = &v
			return nil
		}),
	trackKind("file", "<file>", "Track the integer in a file, which is added to the priority",
		func(t *conf.Track, step *completions.Step) error {
			v := step.Value("file")
			t.File = &v
			return nil
		}),
	trackKind("script", "<file> [<arguments...:words>]", "Track a program: up while it ends with status 0",
		func(t *conf.Track, step *completions.Step) error {
			t.Script = append([]string{step.Value("file")}, completions.Split(step.Value("arguments"))...)
			return nil
		}),
	trackText("interval", "<time:duration>", "How often a script is run, or a file read (default 1s)",
		func(t *conf.Track) **string { return &t.Interval }),
	trackText("timeout", "<time:duration>", "When a script is killed (default: after the interval)",
		func(t *conf.Track) **string { return &t.Timeout }),
	trackNumber("rise", "Successes in a row that bring a script up (default 1)",
		func(t *conf.Track) **int { return &t.Rise }),
	trackNumber("fall", "Failures in a row that bring a script down (default 1)",
		func(t *conf.Track) **int { return &t.Fall }),
	trackText("initial", "up|down", "What a script counts as until its first result (default up)",
		func(t *conf.Track) **string { return &t.Initial }),
	trackText("user", "<user:word>", "User that a script runs as (default nobody)",
		func(t *conf.Track) **string { return &t.User }),
})

// allOfTrack has the first setting show, merge and remove whole objects.
func allOfTrack(settings []setting) []setting {
	first := &settings[0]
	first.part = false
	first.no = "track <object> [interface [<interface>]]"
	unsetInterface := first.unset
	first.unset = func(t *target, step *completions.Step, form completions.Form) error {
		if step.Has("interface") {
			return unsetInterface(t, step, form)
		}
		return editTrack(t, step, func(list []conf.Track, at int) []conf.Track { return slices.Delete(list, at, at+1) })
	}
	first.render = func(t *target, _ func(string) string) []string {
		var lines []string
		for i := range t.file.Tracks {
			lines = append(lines, trackLines(&t.file.Tracks[i])...)
		}
		return lines
	}
	return settings
}

// noLines is what a setting shows whose keys another one shows.
func noLines(*target, func(string) string) []string { return nil }

var trackWords = map[string]string{
	"track": "Object that virtual routers depend on", "object": "Name of the object",
	"interface": "An interface", "route": "A route of the main routing table", "script": "A program", "file": "A file with a weight",
	"<interface>": "Name of an interface", "<file>": "Absolute path", "<destination>": "As 0.0.0.0/0 or 2001:db8::/32",
	"arguments": "Arguments of the program; \"double quotes\" hold words together",
	"up":        "Up", "down": "Down", "time": "As 5s or 500ms; seconds without a unit", "count": "How many",
}

// trackKind is a command that says what an object tracks. It makes the object if there is none.
func trackKind(kind, values, help string, set func(*conf.Track, *completions.Step) error) setting {
	words := with(trackWords)
	words[kind] = help
	return setting{
		id: "track." + kind, keys: []string{"track"}, part: true, render: noLines, words: words, help: help,
		syntax: "track <object> " + kind + " " + values, no: "track <object> " + kind + " [" + values + "]",
		set: func(t *target, step *completions.Step) error {
			tracks := slices.Clone(t.file.Tracks)
			at := trackAt(tracks, step)
			if at < 0 {
				name := step.Value("object")
				tracks, at = append(tracks, conf.Track{Name: &name}), len(tracks)
			}
			o := &tracks[at]
			o.Interface, o.Route, o.Script, o.File = nil, nil, nil, nil
			t.file.Tracks = tracks
			return set(o, step)
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			return editTrack(t, step, func(list []conf.Track, at int) []conf.Track {
				o := &list[at]
				switch kind {
				case "interface":
					o.Interface = nil
				case "route":
					o.Route = nil
				case "script":
					o.Script = nil
				default:
					o.File = nil
				}
				return list
			})
		},
	}
}

// trackText and trackNumber are the commands for what else an object has.
func trackText(name, values, help string, f func(*conf.Track) **string) setting {
	return trackPart(name, values, help, func(o *conf.Track, step *completions.Step) error {
		var v string
		if len(step.Args) < 2 { // a choice
			v = step.Words[len(step.Words)-1]
		} else {
			v = step.Args[1].Value
		}
		if strings.HasSuffix(values, ":duration>") {
			v = withUnit(v)
		}
		*f(o) = &v
		return nil
	}, func(o *conf.Track) { *f(o) = nil })
}

func trackNumber(name, help string, f func(*conf.Track) **int) setting {
	return trackPart(name, "<count:1-100>", help, func(o *conf.Track, step *completions.Step) error {
		n, err := strconv.Atoi(step.Value("count"))
		if err != nil {
			return &argError{name: "count", msg: "not a number"}
		}
		*f(o) = &n
		return nil
	}, func(o *conf.Track) { *f(o) = nil })
}

func trackPart(name, values, help string, set func(*conf.Track, *completions.Step) error, unset func(*conf.Track)) setting {
	words := with(trackWords)
	words[name] = help
	return setting{
		id: "track." + name, keys: []string{"track"}, part: true, render: noLines, words: words, help: help,
		syntax: "track <object> " + name + " " + values, no: "track <object> " + name + " [" + values + "]",
		set: func(t *target, step *completions.Step) (err error) {
			return errorsOr(editTrack(t, step, func(list []conf.Track, at int) []conf.Track {
				err = set(&list[at], step)
				return list
			}), &err)
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			return editTrack(t, step, func(list []conf.Track, at int) []conf.Track {
				unset(&list[at])
				return list
			})
		},
	}
}

func errorsOr(a error, b *error) error {
	if a != nil {
		return a
	}
	return *b
}

func trackAt(list []conf.Track, step *completions.Step) int {
	return slices.IndexFunc(list, func(o conf.Track) bool { return valueOf(o.Name) == step.Value("object") })
}

// editTrack edits a copy of the list of objects, at the one that the command names.
func editTrack(t *target, step *completions.Step, edit func([]conf.Track, int) []conf.Track) error {
	at := trackAt(t.file.Tracks, step)
	if at < 0 {
		return &argError{name: "object", msg: "there is no such object: say first what it tracks"}
	}
	list := edit(slices.Clone(t.file.Tracks), at)
	if len(list) == 0 {
		list = nil
	}
	t.file.Tracks = list
	return nil
}

// trackLines returns the commands that configure an object.
func trackLines(o *conf.Track) []string {
	command := "track " + completions.Quote(valueOf(o.Name))
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, command+" "+fmt.Sprintf(format, args...)) }
	if o.Interface != nil {
		add("interface %s", completions.Quote(*o.Interface))
	}
	if o.Route != nil {
		add("route %s", completions.Quote(*o.Route))
	}
	if o.File != nil {
		add("file %s", completions.Quote(*o.File))
	}
	if len(o.Script) > 0 {
		add("script %s", commandLine(o.Script))
	}
	for _, p := range []struct {
		name  string
		value *string
	}{{"interval", o.Interval}, {"timeout", o.Timeout}, {"initial", o.Initial}, {"user", o.User}} {
		if p.value != nil {
			add("%s %s", p.name, completions.Quote(*p.value))
		}
	}
	if o.Rise != nil {
		add("rise %d", *o.Rise)
	}
	if o.Fall != nil {
		add("fall %d", *o.Fall)
	}
	return lines
}

// commandLine writes a program and its arguments as they are typed.
func commandLine(command []string) string {
	if len(command) == 1 {
		return completions.Quote(command[0])
	}
	return completions.Quote(command[0]) + " " + completions.Join(command[1:])
}

// routerTrack edits what a virtual router depends on.
var routerTrack = setting{
	id: "vrouter.track", keys: []string{"vrouter.track"},
	syntax: "track <object:track> [decrement <decrement:1-253>]", no: "track [<object:track>] [decrement [<decrement:1-253>]]",
	help: "Depend on a tracked object: while it is down, lose priority (decrement) or stop",
	words: map[string]string{
		"track": "Depend on a tracked object", "object": "Name of the object",
		"decrement": "Lose priority instead of stopping", "<decrement>": "How much",
	},
	set: func(t *target, step *completions.Step) error {
		name := step.Value("object")
		entry := conf.Tracking{Object: &name}
		if a, given := step.Arg("decrement"); given {
			n, err := strconv.Atoi(a.Value)
			if err != nil {
				return &argError{name: "decrement", msg: "not a number"}
			}
			entry.Decrement = &n
		}
		list := slices.Clone(t.router.Track)
		if at := trackingAt(list, name); at >= 0 {
			list[at] = entry
		} else {
			list = append(list, entry)
		}
		t.router.Track = list
		return nil
	},
	unset: func(t *target, step *completions.Step, _ completions.Form) error {
		name, named := step.Arg("object")
		list := slices.Clone(t.router.Track)
		at := trackingAt(list, name.Value)
		switch {
		case !named:
			list = nil
		case at < 0:
			return &argError{name: "object", msg: "this virtual router does not track it"}
		case step.Has("decrement"):
			list[at].Decrement = nil
		default:
			list = slices.Delete(list, at, at+1)
		}
		if len(list) == 0 {
			list = nil
		}
		t.router.Track = list
		return nil
	},
	render: func(t *target, _ func(string) string) []string {
		var lines []string
		for _, e := range t.router.Track {
			line := "track " + completions.Quote(valueOf(e.Object))
			if e.Decrement != nil {
				line += fmt.Sprintf(" decrement %d", *e.Decrement)
			}
			lines = append(lines, line)
		}
		return lines
	},
}

func trackingAt(list []conf.Tracking, name string) int {
	return slices.IndexFunc(list, func(e conf.Tracking) bool { return valueOf(e.Object) == name })
}
