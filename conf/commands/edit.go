// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"errors"
	"fmt"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine"
)

// Edit executes a setting typed at a place, or enters its mode. It returns the place where the next line applies. An illegal
// value changes nothing; an error about an argument carries the position of the argument in the line.
func (d *Draft) Edit(inv *completions.Invocation, from Place) (Place, error) {
	e := edit{draft: d, inv: inv, step: inv.Last(), from: from, found: from.above(inv.Steps[0].Mode), at: from.Leads(inv.Steps)}
	switch set := settings().byID[e.step.Command.ID]; {
	case set != nil:
		return e.setting(set)
	case e.step.Command.Enter == completions.ConfigIf:
		return e.iface()
	case e.step.Command.Enter == completions.ConfigRouter:
		return e.router()
	default:
		return e.object(objectOf(e.step.Command.Enter))
	}
}

// edit is the execution of one line.
type edit struct {
	draft *Draft
	inv   *completions.Invocation
	step  *completions.Step
	from  Place // where the line was typed
	found Place // where its first word was found: from, or a place above it
	at    Place // what the line is about
}

// after returns the place after a setting: the place where the setting was found, as on other routers.
func (e *edit) after() Place {
	if e.found.Mode == e.from.Mode {
		return e.from
	}
	return e.found
}

func (e *edit) iface() (Place, error) {
	if e.inv.Form == completions.Plain {
		return e.at, nil
	}
	return e.removeRouters(func(k engine.Key) bool { return k.Interface == e.at.Iface },
		"interface", fmt.Sprintf("no virtual router is configured on %s", e.at.Iface))
}

func (e *edit) router() (Place, error) {
	if e.inv.Form == completions.Plain {
		if d := e.draft; d.find(e.at.Router) < 0 {
			d.put(e.at.Router, d.edited(e.at.Router).table)
		}
		return e.at, nil
	}
	return e.removeRouters(func(k engine.Key) bool { return k == e.at.Router },
		"group", fmt.Sprintf("%s is not configured", e.at.Router))
}

func (e *edit) removeRouters(match func(engine.Key) bool, name, none string) (Place, error) {
	if e.draft.remove(match) == 0 {
		return e.from, e.step.Misplaced(name, none)
	}
	return e.existing(e.after()), nil
}

// existing returns the place above if the virtual router or object of p was removed, else p.
func (e *edit) existing(p Place) Place {
	if !e.draft.Exists(p) {
		return p.Up()
	}
	return p
}

// object enters the mode of a named table, or removes the table.
func (e *edit) object(o *object) (Place, error) {
	if o.find(e.draft.file, e.at.Object) == nil {
		return e.from, e.unknown(o)
	}
	if e.inv.Form == completions.Plain {
		return e.at, nil
	}
	file := e.draft.file.Fork()
	o.remove(file, e.at.Object)
	e.draft.file = file
	e.draft.touch()
	return e.existing(e.after()), nil
}

// unknown returns the error for a name that does not exist, with its position in the line.
func (e *edit) unknown(o *object) error {
	reason := o.unknown
	if e.inv.Form == completions.Plain {
		reason += ": " + o.hint
	}
	for i := range e.inv.Steps {
		if a, ok := e.inv.Steps[i].Arg(o.value); ok {
			return &completions.Error{Kind: completions.Invalid, Offset: a.Offset, Reason: reason}
		}
	}
	return fmt.Errorf("%s %s: %s", o.word, e.at.Object, reason)
}

// setting changes one setting of the draft.
func (e *edit) setting(set *setting) (Place, error) {
	d, plain := e.draft, e.inv.Form == completions.Plain
	t := rootOf(d.file.Fork())
	o := objectOf(e.step.Command.Enter)
	if o == nil {
		o = objectOf(e.step.Mode)
	}
	inRouter := e.at.Router.Interface != ""
	switch {
	case inRouter:
		if !plain && d.find(e.at.Router) < 0 {
			return e.from, fmt.Errorf("%s is not configured", e.at.Router)
		}
		t = d.edited(e.at.Router)
	case o != nil:
		if o.find(t.file, e.at.Object) == nil && (!plain || e.step.Command.Enter == "") {
			return e.from, e.unknown(o)
		}
		t = o.edited(t.file, e.at.Object)
	}
	var err error
	if plain {
		before := conf.API.IsSet(t.file)
		if err = set.set(t, e.step); err == nil {
			set.listen(t, before)
			err = set.check(t)
		}
	} else {
		err = set.unset(t, e.step, e.inv.Form)
	}
	if err != nil {
		return e.from, e.placed(err)
	}
	switch {
	case inRouter:
		d.put(e.at.Router, t.table)
	case o != nil && t.table == nil:
		o.remove(t.file, e.at.Object)
	case o != nil:
		o.put(t.file, t.table)
	}
	d.file = t.file
	d.touch()
	if e.step.Command.Enter != "" && plain {
		return e.at, nil
	}
	return e.existing(e.after()), nil
}

// placed adds the position in the line to an error of a setting.
func (e *edit) placed(err error) error {
	var about *argError
	switch {
	case errors.As(err, &about):
		return e.step.Misplaced(about.name, about.msg)
	case len(e.step.Args) == 0:
		return err
	case e.step.Command.Enter != "" && len(e.step.Args) > 1: // the first argument names the object that the command creates
		return e.step.Misplaced(e.step.Args[1].Name, err.Error())
	default:
		return e.step.Misplaced(e.step.Args[0].Name, err.Error())
	}
}
