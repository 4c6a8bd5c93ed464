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
	iface, key := s.place(c.inv.Steps[0].Mode)
	for i := range c.inv.Steps {
		switch step := &c.inv.Steps[i]; step.Command.ID {
		case "interface":
			iface = step.Value("interface")
		case "vrrp":
			key = routerKey(iface, step)
		}
	}
	var err error
	switch c.step.Command.ID {
	case "interface":
		err = c.editInterface(iface)
	case "vrrp":
		err = c.editRouter(key)
	default:
		err = c.editSetting(settingByID[c.step.Command.ID], key)
	}
	if err == nil && s.env.Log != nil {
		s.env.Log.Log(c.ctx, journal.Medium, "edit", "user", s.user.Name, "source", s.user.Source, "line", c.masked())
	}
	return err
}

// place returns where the settings of a mode apply.
func (s *Session) place(m completions.Mode) (iface string, key engine.Key) {
	switch m {
	case completions.ConfigIf:
		if s.mode == completions.ConfigRouter {
			return s.router.Interface, key
		}
		return s.iface, key
	case completions.ConfigRouter:
		return s.router.Interface, s.router
	default:
		return "", key
	}
}

// enter changes the mode to the one of a command that was found in it or that leads to it.
func (s *Session) enter(m completions.Mode, iface string, key engine.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode, s.iface, s.router = m, iface, key
}

func (c *call) editInterface(iface string) error {
	s := c.session
	if c.inv.Form == completions.Plain {
		s.enter(completions.ConfigIf, iface, engine.Key{})
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
		s.enter(completions.ConfigRouter, "", key)
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
		s.enter(completions.ConfigIf, s.router.Interface, engine.Key{})
	}
	return nil
}

// settle goes up to the mode in which a setting was found, as on other routers.
func (c *call) settle() {
	s := c.session
	if m := c.inv.Steps[0].Mode; m != s.mode {
		iface, key := s.place(m)
		s.enter(m, iface, key)
	}
}

// editSetting changes one setting of the candidate. Nothing changes unless the value is legal.
func (c *call) editSetting(set *setting, key engine.Key) error {
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
	inRouter := key.Interface != ""
	if inRouter {
		group := int(key.VRID)
		t.router, t.family = &conf.VRouter{Group: &group, Interface: &key.Interface}, key.Family
		if i := s.draft.find(key); i >= 0 {
			vr := file.VRouters[i]
			t.router = &vr
		} else if c.inv.Form != completions.Plain {
			return failed("%s is not configured", key)
		}
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
		*s.draft.ensure(key) = *t.router
	} else {
		*s.draft.file = file
	}
	s.draft.touch()
	s.mu.Unlock()
	c.settle()
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
	default:
		return c.misplaced(c.step.Args[0].Name, err.Error())
	}
}
