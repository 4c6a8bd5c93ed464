// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"cmp"
	"fmt"
	"strconv"

	"vrrpsh/completions"
	"vrrpsh/conf/commands"
	"vrrpsh/engine"
)

// copyRouters copies or renames a virtual router, or all of an interface.
func copyRouters(c *call) error {
	s := c.session
	rename := c.step.Has("rename")
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.draft.Copy()
	at := s.place
	change := func(from, to engine.Key) error {
		if !rename {
			return d.CopyRouter(from, to)
		}
		if at.Router == from {
			at.Router = to
		}
		return d.RenameRouter(from, to)
	}
	iface := cmp.Or(c.step.Value("interface"), s.place.Iface, s.place.Router.Interface)
	target := cmp.Or(c.step.Value("to"), iface)
	var err error
	if _, one := c.step.Arg("group"); one {
		from := commands.RouterKey(iface, c.step)
		to := from
		n, errNew := strconv.ParseUint(c.step.Value("new"), 10, 8)
		if errNew != nil {
			return c.step.Misplaced("new", "not a group number")
		}
		to.Interface, to.VRID = target, uint8(n)
		err = change(from, to)
	} else {
		n := 0
		for _, from := range s.draft.Routers() {
			if from.Interface != iface {
				continue
			}
			to := from
			to.Interface = target
			if err = change(from, to); err != nil {
				break
			}
			n++
		}
		if n == 0 && err == nil {
			err = fmt.Errorf("no virtual router is configured on %s", iface)
		}
		if rename && at.Mode == completions.ConfigIf && at.Iface == iface {
			at.Iface = target
		}
	}
	if err != nil {
		return failed("%s", capital(err.Error()))
	}
	s.draft, s.place = commands.Based(s.draft.Base(), d.File()), at
	return nil
}
