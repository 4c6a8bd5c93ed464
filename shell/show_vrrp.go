// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vrrpsh/conf/commands"
	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
)

// selected returns a function that matches the virtual routers that the command selects.
func (c *call) selected() (func(*engine.RouterStatus) bool, error) {
	var group uint8
	if a, ok := c.step.Arg("group"); ok {
		n, err := strconv.ParseUint(a.Value, 10, 8)
		if err != nil {
			return nil, c.step.Misplaced("group", "not a group number")
		}
		group = uint8(n)
	}
	return report.Match(group, c.step.Value("interface")), nil
}

// routers returns the status of the selected virtual routers. It is an error if a named object does not exist.
func (c *call) routers() (*engine.Snapshot, []*engine.RouterStatus, error) {
	match, err := c.selected()
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, nil, err
	}
	found := make([]*engine.RouterStatus, 0, len(snapshot.Routers))
	for _, r := range snapshot.Routers {
		if match(r) {
			found = append(found, r)
		}
	}
	if len(found) == 0 && len(c.step.Args) > 0 {
		return nil, nil, failed("No such virtual router")
	}
	return snapshot, found, nil
}

// showVRRPData returns the same document as the API.
func showVRRPData(c *call) (any, error) {
	match, err := c.selected()
	if err != nil {
		return nil, err
	}
	snapshot, _, err := c.routers()
	if err != nil {
		return nil, err
	}
	switch {
	case c.isBrief():
		return report.Groups(snapshot, match), nil
	case c.step.Has("explain"):
		return c.session.env.explanations(snapshot, match), nil
	default:
		return report.Details(snapshot, match), nil
	}
}

// isBrief tells whether the command wants one line for each virtual router.
func (c *call) isBrief() bool { return c.step.Has("brief") || c.step.Has("summary") }

func showVRRP(c *call) error {
	snapshot, routers, err := c.routers()
	if err != nil {
		return err
	}
	if c.isBrief() {
		return c.brief(routers)
	}
	c.wrapped()
	write := c.detail
	switch {
	case c.step.Has("statistics"):
		write = c.statistics
	case c.step.Has("history"):
		write = c.history
	case c.step.Has("explain"):
		write = c.explain
	}
	for i, r := range routers {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if i > 0 {
			c.printf("\n")
		}
		c.printf("%s - Group %d - Address-Family %s\n", r.Config.Interface, r.Config.VRID, r.Config.Family)
		write(snapshot.Time, r)
	}
	return nil
}

// brief writes one line per virtual router, in columns familiar to network engineers.
func (c *call) brief(routers []*engine.RouterStatus) error {
	yes := func(b bool) string {
		if b {
			return "Y"
		}
		return "N"
	}
	rows := make([][]string, len(routers))
	for i, r := range routers {
		down := r.MasterDownInterval
		if r.State == vrrp.Master {
			down = 0
		}
		rows[i] = []string{
			r.Config.Interface, strconv.Itoa(int(r.Config.VRID)), r.Config.Family.String(),
			strconv.Itoa(int(priority(r))), strconv.FormatInt(down.Milliseconds(), 10),
			yes(r.Local.Owner), yes(r.Config.Protocol.Preempt), strings.ToUpper(r.State.String()),
			c.briefMaster(r) + " " + firstAddress(r),
		}
	}
	return c.table([]column{
		left("Interface"), right("Grp"), left("A-F"), right("Pri"), right("Time"),
		center("Own"), center("Pre"), left("State"), left("Master addr/Group addr"),
	}, rows)
}

// mastersAmong counts the virtual routers that are Master.
func mastersAmong(routers []*engine.RouterStatus) int {
	masters := 0
	for _, r := range routers {
		if r.State == vrrp.Master {
			masters++
		}
	}
	return masters
}

// priority returns the effective priority, or the configured priority if there is no effective one yet.
func priority(r *engine.RouterStatus) uint8 {
	if r.Priority != 0 {
		return r.Priority
	}
	return r.Config.Protocol.Priority
}

// briefMaster returns the address of the Master. Programs expect an address in any case.
func (c *call) briefMaster(r *engine.RouterStatus) string {
	switch {
	case r.MasterAddr.IsValid() || !c.session.Plain():
		return masterName(r)
	case r.Config.Family == vrrp.IPv6:
		return netip.IPv6Unspecified().String()
	default:
		return netip.IPv4Unspecified().String()
	}
}

func masterName(r *engine.RouterStatus) string {
	switch {
	case !r.MasterAddr.IsValid():
		return "unknown"
	case r.State == vrrp.Master:
		return r.MasterAddr.String() + "(local)"
	default:
		return r.MasterAddr.String()
	}
}

// firstAddress returns the first virtual address that was configured. The link-local address of a virtual router for IPv6
// comes before it, but may be derived.
func firstAddress(r *engine.RouterStatus) string {
	i := max(0, slices.IndexFunc(r.Config.Addresses, func(a engine.Address) bool { return !a.Derived }))
	switch {
	case i < len(r.Addresses):
		return r.Addresses[i].Addr().String()
	case i < len(r.Config.Addresses):
		return r.Config.Addresses[i].Addr.String()
	default:
		return "none"
	}
}

// statistics writes the counters.
func (c *call) statistics(_ time.Time, r *engine.RouterStatus) {
	n := &r.Counters
	line := func(name string, value uint64) { c.printf("  %-38s %d\n", name, value) }
	c.printf("  Counting since %s\n", c.session.stamp(n.Since))
	line("Adverts sent", n.AdvertsSent)
	line("Adverts received", n.AdvertsReceived)
	line("Priority 0 sent", n.PriorityZeroSent)
	line("Priority 0 received", n.PriorityZeroReceived)
	line("Send errors", n.SendErrors)
	line("Became Master", n.BecameMaster)
	line("Transitions summarised", n.Untold)
	line("Addresses claimed by other hosts", n.Claims)
	c.printf("  Transitions\n")
	for cause, v := range n.Transitions {
		if v > 0 {
			line("  "+vrrp.Cause(cause).String(), v)
		}
	}
	// Zero counters are useful, too: they show what the router checks.
	for reason := vrrp.DropNone + 1; int(reason) < vrrp.NumDropReasons; reason++ {
		line("Dropped, "+reason.String(), n.Dropped[reason])
	}
	for _, reason := range []vrrp.DropReason{vrrp.DropLength, vrrp.DropInterval, vrrp.DropAddressList} {
		line("Tolerated, "+reason.String(), n.Tolerated[reason])
	}
}

// history writes the state transitions, oldest first.
func (c *call) history(_ time.Time, r *engine.RouterStatus) {
	if len(r.History) == 0 {
		c.printf("  No transitions\n")
	}
	for _, t := range r.History {
		c.printf("  %s  %-6s → %-6s  %s\n", c.session.stamp(t.Time), t.From, t.To, transitionCause(&t))
	}
}

func transitionCause(t *engine.Transition) string {
	if !t.Peer.IsValid() {
		return t.Cause.String()
	}
	return fmt.Sprintf("%s (%s, priority %d)", t.Cause, t.Peer, t.Priority)
}

// key returns the virtual router that an exec command names.
func (c *call) key() engine.Key { return commands.RouterKey(c.step.Value("interface"), c.step) }
