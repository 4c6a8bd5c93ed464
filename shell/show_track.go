// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"strings"

	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/printable"
)

// trackData lists the tracked objects.
func trackData(c *call) ([]report.Track, error) {
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	return report.Tracks(snapshot), nil
}

func showTrack(c *call) error {
	snapshot, err := c.snapshot()
	if err != nil {
		return err
	}
	c.wrapped()
	if len(snapshot.Tracks) == 0 {
		c.advise("No tracked objects")
	}
	for i := range snapshot.Tracks {
		t := &snapshot.Tracks[i]
		if i > 0 {
			c.printf("\n")
		}
		c.printf("Track %s\n", printable.Line(t.Object.Name))
		c.printf("  %s\n", printable.Line(capital(t.Object.Target())))
		state := trackState(t.State, t.Object.Kind, t.Weight)
		if t.Reason != "" {
			state += ": " + printable.Line(t.Reason)
		}
		c.printf("  State is %s\n", state)
		changes := fmt.Sprintf("%d changes", t.Changes)
		if t.Changes == 1 {
			changes = "1 change"
		}
		c.printf("  %s, last change %s ago, at %s\n", changes, span(snapshot.Time.Sub(t.Since)), c.session.stamp(t.Since))
		if len(t.Users) == 0 {
			c.printf("  No virtual router tracks it\n")
			continue
		}
		c.printf("  Tracked by\n")
		for _, k := range t.Users {
			c.printf("    %s\n", k)
		}
	}
	return nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func trackState(s engine.TrackState, kind engine.TrackKind, weight int) string {
	if kind == engine.TrackFile && s == engine.TrackUp {
		return fmt.Sprintf("up, weight %+d", weight)
	}
	return s.String()
}

// tracked writes the tracked objects of a virtual router and its sync group.
func (c *call) tracked(r *engine.RouterStatus) {
	for i := range r.Tracked {
		t := &r.Tracked[i]
		effect := "stops the virtual router while down"
		switch {
		case t.Kind == engine.TrackFile:
			effect = fmt.Sprintf("priority %+d", t.Weight)
		case t.Decrement > 0:
			effect = fmt.Sprintf("decrement %d", t.Decrement)
		}
		reason := ""
		if t.Reason != "" {
			reason = " (" + printable.Line(t.Reason) + ")"
		}
		c.printf("  Tracked object %s is %s%s, %s\n", printable.Line(t.Object), t.State, reason, effect)
	}
	if s := r.Sync; s != nil {
		state := "not Master"
		if s.Master {
			state = "Master"
		}
		c.printf("  Sync group is %s with %d members, %s%s\n", printable.Line(s.Name), len(s.Members), state, heldBack(s))
	}
}

// heldBack names the member that holds a sync group back, if any.
func heldBack(s *engine.SyncStatus) string {
	switch {
	case s.Blocker == (engine.Key{}):
		return ""
	case s.Cause != vrrp.CauseNone:
		return fmt.Sprintf(", held back by %s: %s", s.Blocker, s.Cause)
	default:
		return fmt.Sprintf(", held back by %s, which follows a Master", s.Blocker)
	}
}

// explainPriority explains how tracked objects and the sync group change the priority.
func explainPriority(r *engine.RouterStatus) []string {
	var say []string
	configured := int(r.Config.Protocol.Priority)
	sum, terms, why := configured, fmt.Sprint(configured), []string{}
	for i := range r.Tracked {
		t := &r.Tracked[i]
		switch e := t.Effect(); {
		case t.Fails():
			say = append(say, fmt.Sprintf("Tracked object %s is down (%s): without a decrement this stops the virtual router.", printable.Line(t.Object), printable.Line(t.Reason)))
		case e != 0:
			sum += e
			sign := "+"
			if e < 0 {
				sign, e = "−", -e
			}
			terms += fmt.Sprintf(" %s %d", sign, e)
			what := t.State.String()
			if t.Kind == engine.TrackFile {
				what = fmt.Sprintf("at weight %+d", t.Weight)
			}
			why = append(why, fmt.Sprintf("tracked object %s is %s", printable.Line(t.Object), what))
		}
	}
	if len(why) > 0 {
		limited := min(max(sum, vrrp.PriorityMin), vrrp.PriorityMax)
		text := capital(strings.Join(why, ", ")) + fmt.Sprintf(": priority %s = %d", terms, sum)
		if limited != sum {
			text += fmt.Sprintf(", limited to %d", limited)
		}
		say = append(say, text+".")
		sum = limited
	}
	if r.Sync != nil && r.State != vrrp.Initialize && !r.Local.Owner && !r.Config.Shutdown && int(r.Priority) != sum {
		say = append(say, fmt.Sprintf("Its priority is %d, the lowest in the sync group %s.", r.Priority, printable.Line(r.Sync.Name)))
	}
	return say
}
