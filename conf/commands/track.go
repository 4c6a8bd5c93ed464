package commands

import (
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// trackObjects is the list of tracked objects.
var trackObjects = object{
	list: conf.Tracks, name: conf.TrackName, nameOf: trackName,
	word: "track", value: "object", mode: completions.ConfigTrack, help: "Configure an object that virtual routers depend on",
	unknown: "there is no such object", hint: "say what it tracks (interface, route, script or file)",
	makers: []setting{
		trackKind(conf.TrackInterface.Key, "<interface>"),
		trackKind(conf.TrackRoute.Key, "<destination>"),
		trackKind(conf.TrackFile.Key, "<file>"),
		trackKind(conf.TrackScript.Key, "<file> [<arguments...:words>]"),
	},
}

func trackName(t *conf.Table, _ int) string { return conf.TrackName.Value(t) }

// trackKeys are the keys of which an object has one, in the order in which they are shown.
var trackKeys = []*conf.Key{conf.TrackInterface.Key, conf.TrackRoute.Key, conf.TrackFile.Key, conf.TrackScript.Key}

// trackKind is a command that says what an object tracks.
func trackKind(k *conf.Key, values string) setting {
	value := strings.Trim(strings.Fields(values)[0], "<>")
	return setting{
		id: k.Path(), keys: []*conf.Key{conf.TrackInterface.Key, conf.TrackRoute.Key, conf.TrackScript.Key, conf.TrackFile.Key},
		words: map[string]string{
			k.Name: k.Help, "track": "Configure an object that virtual routers depend on", "object": "Name of the object",
			"<interface>": "Name of an interface", "<file>": "Absolute path", "<destination>": conf.TrackRoute.ValueHelp,
			"arguments": "Arguments of the program; \"double quotes\" hold words together",
		},
		help:   k.Help,
		syntax: "track <object> " + k.Name + " " + values, no: "track <object> " + k.Name + " [" + values + "]",
		set: func(t *target, step *completions.Step) error {
			for _, other := range trackKeys {
				other.Unset(t.table)
			}
			if k == conf.TrackScript.Key {
				conf.TrackScript.Set(t.table, program(step))
			} else {
				k.SetRaw(t.table, step.Value(value))
			}
			return nil
		},
		// An object tracks one thing, so that without it there is none.
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			is := conf.TrackScript.Value(t.table)
			if k != conf.TrackScript.Key && k.IsSet(t.table) {
				is = []string{k.Raw(t.table).(string)}
			} else if k != conf.TrackScript.Key {
				is = nil
			}
			switch a, given := step.Arg(value); {
			case is == nil:
				return &argError{name: "object", msg: "it tracks something else"}
			case given && a.Value != is[0]:
				return &argError{name: a.Name, msg: "it tracks " + k.Name + " " + is[0]}
			}
			removeNamed(t.file, conf.Tracks, conf.TrackName, trackName, step.Value("object"))
			t.table = nil
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			if t.table == nil {
				return nil
			}
			return trackHeads(t.table)
		},
	}
}

// program returns the command of a line, as a file has it.
func program(step *completions.Step) []string {
	return append([]string{step.Value("file")}, completions.Split(step.Value("arguments"))...)
}

// trackHeads returns the commands that say what an object tracks: one, in a valid configuration.
func trackHeads(t *conf.Table) []string {
	command := "track " + completions.Quote(conf.TrackName.Value(t))
	var lines []string
	for _, k := range trackKeys {
		switch v := k.Raw(t).(type) {
		case string:
			lines = append(lines, command+" "+k.Name+" "+completions.Quote(v))
		case []string:
			lines = append(lines, command+" "+k.Name+" "+commandLine(v))
		}
	}
	if lines == nil {
		lines = []string{command}
	}
	return lines
}

// notifyObjects is the list of programs that are run for events.
var notifyObjects = object{
	list: conf.Notify, name: conf.NotifyName, nameOf: conf.HookName,
	word: "notify", value: "hook", mode: completions.ConfigNotify, help: "Configure a program that is run for events",
	unknown: "there is no such notification", hint: "give its command",
	makers: []setting{{
		id: conf.NotifyCommand.Path(), keys: []*conf.Key{conf.NotifyCommand.Key}, help: conf.NotifyCommand.Help,
		syntax: "notify <hook> command <file> [<arguments...:words>]", no: "notify <hook> command [<file> [<arguments...:words>]]",
		words: map[string]string{
			"notify": "Configure a program that is run for events", "hook": "Name of the notification", "command": "The program",
			"<file>": "Absolute path of the program", "arguments": "Arguments of the program; \"double quotes\" hold words together",
		},
		set: func(t *target, step *completions.Step) error {
			conf.NotifyCommand.Set(t.table, program(step))
			return nil
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			removeNamed(t.file, conf.Notify, conf.NotifyName, conf.HookName, step.Value("hook"))
			t.table = nil
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			if t.table == nil {
				return nil
			}
			line := "notify " + completions.Quote(conf.NotifyName.Value(t.table))
			if command := conf.NotifyCommand.Value(t.table); len(command) > 0 {
				line += " command " + commandLine(command)
			}
			return []string{line}
		},
	}},
}

// notifyEvents edits a list as a whole.
var notifyEvents = setting{
	id: conf.NotifyEvents.Path(), keys: []*conf.Key{conf.NotifyEvents.Key}, help: conf.NotifyEvents.Help,
	syntax: "events <events...>",
	words: map[string]string{
		"events": "Events to run it for", "<events>": "Words of transition, init, backup, master, fault, link, track, config",
	},
	set: func(t *target, step *completions.Step) error {
		conf.NotifyEvents.Set(t.table, slices.Collect(strings.FieldsSeq(arg(step))))
		return nil
	},
	unset: unsetKeys(conf.NotifyEvents.Key),
	render: func(t *target, _ func(string) string) []string {
		if t.table == nil || !conf.NotifyEvents.IsSet(t.table) {
			return nil
		}
		return []string{"events " + completions.Join(conf.NotifyEvents.Value(t.table))}
	},
}
