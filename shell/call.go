package shell

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/platform/journal"
)

// call is one command while it runs.
type call struct {
	session *Session
	ctx     context.Context
	inv     *completions.Invocation
	step    *completions.Step
	io      IO
	out     io.Writer    // through the pipes
	flush   func() error // shows what was written to out
}

// handler executes a command. Commands without data have no JSON form.
type handler struct {
	run  func(*call) error
	data func(*call) (any, error)
}

// run executes a command through its pipes.
func (c *call) run(h handler) error {
	pipes := c.inv.Pipes
	if len(pipes) > 0 && pipes[0].Command.ID == "pipe.compare" {
		if id := c.step.Command.ID; id != "show.here" && id != "show.candidate" && id != "show.changes" {
			return failed("Only \"show\" and \"show candidate-config\" of configure mode can be compared")
		}
		h, pipes = handlers["show.changes"], pipes[1:]
	}
	out := c.io.Out
	if width := c.session.textWidth(0); width > 0 {
		out = &fold{w: out, width: width}
	}
	buffered := bufio.NewWriter(interruptible{c.ctx, out})
	chain, err := newChain(pipes, buffered)
	if err != nil {
		return err
	}
	c.out, c.flush = chain, buffered.Flush
	if slices.ContainsFunc(pipes, func(p completions.Step) bool { return p.Command.ID == "pipe.no-more" }) {
		c.noMore()
	}
	if len(pipes) > 0 && pipes[0].Command.ID == "pipe.json" {
		if h.data == nil {
			return failed("This command has no JSON form")
		}
		err = c.writeJSON(h)
	} else {
		err = h.run(c)
	}
	return errors.Join(err, chain.close(), buffered.Flush())
}

func (c *call) writeJSON(h handler) error {
	v, err := h.data(c)
	if err != nil {
		return err
	}
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// progress tells the terminal, if there is one, what the command is doing, in case that takes long.
func (c *call) progress(what string) {
	if t, ok := c.io.Out.(Progress); ok && c.io.Ask != nil {
		t.Progress(capital(what))
	}
}

// noMore has the terminal, if there is one, show the output without pauses.
func (c *call) noMore() {
	if t, ok := c.io.Out.(interface{ NoMore() }); ok {
		t.NoMore()
	}
}

// printf writes to the pipes. Errors of writing end the command when it is done: the writer keeps
// them.
func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// say writes a sentence, wrapped to the terminal.
func (c *call) say(indent int, format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), c.session.textWidth(c.io.Width), indent, indent+2) {
		c.printf("%s\n", line)
	}
}

// snapshot reads the running state.
func (c *call) snapshot() (*engine.Snapshot, error) { return c.session.env.View.Snapshot(c.ctx) }

// misplaced is an error about an argument of the command.
func (c *call) misplaced(name, msg string) error {
	a, ok := c.step.Arg(name)
	if !ok {
		return failed("%s", msg)
	}
	return &completions.Error{Kind: completions.Invalid, Offset: a.Offset, Reason: msg}
}

// ask asks the user a question.
func (c *call) ask(prompt string, secret bool) (string, error) {
	answer, err := c.io.Ask(c.ctx, prompt, secret)
	return strings.TrimSpace(answer), err
}

// masked returns the line without secrets.
func (c *call) masked() string {
	line := c.inv.Line
	for i := range c.inv.Steps {
		step := &c.inv.Steps[i]
		s := settingByID[step.Command.ID]
		if s == nil {
			continue
		}
		for _, name := range s.secrets {
			if a, ok := step.Arg(name); ok && a.Offset < len(line) {
				line = line[:a.Offset] + conf.Mask
			}
		}
	}
	return line
}

// edit executes a setting, or enters the mode of one.
func (c *call) edit() error {
	s := c.session
	at := s.where(c.inv.Steps[0].Mode)
	for i := range c.inv.Steps {
		step := &c.inv.Steps[i]
		switch step.Command.ID {
		case "interface":
			at.iface = step.Value("interface")
		case "vrrp":
			at = place{router: routerKey(at.iface, step)}
		default:
			if m := tableModeOf(step.Command.Enter); m != nil {
				at = place{table: step.Value(m.value)}
			}
		}
	}
	var err error
	set := settingByID[c.step.Command.ID]
	switch {
	case set != nil:
		err = c.editSetting(set, at)
	case c.step.Command.Enter == completions.ConfigIf:
		err = c.editInterface(at.iface)
	case c.step.Command.Enter == completions.ConfigRouter:
		err = c.editRouter(at.router)
	default:
		err = c.editTable(tableModeOf(c.step.Command.Enter), at.table)
	}
	if err == nil && s.env.Log != nil {
		s.env.Log.Log(c.ctx, journal.Medium, "edit", "user", s.user.Name, "source", s.user.Source, "line", c.masked())
	}
	return err
}

