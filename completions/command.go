// SPDX-License-Identifier: GPL-3.0-only

package completions

import "errors"

// Mode is a mode of the shell; each has its own commands.
type Mode string

// The modes. Pipe is the mode of the words after "|".
const (
	Exec         Mode = "exec"
	Config       Mode = "config"
	ConfigIf     Mode = "config-if"
	ConfigRouter Mode = "config-vrrp"
	ConfigTrack  Mode = "config-track"
	ConfigNotify Mode = "config-notify"
	Pipe         Mode = "pipe"
)

// parents lists the mode to search when a mode does not know a command.
var parents = map[Mode]Mode{ConfigIf: Config, ConfigRouter: ConfigIf, ConfigTrack: Config, ConfigNotify: Config}

// Parent returns the mode that contains m, or "" when none does.
func (m Mode) Parent() Mode { return parents[m] }

// Level is the authorization level of a user, as in the users list of the configuration.
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

// Command is one command. Syntax uses the notation of the reference: words stand for themselves, "a|b" is a
// choice, "[...]" is optional (adjacent optional parts in any order, each once), "<name>" is a value,
// "<name:1-255>" an integer, "<name:type>" a value of a Type, "<name...>" the rest of the line, and
// "<name...:words>" the rest of the line as typed, for Split.
type Command struct {
	ID     string
	Modes  []Mode
	Syntax string
	// Also are the words of other network operating systems for the same command, in the same notation. They yield to all other
	// words, and are listed only where nothing else fits.
	Also []string
	Help string
	// Words holds the help of keywords, and of values by name (in angle brackets if a keyword has the same
	// name). A keyword without an entry takes the topic of the tree, or Help if it is the last required
	// keyword.
	Words map[string]string
	Level Level
	// Enter is the mode that the command enters. Settings of that mode may follow on the same line.
	Enter Mode
	// Setting is true for a part of the configuration, which may follow the command that enters its mode.
	Setting bool
	// No is the syntax after "no" and "default"; "" if the command has no such forms.
	No string
	// Yields gives precedence to other commands when the first word is abbreviated: "conf" means configure,
	// not confirm.
	Yields bool
	// Secret is the name of a value that must not be shown; "" if there is none.
	Secret string
	// Careful is the keyword that cannot be abbreviated to fewer than four letters, since the command ends sessions or
	// Masters or loses data; "" for other commands.
	Careful string
	// Demo is true for a command that exists only in the demo.
	Demo bool
}

// Form is how a setting is used.
type Form uint8

// The forms.
const (
	Plain   Form = iota
	No           // "no X" removes the setting, or switches it off
	Default      // "default X" removes the setting
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

// Arg is a value given in a line.
type Arg struct {
	Name   string
	Value  string
	Offset int // of the word in the line, in bytes
}

// Step is one command of a line. A line that descends through modes has several steps: "interface eth0 vrrp 1
// priority 200" has three.
type Step struct {
	Command *Command
	Mode    Mode
	// Words are the unabbreviated keywords, in line order.
	Words []string
	Args  []Arg
}

// Has reports whether the line has the keyword.
func (s *Step) Has(word string) bool {
	for _, w := range s.Words {
		if w == word {
			return true
		}
	}
	return false
}

// Value returns the value of the argument with a name, or "" if it was not given.
func (s *Step) Value(name string) string {
	a, _ := s.Arg(name)
	return a.Value
}

// Arg returns the argument with a name.
func (s *Step) Arg(name string) (Arg, bool) {
	for _, a := range s.Args {
		if a.Name == name {
			return a, true
		}
	}
	return Arg{}, false
}

// Misplaced returns an error about the argument with a name, at its place in the line if it was given.
func (s *Step) Misplaced(name, msg string) error {
	a, ok := s.Arg(name)
	if !ok {
		return errors.New(msg)
	}
	return &Error{Kind: Invalid, Offset: a.Offset, Reason: msg}
}

// Invocation is a parsed line.
type Invocation struct {
	Line string
	Form Form
	// Do is true for an exec command run from another mode with "do".
	Do bool
	// Steps has at least one element; the last is the command itself.
	Steps []Step
	Pipes []Step
}

// Last returns the command itself.
func (i *Invocation) Last() *Step { return &i.Steps[len(i.Steps)-1] }
