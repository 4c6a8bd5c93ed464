// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/platform/printable"
)

// maxTyped limits the text of "load ... terminal", in bytes.
const maxTyped = 1 << 20

// config is a configuration that the user loads: a file in a format of the configuration file, or commands.
type config struct {
	name string
	file *conf.File
	text string // the commands, if file is nil
}

// loaded reads what the command names.
func (c *call) loaded() (*config, error) {
	if c.step.Has("terminal") {
		return c.typed()
	}
	name := c.step.Value("file")
	c.progress("reading " + name)
	if fi, err := os.Stat(name); err == nil && !fi.Mode().IsRegular() { // a read from a pipe without a writer would block
		return nil, failed("%s is not a file", name)
	}
	format := c.format(name)
	file, origin, err := conf.ReadFile(name, format)
	switch {
	case err == nil:
	case origin != nil && format == conf.TOML && hasCommands(string(origin.Data)):
		return &config{name: name, text: string(origin.Data)}, nil
	default:
		return nil, failed("%v", err)
	}
	return &config{name: name, file: file}, nil
}

// typed reads what the user types or pastes.
func (c *call) typed() (*config, error) {
	if !c.interactive() {
		return nil, failed("Nobody types here: a script contains the settings themselves, or loads a file")
	}
	c.printf("Type or paste the configuration; Ctrl-D on a line of its own ends it, Ctrl-C drops it\n")
	if err := c.flush(); err != nil {
		return nil, err
	}
	var text strings.Builder
	for {
		line, err := c.io.Ask(c.ctx, "", false)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if text.WriteString(line + "\n"); text.Len() > maxTyped {
			return nil, failed("This is more than %d KiB: load a file", maxTyped>>10)
		}
	}
	const name = "terminal"
	if hasCommands(text.String()) {
		return &config{name: name, text: text.String()}, nil
	}
	format := conf.TOML
	if strings.HasPrefix(strings.TrimSpace(text.String()), "{") {
		format = conf.JSON
	}
	file, err := conf.Parse(name, []byte(text.String()), format)
	if err != nil {
		return nil, failed("%v", err)
	}
	return &config{name: name, file: file}, nil
}

// fileLine is the first line of a file in TOML or JSON: a table or a key.
var fileLine = regexp.MustCompile(`^(\[|\{|[A-Za-z0-9_."'-]+\s*=)`)

// hasCommands tells whether a text contains commands rather than TOML or JSON.
func hasCommands(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			return !fileLine.MatchString(line)
		}
	}
	return false
}

// apply executes the settings in commands on a draft. If one of them is wrong, the draft is of no use.
func (c *call) apply(d *commands.Draft, from *config) error {
	s, at := c.session, commands.Place{Mode: completions.Config}
	n := 0
	for line := range strings.Lines(from.text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '!' || line[0] == '#' {
			continue
		}
		err := c.ctx.Err()
		if err == nil {
			err = sane(line)
		}
		if err == nil {
			at, err = s.applyLine(d, at, line)
		}
		if err != nil {
			return failed("%s, line %d: %s\n%s", from.name, n, printable.Line(discreet(line)), asValue(err))
		}
	}
	return nil
}

// asValue describes an error of a line that has no marker below it.
func asValue(err error) string {
	var wrong *completions.Error
	if errors.As(err, &wrong) && wrong.Kind == completions.Invalid {
		const marker = " detected at '^' marker"
		return strings.Replace(err.Error(), marker, fmt.Sprintf(" in column %d", wrong.Offset+1), 1)
	}
	return describe(err)
}

// applyLine executes one line, which stands at a place in the configuration, and returns the place of the next line.
func (s *Session) applyLine(d *commands.Draft, at commands.Place, line string) (commands.Place, error) {
	top := commands.Place{Mode: completions.Config}
	inv, perr := s.tree.Parse(at.Mode, s.user.Level, line)
	if perr != nil {
		if exec, err := s.tree.Parse(completions.Exec, s.user.Level, line); err == nil && exec.Last().Command.ID == "configure" {
			return top, nil
		}
		return at, perr
	}
	step := inv.Last()
	switch {
	case len(inv.Pipes) > 0:
		return at, failed("Settings have no output to pipe")
	case step.Command.Setting:
		if argument := commands.Asks(step); argument != "" && inv.Form == completions.Plain {
			return at, failed("The %s is missing", argument)
		}
		return d.Edit(inv, at)
	case inv.Do:
		return at, failed("Only settings can be loaded")
	}
	switch step.Command.ID {
	case "exit", "exit.quit":
		return at.Up(), nil
	case "top", "end":
		return top, nil
	default:
		return at, failed("Only settings can be loaded")
	}
}

func loadReplace(c *call) error {
	from, err := c.loaded()
	if err != nil {
		return err
	}
	base := c.session.draft.Base()
	if from.file != nil {
		c.restart(commands.Based(base, from.file))
		return nil
	}
	d := commands.Based(base, conf.NewFile())
	if err := c.apply(d, from); err != nil {
		return err
	}
	c.restart(d)
	return nil
}

func loadMerge(c *call) error {
	from, err := c.loaded()
	if err != nil {
		return err
	}
	d := c.session.draft.Copy()
	if from.file != nil {
		d.Merge(from.file)
	} else if err := c.apply(d, from); err != nil {
		return err
	}
	c.restart(d)
	return nil
}