// where returns where the settings of a mode apply, which is the session's or contains it.
func (s *Session) where(m completions.Mode) place {
	switch m {
	case s.mode:
		return s.place
	case completions.ConfigIf:
		return place{iface: s.router.Interface}
	default:
		return place{}
	}
}

// enter changes the mode to the one of a command that was found in it or that leads to it.
func (s *Session) enter(m completions.Mode, at place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode, s.place = m, at
}

func (c *call) editInterface(iface string) error {
	s := c.session
	if c.inv.Form == completions.Plain {
		s.enter(completions.ConfigIf, place{iface: iface})
		return nil
	}
	return c.removeRouters(func(k engine.Key) bool { return k.Interface == iface },
		"interface", fmt.Sprintf("no virtual router is configured on %s", iface))
}

func (c *call) editRouter(key engine.Key) error {
	s := c.session
	if c.inv.Form == completions.Plain {
		s.mu.Lock()
		s.draft.ensure(key)
		s.mu.Unlock()
		s.enter(completions.ConfigRouter, place{router: key})
		return nil
	}
	return c.removeRouters(func(k engine.Key) bool { return k == key },
		"group", fmt.Sprintf("%s is not configured", key))
}

func (c *call) removeRouters(match func(engine.Key) bool, name, none string) error {
	s := c.session
	s.mu.Lock()
	n := s.draft.remove(match)
	s.mu.Unlock()
	if n == 0 {
		return c.misplaced(name, none)
	}
	c.settle()
	if s.mode == completions.ConfigRouter && match(s.router) {
		s.enter(completions.ConfigIf, place{iface: s.router.Interface})
	}
	return nil
}

// settle goes up to the mode in which a setting was found, as on other routers.
func (c *call) settle() {
	s := c.session
	if m := c.inv.Steps[0].Mode; m != s.mode {
		s.enter(m, s.where(m))
	}
}

// editSetting changes one setting of the candidate. Nothing changes unless the value is legal.
func (c *call) editSetting(set *setting, at place) error {
	s := c.session
	if set.prepare != nil && c.inv.Form == completions.Plain {
		if err := set.prepare(c); err != nil {
			return err
		}
	}
	file := *s.draft.file
	if file.API != nil {
		api := *file.API
		file.API = &api
	}
	t := &target{file: &file}
	inRouter, tables := at.router.Interface != "", c.tableMode()
	switch {
	case inRouter:
		group := int(at.router.VRID)
		t.router, t.family = &conf.VRouter{Group: &group, Interface: &at.router.Interface}, at.router.Family
		if i := s.draft.find(at.router); i >= 0 {
			vr := file.VRouters[i]
			t.router = &vr
		} else if c.inv.Form != completions.Plain {
			return failed("%s is not configured", at.router)
		}
	case tables != nil:
		if tables.find(&file, at.table) == nil && (c.inv.Form != completions.Plain || c.step.Command.Enter == "") {
			return c.unknownTable(tables, at.table)
		}
		t = tables.target(&file, at.table)
	}
	var err error
	if c.inv.Form == completions.Plain {
		if err = set.set(t, c.step); err == nil {
			err = set.check(t)
		}
	} else {
		err = set.unset(t, c.step, c.inv.Form)
	}
	if err != nil {
		return c.atArgument(err)
	}
	s.mu.Lock()
	if inRouter {
		*s.draft.ensure(at.router) = *t.router
	} else {
		*s.draft.file = file
	}
	s.draft.touch()
	s.mu.Unlock()
	if m := c.step.Command.Enter; m != "" && c.inv.Form == completions.Plain {
		s.enter(m, at)
	} else {
		c.settle()
	}
	return nil
}

// atArgument gives an error of a setting its place in the line.
func (c *call) atArgument(err error) error {
	var about *argError
	var status *failure
	switch {
	case errors.As(err, &about):
		return c.misplaced(about.name, about.msg)
	case errors.As(err, &status), len(c.step.Args) == 0:
		return err
	case c.step.Command.Enter != "" && len(c.step.Args) > 1: // the first is the name of what it makes
		return c.misplaced(c.step.Args[1].Name, err.Error())
	default:
		return c.misplaced(c.step.Args[0].Name, err.Error())
	}
}
