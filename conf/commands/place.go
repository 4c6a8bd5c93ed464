// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"
	"strconv"

	"vrrpsh/completions"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Place is a position in the configuration: the mode, and the table that the mode edits.
type Place struct {
	Mode   completions.Mode
	Iface  string     // of ConfigIf
	Router engine.Key // of ConfigRouter
	Object string     // of the modes of named tables
}

// above returns p if its mode is m, else the place of mode m that contains p.
func (p Place) above(m completions.Mode) Place {
	switch m {
	case p.Mode:
		return p
	case completions.ConfigIf:
		return Place{Mode: m, Iface: p.Router.Interface}
	default:
		return Place{Mode: m}
	}
}

// Up returns the place from which p is entered.
func (p Place) Up() Place {
	if p.Mode == completions.ConfigRouter {
		return p.above(completions.ConfigIf)
	}
	return Place{Mode: completions.Config}
}

// Leads returns the place that a line typed at p is about; the line may pass through other modes.
func (p Place) Leads(steps []completions.Step) Place {
	at := p.above(steps[0].Mode)
	for i := range steps {
		step := &steps[i]
		if step.Command == nil { // the line ends inside this command
			break
		}
		switch enter := step.Command.Enter; enter {
		case completions.ConfigIf:
			at = Place{Mode: enter, Iface: step.Value("interface")}
		case completions.ConfigRouter:
			at = Place{Mode: enter, Router: RouterKey(at.Iface, step)}
		default:
			if o := objectOf(enter); o != nil {
				at = Place{Mode: enter, Object: step.Value(o.value)}
			}
		}
	}
	return at
}

// RouterKey returns the key of the virtual router that the arguments "group" and "ipv6" of a command name.
func RouterKey(iface string, step *completions.Step) engine.Key {
	group, _ := strconv.ParseUint(step.Value("group"), 10, 8) // the parser has checked it
	k := engine.Key{Interface: iface, Family: vrrp.IPv4, VRID: uint8(group)}
	if step.Has("ipv6") {
		k.Family = vrrp.IPv6
	}
	return k
}

// RouterCommand returns the command of a virtual router, such as "vrrp 51 ipv6".
func RouterCommand(k engine.Key) string {
	if k.Family == vrrp.IPv6 {
		return fmt.Sprintf("vrrp %d ipv6", k.VRID)
	}
	return fmt.Sprintf("vrrp %d", k.VRID)
}

// Command returns the command that enters a place, or "" at the top.
func (p Place) Command() string {
	switch p.Mode {
	case completions.ConfigIf:
		return "interface " + p.Iface
	case completions.ConfigRouter:
		return "interface " + p.Router.Interface + " " + RouterCommand(p.Router)
	default:
		if o := objectOf(p.Mode); o != nil {
			return o.word + " " + completions.Quote(p.Object)
		}
		return ""
	}
}

// Exists reports whether the draft has the table that a place edits.
func (d *Draft) Exists(p Place) bool {
	if p.Mode == completions.ConfigRouter {
		return d.find(p.Router) >= 0
	}
	if o := objectOf(p.Mode); o != nil {
		return o.find(d.file, p.Object) != nil
	}
	return true
}
