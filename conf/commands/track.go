// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

const (
	trackHelp  = "Configure an object that virtual routers depend on"
	notifyHelp = "Configure a program to run for events"
	// argumentsSyntax follows the path of a program.
	argumentsSyntax = "[<arguments...:words>]"
	argumentsHelp   = `Arguments of the program; "double quotes" hold words together`
)

// trackObjects is the list of tracked objects.
var trackObjects = object{
	list: conf.Tracks, name: conf.TrackName, nameOf: func(t *conf.Table, _ int) string { return conf.TrackName.Value(t) },
	word: "track", value: "object", mode: completions.ConfigTrack, help: trackHelp,
	unknown: "there is no such object", hint: "say what it tracks (interface, route, script or file)",
	makers: trackMakers(),
}

func trackMakers() []setting {
	var list []setting
	for _, k := range conf.TrackKinds() {
		list = append(list, trackMaker(k))
	}
	return list
}

// trackMaker returns the command that says what an object tracks.
func trackMaker(k *conf.Key) setting {
	value := k.Type.Param()
	values := "<" + value + ">"
	_, runs := k.Type.(conf.Strings)
	if runs {
		value, values = "file", "<file> "+argumentsSyntax
	}
	words := map[string]string{k.Name: k.Help, "track": trackHelp, "object": "Name of the object", "arguments": argumentsHelp}
	if k.ValueHelp != "" {
		words["<"+value+">"] = k.ValueHelp
	}
	return setting{
		id: k.Path(), keys: conf.TrackKinds(), help: k.Help, words: words,
		syntax: "track <object> " + k.Name + " " + values, no: "track <object> " + k.Name + " [" + values + "]",
		set: func(t *target, step *completions.Step) error {
			for _, other := range conf.TrackKinds() {
				other.Unset(t.table)
			}
			if runs {
				k.SetRaw(t.table, program(step))
			} else {
				k.SetRaw(t.table, step.Value(value))
			}
			return nil
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			is := ""
			switch v := k.Raw(t.table).(type) {
			case string:
				is = v
			case []string:
				is = v[0]
			default:
				return &argError{name: "object", msg: "it tracks something else"}
			}
			if a, given := step.Arg(value); given && a.Value != is {
				return &argError{name: a.Name, msg: "it tracks " + k.Name + " " + is}
			}
			t.table = nil // an object tracks exactly one thing: without it the object goes
			return nil
		},
		render: func(t *target, _ func(string) string) []string { return trackHeads(t.table) },
	}
}

// trackHeads returns the commands that say what an object tracks: exactly one in a valid
// configuration.
func trackHeads(t *conf.Table) []string {
	command := "track " + completions.Quote(conf.TrackName.Value(t))
	var lines []string
	for _, k := range conf.TrackKinds() {
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

// notifyObjects is the list of programs that run on events.
var notifyObjects = object{
	list: conf.Notify, name: conf.NotifyName, nameOf: conf.HookName,
	word: "notify", value: "hook", mode: completions.ConfigNotify, help: notifyHelp,
	unknown: "there is no such notification", hint: "give its command",
	makers: []setting{{
		id: conf.NotifyCommand.Path(), keys: []*conf.Key{conf.NotifyCommand.Key}, help: conf.NotifyCommand.Help,
		syntax: "notify <hook> command <file> " + argumentsSyntax, no: "notify <hook> command [<file> " + argumentsSyntax + "]",
		words: map[string]string{
			"notify": notifyHelp, "hook": "Name of the notification", "command": "The program",
			"<file>": conf.NotifyCommand.ValueHelp, "arguments": argumentsHelp,
		},
		set: func(t *target, step *completions.Step) error {
			conf.NotifyCommand.Set(t.table, program(step))
			return nil
		},
		unset: func(t *target, _ *completions.Step, _ completions.Form) error {
			t.table = nil
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			line := "notify " + completions.Quote(conf.NotifyName.Value(t.table))
			if command := conf.NotifyCommand.Value(t.table); len(command) > 0 {
				line += " command " + commandLine(command)
			}
			return []string{line}
		},
	}},
}

// program returns the program and its arguments from a line, in the form of the file.
func program(step *completions.Step) []string {
	return append([]string{step.Value("file")}, completions.Split(step.Value("arguments"))...)
}

// commandLine writes a program and its arguments in the form that a user types.
func commandLine(command []string) string {
	if len(command) == 1 {
		return completions.Quote(command[0])
	}
	return completions.Quote(command[0]) + " " + completions.Join(command[1:])
}

// notifyEvents edits the list as a whole.
var notifyEvents = setting{
	id: conf.NotifyEvents.Path(), keys: []*conf.Key{conf.NotifyEvents.Key}, help: conf.NotifyEvents.Help,
	syntax: "events <events...>",
	words:  map[string]string{"events": "Events to run the program for", "<events>": conf.NotifyEvents.ValueHelp},
	set: func(t *target, step *completions.Step) error {
		conf.NotifyEvents.Set(t.table, slices.Collect(strings.FieldsSeq(arg(step))))
		return nil
	},
	unset: unsetKeys(conf.NotifyEvents.Key),
	render: func(t *target, _ func(string) string) []string {
		if events, set := conf.NotifyEvents.In(t.table); set {
			return []string{"events " + completions.Join(events)}
		}
		return nil
	},
}
