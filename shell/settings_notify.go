package shell

import (
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// notifySettings edit the list of programs that are run for events. The first shows all that the
// others edit.
var notifySettings = []setting{
	{
		id: "notify.command", keys: []string{"notify"}, help: "Run a program for events",
		syntax: "notify <hook> command <file> [<arguments...:words>]", no: "notify <hook> [command [<file> [<arguments...:words>]]]",
		words: with(notifyWords),
		set: func(t *target, step *completions.Step) error {
			hooks := namedHooks(t.file)
			at := hookAt(hooks, step)
			if at < 0 {
				name := step.Value("hook")
				hooks, at = append(hooks, conf.Notify{Name: &name}), len(hooks)
			}
			hooks[at].Command = append([]string{step.Value("file")}, completions.Split(step.Value("arguments"))...)
			t.file.Notify = hooks
			return nil
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			return editHook(t, step, func(list []conf.Notify, at int) []conf.Notify { return slices.Delete(list, at, at+1) })
		},
		render: func(t *target, _ func(string) string) []string {
			var lines []string
			for _, h := range namedHooks(t.file) {
				command := "notify " + completions.Quote(*h.Name)
				if len(h.Command) > 0 {
					lines = append(lines, command+" command "+commandLine(h.Command))
				}
				if len(h.Events) > 0 {
					lines = append(lines, command+" events "+completions.Join(h.Events))
				}
				if h.Timeout != nil {
					lines = append(lines, command+" timeout "+completions.Quote(*h.Timeout))
				}
				if h.User != nil {
					lines = append(lines, command+" user "+completions.Quote(*h.User))
				}
			}
			return lines
		},
	},
	notifyPart("events", "<events...>", "Events to run it for (default transition)", func(h *conf.Notify, value string) {
		h.Events = strings.Fields(value)
	}),
	notifyPart("timeout", "<time:duration>", "When it is killed (default 10s)", func(h *conf.Notify, value string) {
		h.Timeout = nil
		if value != "" {
			v := withUnit(value)
			h.Timeout = &v
		}
	}),
	notifyPart("user", "<user:word>", "User that it runs as (default nobody)", func(h *conf.Notify, value string) {
		h.User = nil
		if value != "" {
			h.User = &value
		}
	}),
}

var notifyWords = map[string]string{
	"notify": "Run programs for events", "hook": "Name of the notification", "command": "The program",
	"file": "Absolute path of the program", "arguments": "Arguments of the program; \"double quotes\" hold words together",
	"events": "Events to run it for", "<events>": "Words of transition, init, backup, master, fault, link, track, config",
	"time": "As 5s or 500ms; seconds without a unit",
}

// notifyPart is a command for what else a hook has; an empty value takes it back.
func notifyPart(name, values, help string, set func(h *conf.Notify, value string)) setting {
	words := with(notifyWords)
	words[name] = help
	edit := func(t *target, step *completions.Step, value string) error {
		return editHook(t, step, func(list []conf.Notify, at int) []conf.Notify {
			set(&list[at], value)
			return list
		})
	}
	return setting{
		id: "notify." + name, keys: []string{"notify"}, part: true, render: noLines, words: words, help: help,
		syntax: "notify <hook> " + name + " " + values, no: "notify <hook> " + name + " [" + values + "]",
		set: func(t *target, step *completions.Step) error {
			return edit(t, step, step.Args[len(step.Args)-1].Value)
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error { return edit(t, step, "") },
	}
}

// namedHooks returns a copy of the list in which every hook has its name.
func namedHooks(f *conf.File) []conf.Notify {
	list := slices.Clone(f.Notify)
	for i := range list {
		name := conf.HookName(&list[i], i)
		list[i].Name = &name
	}
	return list
}

func hookAt(list []conf.Notify, step *completions.Step) int {
	return slices.IndexFunc(list, func(h conf.Notify) bool { return *h.Name == step.Value("hook") })
}

func editHook(t *target, step *completions.Step, edit func([]conf.Notify, int) []conf.Notify) error {
	hooks := namedHooks(t.file)
	at := hookAt(hooks, step)
	if at < 0 {
		return &argError{name: "hook", msg: "there is no such notification: give its command first"}
	}
	if hooks = edit(hooks, at); len(hooks) == 0 {
		hooks = nil
	}
	t.file.Notify = hooks
	return nil
}

// with copies a map of explanations, for a command to add its own.
func with(words map[string]string) map[string]string {
	m := make(map[string]string, len(words)+1)
	for k, v := range words {
		m[k] = v
	}
	return m
}
