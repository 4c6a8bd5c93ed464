// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// typed describes a wrong value in the words of the command line; "" if no command sets the key.
func (v *validator) typed(path, value, problem string) string {
	about, words := v.command(path)
	switch {
	case words == "":
		return ""
	case value == "false":
		words = "no " + words
	case value != "" && value != "true":
		words += " " + value
	}
	return about + words + " " + inCommands(problem)
}

// command returns the subject of a path, as in "eth0 group 51: ", and the command that sets the key; "" if no command
// does.
func (v *validator) command(path string) (about, words string) {
	t := v.file
	for name := range strings.SplitSeq(path, ".") {
		name, rest, _ := strings.Cut(name, "[")
		k := t.schema.named[name]
		if k == nil {
			return "", ""
		}
		switch value := t.get(k).(type) {
		case *Table:
			t = value
			words = k.CommandWords()
			continue
		case []*Table:
			i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
			if err != nil || i >= len(value) {
				return about, k.CommandWords()
			}
			t = value[i]
			if k == Track.Key { // one command of the virtual router
				words = k.CommandWords() + " " + TrackingObject.Value(t)
				continue
			}
			if about = tableName(k, t, i); about == "" {
				return "", ""
			}
			about, words = about+": ", ""
			continue
		}
		switch {
		case t.schema == trackingTable && k != TrackingObject.Key:
			words += " " + k.Name
		case t.schema == trackingTable:
			words = Track.CommandWords()
		default:
			words = k.CommandWords()
		}
		return about, words
	}
	if words == "" { // the path is a whole table of a list
		return "", strings.TrimSuffix(about, ": ")
	}
	return about, words
}

// tableName returns the name of a list's table for messages; "" if the table lacks the keys for it.
func tableName(k *Key, t *Table, index int) string {
	switch k {
	case VRouters.Key:
		return RouterName(t)
	case Tracks.Key:
		if name := TrackName.Value(t); name != "" {
			return "track " + name
		}
		return ""
	case Notify.Key:
		return "notify " + HookName(t, index)
	case Static.Key:
		if !StaticRoute.IsSet(t) {
			return ""
		}
		return "ip route " + Destination(t)
	default:
		return ""
	}
}

// fileWords matches keys of the file in a sentence, with the values given for them, and quoted text, which may be
// anything.
var fileWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b([a-z_0-9]+(?:\.[a-z_]+)*)(?:\[\d+\])?( = (?:"([^"]*)"|true|false))?`)
})

// inCommands replaces the keys of the file in a sentence with the commands that set them: "accept_mode = false"
// becomes "no accept-mode".
func inCommands(text string) string {
	return fileWords().ReplaceAllStringFunc(text, func(found string) string {
		m := fileWords().FindStringSubmatch(found)
		if !strings.Contains(m[1], "_") && !strings.Contains(m[1], ".") && m[2] == "" {
			return found // an ordinary word, or quoted
		}
		k := byWords()[m[1]]
		switch {
		case k == nil:
			return found
		case strings.HasSuffix(m[2], "= false"):
			return "no " + k.CommandWords()
		case m[3] != "":
			return k.CommandWords() + " " + m[3]
		default:
			return k.CommandWords()
		}
	})
}

// byWords maps names to the keys of virtual routers, and paths to the keys of the top level and of
// single tables below it.
var byWords = sync.OnceValue(func() map[string]*Key {
	m := map[string]*Key{}
	for _, k := range RouterTable.keys {
		m[k.Name] = k
	}
	var add func(*Schema)
	add = func(s *Schema) {
		for _, k := range s.keys {
			m[k.Path()] = k
			if below, single := k.Type.(SubTable); single {
				add(below.Of)
			}
		}
	}
	add(Root)
	return m
})
