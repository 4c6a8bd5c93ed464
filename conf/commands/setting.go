// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine/vrrp"
)

// A setting is a command that sets keys of the file. Most settings follow from the declaration of their key (see plain); those
// that edit several keys or lists have hand-written code.
type setting struct {
	id     string
	syntax string
	// no is the syntax after "no" and "default"; derived from syntax when empty.
	no    string
	help  string
	words map[string]string
	keys  []*conf.Key
	// set and unset edit the target; their errors are about the value that the user typed. An unset that leaves the target
	// without a table removes the object.
	set   func(t *target, step *completions.Step) error
	unset func(t *target, step *completions.Step, form completions.Form) error
	// render returns the commands that set the current values. Texts that pass through secret are written as it returns them,
	// the rest in clear.
	render func(t *target, secret func(string) string) []string
	// secret is the name of an argument that must not be shown. asks reports whether the shell must ask for it.
	secret string
	asks   func(step *completions.Step) bool
}

// target is what a setting edits: a table of the file. Outside lists, the table is the file itself.
type target struct {
	file   *conf.File
	table  *conf.Table
	family vrrp.Family // of a virtual router
}

// version returns the version of a virtual router, or 0 while it is undetermined.
func (t *target) version() vrrp.Version {
	if t.family == vrrp.IPv6 {
		return vrrp.V3
	}
	return vrrp.Version(conf.Version.Value(t.table))
}

func rootOf(file *conf.File) *target { return &target{file: file, table: file} }

// argError is an error about one argument of the line.
type argError struct {
	name string
	msg  string
}

func (e *argError) Error() string { return e.msg }

// arg returns the value given to a setting: its first argument, or else its last keyword.
func arg(step *completions.Step) string {
	if len(step.Args) > 0 {
		return step.Args[0].Value
	}
	return step.Words[len(step.Words)-1]
}

// unsetKeys returns an unset that removes all keys of a setting from the file.
func unsetKeys(keys ...*conf.Key) func(*target, *completions.Step, completions.Form) error {
	return func(t *target, _ *completions.Step, _ completions.Form) error {
		for _, k := range keys {
			k.Unset(t.table)
		}
		return nil
	}
}

// plain returns the setting of a key with one value, built from the declaration of the key.
func plain(k *conf.Key) setting {
	command := k.CommandWords()
	s := setting{id: k.Path(), syntax: command, help: k.Help, words: map[string]string{}, keys: []*conf.Key{k}}
	for word, help := range k.Words {
		s.words[word] = help
	}
	switch t := k.Type.(type) {
	case conf.Boolean:
		return onOff(s, k)
	case conf.Choice:
		s.syntax += " " + choices(t, s.words)
	case conf.Duration:
		s.value(k, "time", "Such as 30s or 500ms; without a unit, in seconds")
		s.help = withDefault(k)
	case conf.Integer:
		s.value(k, command[strings.LastIndexAny(command, " -")+1:], "")
		s.help = withDefault(k)
	default:
		s.value(k, cmp.Or(k.Type.Param(), "text"), "")
	}
	s.set = func(t *target, step *completions.Step) error {
		v, err := k.Type.Parse(arg(step))
		if err != nil {
			return &argError{name: step.Args[0].Name, msg: err.Error()}
		}
		k.SetRaw(t.table, v)
		return nil
	}
	s.unset = unsetKeys(k)
	s.render = func(t *target, _ func(string) string) []string {
		if v := k.Raw(t.table); v != nil {
			return []string{command + " " + completions.Quote(conf.FormatValue(v))}
		}
		return nil
	}
	return s
}

// choices returns the words of a choice in syntax notation, and adds their help to help.
func choices(c conf.Choice, help map[string]string) string {
	var words []string
	for _, w := range c.All() {
		words = append(words, w.Word)
		help[w.Word] = w.Help
	}
	return strings.Join(words, "|")
}

// withDefault adds the default to the help of a key.
func withDefault(k *conf.Key) string {
	if k.Default == nil || k.Absent != "" || strings.Contains(k.Help, "(default") {
		return k.Help
	}
	return fmt.Sprintf("%s (default %s)", k.Help, conf.FormatValue(k.Default))
}

// value adds the value of a key to the syntax, with the name and help from the key if it has them, else with the given ones.
func (s *setting) value(k *conf.Key, name, help string) {
	if k.Value != "" {
		name = k.Value
	}
	if k.ValueHelp != "" {
		help = k.ValueHelp
	}
	if param := k.Type.Param(); param == "" {
		s.syntax += " <" + name + "...>"
	} else {
		s.syntax += " <" + name + ":" + param + ">"
	}
	if help != "" {
		s.words["<"+name+">"] = help
	}
}

