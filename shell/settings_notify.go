package shell

import (
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// notifyTables is the list of programs that are run for events.
var notifyTables = tableMode{
	word: "notify", value: "hook", mode: completions.ConfigNotify, help: "Configure a program that is run for events",
	unknown: "there is no such notification", hint: "give its command",
	makers: []setting{{
		id: "notify.command", keys: []string{"notify.command"}, help: "Run a program for events",
		syntax: "notify <hook> command <file> [<arguments...:words>]", no: "notify <hook> command [<file> [<arguments...:words>]]",
		words: map[string]string{
			"notify": "Configure a program that is run for events", "hook": "Name of the notification", "command": "The program",
			"<file>": "Absolute path of the program", "arguments": "Arguments of the program; \"double quotes\" hold words together",
		},
		set: func(t *target, step *completions.Step) error {
			t.hook.Command = append([]string{step.Value("file")}, completions.Split(step.Value("arguments"))...)
			return nil
		},
		unset: func(t *target, step *completions.Step, _ completions.Form) error {
			removeHook(t.file, step.Value("hook"))
			return nil
		},
		render: func(t *target, _ func(string) string) []string {
			if t.hook == nil {
				return nil
			}
			line := "notify " + completions.Quote(*t.hook.Name)
			if len(t.hook.Command) > 0 {
				line += " command " + commandLine(t.hook.Command)
			}
			return []string{line}
		},
	}},
	settings: []setting{
		{
			id: "notify.events", keys: []string{"notify.events"}, help: "Events to run it for (default transition)",
			syntax: "events <events...>",
			words: map[string]string{
				"events": "Events to run it for", "<events>": "Words of transition, init, backup, master, fault, link, track, config",
			},
			set: func(t *target, step *completions.Step) error {
				t.hook.Events = strings.Fields(arg(step))
				return nil
			},
			unset: func(t *target, _ *completions.Step, _ completions.Form) error {
				t.hook.Events = nil
				return nil
			},
			render: func(t *target, _ func(string) string) []string {
				if t.hook == nil || len(t.hook.Events) == 0 {
					return nil
				}
				return []string{"events " + completions.Join(t.hook.Events)}
			},
		},
		duration("notify.timeout", "timeout <time:duration>", "When it is killed (default 10s)",
			inHook(func(h *conf.Notify) **string { return &h.Timeout })),
		text("notify.user", "user <user:word>", "User that it runs as (default nobody)",
			inHook(func(h *conf.Notify) **string { return &h.User }), "<user>", "Name of a user of the system"),
	},
	list: func(f *conf.File) (names []string, list []*target) {
		hooks := namedHooks(f)
		for i := range hooks {
			names = append(names, *hooks[i].Name)
			list = append(list, &target{file: f, hook: &hooks[i]})
		}
		return names, list
	},
	target: func(f *conf.File, name string) *target {
		f.Notify = namedHooks(f)
		at := slices.IndexFunc(f.Notify, hookNamed(name))
		if at < 0 {
			f.Notify, at = append(f.Notify, conf.Notify{Name: &name}), len(f.Notify)
		}
		return &target{file: f, hook: &f.Notify[at]}
	},
	remove: removeHook,
}

func removeHook(f *conf.File, name string) {
	if f.Notify = slices.DeleteFunc(namedHooks(f), hookNamed(name)); len(f.Notify) == 0 {
		f.Notify = nil
	}
}

func hookNamed(name string) func(conf.Notify) bool {
	return func(h conf.Notify) bool { return *h.Name == name }
}

func inHook[T any](f func(*conf.Notify) **T) field[T] {
	return func(t *target, _ bool) **T {
		if t.hook == nil {
			return nil
		}
		return f(t.hook)
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

// with copies a map of explanations and adds to it.
func with(words map[string]string, more ...string) map[string]string {
	m := pairs(more)
	for k, v := range words {
		m[k] = v
	}
	return m
}
