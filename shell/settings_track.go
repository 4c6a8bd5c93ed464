package shell

import (
	"fmt"
	"slices"
	"strconv"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// trackTables is the list of tracked objects.
var trackTables = tableMode{
	word: "track", value: "object", mode: completions.ConfigTrack, help: "Configure an object that virtual routers depend on",
	unknown: "there is no such object", hint: "say what it tracks (interface, route, script or file)",
	makers: []setting{
		trackKind("interface", "<interface>", "Track an interface: up while it is up and has a carrier",
			func(o *conf.Track, step *completions.Step) {
				v := step.Value("interface")
				o.Interface = &v
			}),
		trackKind("route", "<destination>", "Track a route of the main routing table",
			func(o *conf.Track, step *completions.Step) {
				v := step.Value("destination")
				o.Route = &v
			}),
		trackKind("file", "<file>", "Track the integer in a file, which is added to the priority",
			func(o *conf.Track, step *completions.Step) {
				v := step.Value("file")
				o.File = &v
			}),
		trackKind("script", "<file> [<arguments...:words>]", "Track a program: up while it ends with status 0",
			func(o *conf.Track, step *completions.Step) {
				o.Script = append([]string{step.Value("file")}, completions.Split(step.Value("arguments"))...)
			}),
	},
	settings: []setting{
		duration("track.interval", "interval <time:duration>", "How often a script is run, or a file read (default 1s)",
			inTrack(func(o *conf.Track) **string { return &o.Interval })),
		duration("track.timeout", "timeout <time:duration>", "When a script is killed (default: after the interval)",
			inTrack(func(o *conf.Track) **string { return &o.Timeout })),
		number("track.rise", "rise <count:1-100>", "Successes in a row that bring a script up (default 1)",
			inTrack(func(o *conf.Track) **int { return &o.Rise }), "count", "How many"),
		number("track.fall", "fall <count:1-100>", "Failures in a row that bring a script down (default 1)",
			inTrack(func(o *conf.Track) **int { return &o.Fall }), "count", "How many"),
		text("track.initial", "initial up|down", "What a script counts as until its first result (default up)",
			inTrack(func(o *conf.Track) **string { return &o.Initial }), "up", "Up", "down", "Down"),
		text("track.user", "user <user:word>", "User that a script runs as (default nobody)",
			inTrack(func(o *conf.Track) **string { return &o.User }), "<user>", "Name of a user of the system"),
	},
	list: func(f *conf.File) (names []string, list []*target) {
		for i := range f.Tracks {
			names = append(names, valueOf(f.Tracks[i].Name))
			list = append(list, &target{file: f, track: &f.Tracks[i]})
		}
		return names, list
	},
	target: func(f *conf.File, name string) *target {
		f.Tracks = slices.Clone(f.Tracks)
		at := slices.IndexFunc(f.Tracks, trackNamed(name))
		if at < 0 {
			f.Tracks, at = append(f.Tracks, conf.Track{Name: &name}), len(f.Tracks)
		}
		return &target{file: f, track: &f.Tracks[at]}
	},
	remove: removeTrack,
}

func removeTrack(f *conf.File, name string) {
	if f.Tracks = slices.DeleteFunc(slices.Clone(f.Tracks), trackNamed(name)); len(f.Tracks) == 0 {
		f.Tracks = nil
	}
}

func trackNamed(name string) func(conf.Track) bool {
	return func(o conf.Track) bool { return valueOf(o.Name) == name }
}

func inTrack[T any](f func(*conf.Track) **T) field[T] {
	return func(t *target, _ bool) **T {
		if t.track == nil {
			return nil
		}
		return f(t.track)
	}
}

var trackWords = map[string]string{
	"track": "Configure an object that virtual routers depend on", "object": "Name of the object",
	"<interface>": "Name of an interface", "<file>": "Absolute path", "<destination>": "As 0.0.0.0/0 or 2001:db8::/32",
	"arguments": "Arguments of the program; \"double quotes\" hold words together",
}

// trackKind is a command that says what an object tracks.
func trackKind(kind, values, help string, set func(*conf.Track, *completions.Step)) setting {
	return setting{
		id: "track." + kind, keys: []string{"track.interface", "track.route", "track.script", "track.file"},
		words: with(trackWords, kind, help), help: help,
		syntax: "track <object> " + kind + " " + values, no: "track <object> " + kind + " [" + values + "]",
		set: func(t *target, step *completions.Step) error {
			o := t.track
			o.Interface, o.Route, o.Script, o.File = nil, nil, nil, nil
			set(o, step)
			return nil
		},
		// An object tracks one thing, so that without it there is none.
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			is := trackTargets(t.track)[kind]
			switch a, given := step.Arg(valueNames[kind]); {
			case is == "":
				return &argError{name: "object", msg: "it tracks something else"}
			case given && a.Value != is:
				return &argError{name: a.Name, msg: "it tracks " + kind + " " + is}
			}
			removeTrack(t.file, step.Value("object"))
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			if t.track == nil {
				return nil
			}
			return trackHeads(t.track)
		},
	}
}

// valueNames are what the commands call the value that goes with a kind.
var valueNames = map[string]string{"interface": "interface", "route": "destination", "file": "file", "script": "file"}

// trackTargets returns what an object tracks, by kind.
func trackTargets(o *conf.Track) map[string]string {
	m := map[string]string{"interface": valueOf(o.Interface), "route": valueOf(o.Route), "file": valueOf(o.File)}
	if len(o.Script) > 0 {
		m["script"] = o.Script[0]
	}
	return m
}

// trackHeads returns the commands that say what an object tracks: one, in a valid configuration.
func trackHeads(o *conf.Track) []string {
	command := "track " + completions.Quote(valueOf(o.Name))
	var lines []string
	for _, k := range []struct {
		name  string
		value *string
	}{{"interface", o.Interface}, {"route", o.Route}, {"file", o.File}} {
		if k.value != nil {
			lines = append(lines, command+" "+k.name+" "+completions.Quote(*k.value))
		}
	}
	if len(o.Script) > 0 {
		lines = append(lines, command+" script "+commandLine(o.Script))
	}
	if lines == nil {
		lines = []string{command}
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