// onOff completes the setting of a boolean key. False is written as "no", unless false is the default: then "no" removes the
// setting.
func onOff(s setting, k *conf.Key) setting {
	standard := k.Default == true
	s.no = s.syntax
	s.set = func(t *target, _ *completions.Step) error {
		k.SetRaw(t.table, true)
		return nil
	}
	s.unset = func(t *target, _ *completions.Step, form completions.Form) error {
		if form == completions.No && standard {
			k.SetRaw(t.table, false)
		} else {
			k.Unset(t.table)
		}
		return nil
	}
	command := s.syntax
	s.render = func(t *target, _ func(string) string) []string {
		switch k.Raw(t.table) {
		case true:
			return []string{command}
		case false:
			if standard {
				return []string{"no " + command}
			}
		}
		return nil
	}
	return s
}

// leading returns the keywords of a syntax before its first value or choice.
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
		Words: s.words, Level: completions.Administrator, Setting: true, Secret: s.secret,
	}
}

func settingID(mode completions.Mode, id string) string { return "set." + string(mode) + "." + id }

// check checks whether the value just given to a setting is legal, by validating a configuration with no other settings. A
// value legal in one VRRP version passes unless the version of the virtual router is known.
func (s *setting) check(t *target) error {
	switch t.table.Schema() {
	case conf.Root:
		return s.problem(conf.NewFile(), t)
	case conf.TrackTable: // the kind of the object decides which keys apply
		probe := conf.TrackTable.New()
		copyKeys(probe, t.table, append(conf.TrackKinds(), conf.TrackName.Key)...)
		return s.problem(listed(conf.Tracks, probe), t)
	case conf.NotifyTable:
		probe := conf.NotifyTable.New()
		copyKeys(probe, t.table, conf.NotifyName.Key, conf.NotifyCommand.Key)
		return s.problem(listed(conf.Notify, probe), t)
	}
	versions := []int{int(vrrp.V2), int(vrrp.V3)}
	address := "192.0.2.1"
	if t.family == vrrp.IPv6 {
		address = "fe80::1"
	}
	if told := t.version(); told != 0 && slices.ContainsFunc(s.keys, (*conf.Key).ByVersion) {
		versions = []int{int(told)}
	}
	var first error
	for _, version := range versions {
		probe := conf.RouterTable.New()
		copyKeys(probe, t.table, conf.Group.Key, conf.Interface.Key)
		conf.Version.Set(probe, version)
		conf.VIP.Set(probe, address)
		err := s.problem(listed(conf.VRouters, probe), t)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// listed returns a file with one table in a list.
func listed(list conf.KeyOf[[]*conf.Table], t *conf.Table) *conf.File {
	file := conf.NewFile()
	list.Set(file, []*conf.Table{t})
	return file
}

// problem validates probe with the setting's keys copied into it from t.
func (s *setting) problem(probe *conf.File, t *target) error {
	to := probe
	if holder := t.table.Schema().Holder(); holder != nil {
		to = holder.Raw(probe).([]*conf.Table)[0]
	}
	copyKeys(to, t.table, s.keys...)
	_, err := conf.Validate(probe, nil)
	var faults conf.Faults
	if !errors.As(err, &faults) {
		return nil
	}
	for _, f := range faults {
		path := withoutIndexes(f.Path)
		for _, o := range settings().objects {
			if path == o.name.Path() {
				return &argError{name: o.value, msg: f.Value + " " + f.Problem}
			}
		}
		if slices.ContainsFunc(s.keys, func(k *conf.Key) bool { return isAbout(path, k) }) {
			return errors.New(strings.TrimSpace(f.Value + " " + f.Problem))
		}
	}
	return nil
}

// isAbout reports whether a fault is about a key or something below it. A reference to something not yet configured does not
// count as a fault.
func isAbout(path string, k *conf.Key) bool {
	switch path {
	case conf.StaticGroup.Path(), conf.StaticInterface.Path(), conf.TrackingObject.Path():
		return false
	default:
		return path == k.Path() || strings.HasPrefix(path, k.Path()+".")
	}
}

// withoutIndexes turns the path of a fault into the path of a key: "vrouter[0].vips[1]" becomes "vrouter.vips".
func withoutIndexes(path string) string {
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
	return b.String()
}

// copyKeys copies the values of keys, and unsets those that have none.
func copyKeys(to, from *conf.Table, keys ...*conf.Key) {
	for _, k := range keys {
		k.SetRaw(to, conf.CloneValue(k.Raw(from)))
	}
}
