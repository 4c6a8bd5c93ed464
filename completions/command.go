// SPDX-License-Identifier: GPL-3.0-only

package completions

// Mode is a mode of the shell; each has its own commands.
type Mode string

// The modes. Pipe is that of the words after "|".
const (
	Exec         Mode = "exec"
	Config       Mode = "config"
	ConfigIf     Mode = "config-if"
	ConfigRouter Mode = "config-vrrp"
	ConfigTrack  Mode = "config-track"
	ConfigNotify Mode = "config-notify"
	Pipe         Mode = "pipe"
)

// parents says where a command is looked for when its mode does not know it.
var parents = map[Mode]Mode{ConfigIf: Config, ConfigRouter: ConfigIf, ConfigTrack: Config, ConfigNotify: Config}

// Parent returns the mode that contains m, or "" when none does.
func (m Mode) Parent() Mode { return parents[m] }

// Level is what a user may do. The numbers are those of the users list of the
// configuration.
type Level uint8

// The lowest level of each role.
const (
	Viewer        Level = 0
	Operator      Level = 5
	Administrator Level = 9
)

// String returns the role: "viewer", "operator" or "administrator".
func (l Level) String() string {
	switch {
	case l >= Administrator:
		return "administrator"
	case l >= Operator:
		return "operator"
	default:
		return "viewer"
	}
}

// Command is one command.
//
// Syntax is written as in the reference: words stand for themselves, "a|b" is a choice, "[...]" is
// optional (adjacent optional parts in any order, each once), "<name>" is a
// value, "<name:1-255>" an integer, "<name:type>" a value of a Type,
// "<name...>" the rest of the line, and "<name...:words>" the rest of the line as it was typed, for Split.
type Command struct {
	ID     string
	Modes  []Mode
	Syntax string
	Help   string
	// Words explains keywords, and values by their name, in angle brackets where a keyword has the
	// same. A keyword without an entry takes the tree's topic, or Help when it is the last one that is needed.
	Words map[string]string
	Level Level
	// Enter is the mode that the command leads to. The settings of that mode may follow on the same line.
	Enter Mode
	// Setting says that the command is part of the configuration, so that it may follow
	// the command that leads to its mode.
	Setting bool
	// No is the syntax after "no" and "default"; "" when they do not exist.
	No string
	// Yields says that an abbreviation of the first word means another command if there is one: "conf" is
	// configure, not confirm.
	Yields bool
	// Secret is the name of a value that must not be shown, "" if there is none.
	Secret string
	// Demo commands exist in the demo only.
	Demo bool
}

// Form is how a setting is used.
type Form uint8

// The forms.
const (
	Plain   Form = iota
	No           // "no X" takes the setting back, or switches it off
	Default      // "default X" takes the setting back
)

// String returns "", "no" or "default".
func (f Form) String() string {
	switch f {
	case No:
		return "no"
	case Default:
		return "default"
	default:
		return ""
	}
}

// Arg is a value of the line.
type Arg struct {
	Name   string
	Value  string
	Offset int // in bytes, where the word begins in the line
}

// Step is one command of a line. A line has several when it descends through
// modes: "interface eth0 vrrp 1 priority 200" has three.
type Step struct {
	Command *Command
	Mode    Mode
	// Words are the keywords in full, in the order of the line.
	Words []string
	Args  []Arg
}

// Has tells whether the keyword was given.
func (s *Step) Has(word string) bool {
	for _, w := range s.Words {
		if w == word {
			return true
		}
	}
	return false
}

// Value returns the value of a name, "" when it was not given.
func (s *Step) Value(name string) string {
	a, _ := s.Arg(name)
	return a.Value
}

// Arg returns the argument of a name.
func (s *Step) Arg(name string) (Arg, bool) {
	for _, a := range s.Args {
		if a.Name == name {
			return a, true
		}
	}
	return Arg{}, false
}

// Invocation is a line that parsed.
type Invocation struct {
	Line string
	Form Form
	// Do is true for a command of exec mode given in another mode with "do".
	Do bool
	// Steps has at least one element; the last is the command itself.
	Steps []Step
	Pipes []Step
}

// Last returns the command itself.
func (i *Invocation) Last() *Step { return &i.Steps[len(i.Steps)-1] }
