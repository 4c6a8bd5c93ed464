// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"net/netip"
	"os"
	osuser "os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform/program"
)

// tracks validates the tracked objects.
func (v *validator) tracks() []engine.TrackObject {
	first := map[string]int{}
	var out []engine.TrackObject
	for i, raw := range Tracks.Value(v.file) {
		path := nth(Tracks.Name, i)
		name, named := TrackName.In(raw)
		if !named {
			v.fault(join(path, TrackName.Name), "", "is required")
		}
		o := engine.TrackObject{Name: name}
		if j, twice := first[name]; twice && name != "" {
			v.faultTyped(join(path, TrackName.Name), quote(name), fmt.Sprintf("is already the name of track[%d]", j), "track "+name+" is configured twice")
		} else {
			first[name] = i
		}
		v.trackTarget(path, raw, &o)
		out = append(out, o)
	}
	return out
}

func badObjectName(s string) string { return badName(s, maxName) }
func badSyncGroup(s string) string  { return badName(s, maxSyncGroup) }

func badName(s string, most int) string {
	if s == "" || len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return !isBare(r) && r != '.' }) {
		return fmt.Sprintf("is not a name of 1-%d letters, digits, hyphens, underscores and dots", most)
	}
	return ""
}

// trackKinds are the keys that select what an object tracks; an object has exactly one of them.
var trackKinds = []struct {
	key  *Key
	kind engine.TrackKind
}{
	{TrackInterface.Key, engine.TrackInterface}, {TrackRoute.Key, engine.TrackRoute},
	{TrackScript.Key, engine.TrackScript}, {TrackFile.Key, engine.TrackFile},
}

// trackTarget reads what an object tracks: exactly one thing.
func (v *validator) trackTarget(path string, raw *Table, o *engine.TrackObject) {
	var has *Key
	wrong := false // a refused value counts as present
	for _, k := range trackKinds {
		wrong = wrong || v.known[join(path, k.key.Name)] || v.known[nth(join(path, k.key.Name), 0)]
		switch {
		case !k.key.IsSet(raw):
		case has != nil:
			v.fault(join(path, k.key.Name), "", "excludes "+has.Name+": an object tracks one thing")
			return
		default:
			has, o.Kind = k.key, k.kind
		}
	}
	if has == nil {
		if !wrong {
			v.fault(path, "", "must have one of interface, route, script and file")
		}
		return
	}
	o.Interface, o.File = valued(v, TrackInterface, raw, path), valued(v, TrackFile, raw, path)
	o.Route, _ = netip.ParsePrefix(valued(v, TrackRoute, raw, path)) // already checked
	o.Rise, o.Fall = 1, 1
	polled := o.Kind == engine.TrackScript || o.Kind == engine.TrackFile
	if polled {
		o.Interval, _ = time.ParseDuration(valued(v, TrackInterval, raw, path))
	}
	if o.Kind == engine.TrackScript {
		o.Script = v.program(path, TrackScript, TrackUser, raw)
		if timeout := valued(v, TrackTimeout, raw, path); timeout == "" {
			o.Script.Timeout = o.Interval
		} else {
			o.Script.Timeout, _ = time.ParseDuration(timeout)
		}
		o.Rise, o.Fall = valued(v, TrackRise, raw, path), valued(v, TrackFall, raw, path)
		if valued(v, TrackInitial, raw, path) == "down" {
			o.Initial = engine.TrackDown
		}
	}
	raw.each(func(k *Key, _ any) {
		switch {
		case k.Effect == Identifies, slices.Contains(TrackKinds(), k), o.Kind == engine.TrackScript, polled && k == TrackInterval.Key:
		default:
			v.fault(join(path, k.Name), "", "has no meaning for a tracked "+o.Kind.String())
		}
	})
}

// TrackKinds returns the keys that select what an object tracks; an object has one of them.
func TrackKinds() []*Key {
	keys := make([]*Key, len(trackKinds))
	for i, k := range trackKinds {
		keys[i] = k.key
	}
	return keys
}

// badDestination checks a tracked route.
func badDestination(s string) string {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return `is not a destination such as "10.0.0.0/8" or "2001:db8::/32"`
	case p != p.Masked():
		return fmt.Sprintf("is not a network: that is %s", p.Masked())
	default:
		return ""
	}
}

// program reads a command and the user that it runs as. It checks that the user exists, and that
// nobody else can change the file, only on the host that the configuration is for.
func (v *validator) program(path string, key KeyOf[[]string], user KeyOf[string], raw *Table) engine.Program {
	command := key.Value(raw)
	p := engine.Program{Command: slices.Clone(command), User: user.Value(raw)}
	at := join(path, key.Name)
	switch {
	case !strings.HasPrefix(command[0], "/"):
		v.fault(nth(at, 0), quote(command[0]), "is not an absolute path")
		return p
	case len(command) > maxCommand:
		v.fault(at, strconv.Itoa(len(command))+" words", fmt.Sprintf("are more than %d", maxCommand))
		return p
	}
	if v.host == "" {
		return p
	}
	if p.User == "" && os.Geteuid() == 0 {
		p.User = DefaultUser
	}
	p.UID, p.GID = uint32(os.Geteuid()), uint32(os.Getegid())
	if p.User != "" {
		u, err := osuser.Lookup(p.User)
		if err != nil {
			v.fault(join(path, user.Name), quote(p.User), "is not a user of this system")
			return p
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 != nil || err2 != nil {
			v.fault(join(path, user.Name), quote(p.User), "has no numeric user and group ID")
			return p
		}
		p.UID, p.GID = uint32(uid), uint32(gid)
	}
	if err := program.Check(command[0], p.UID); err != nil {
		v.fault(nth(at, 0), quote(command[0]), err.Error())
	}
	return p
}

// hooks validates the programs that events run.
func (v *validator) hooks() []engine.Hook {
	first := map[string]int{}
	var out []engine.Hook
	for i, raw := range Notify.Value(v.file) {
		path := nth(Notify.Name, i)
		h := engine.Hook{Name: HookName(raw, i), Events: engine.HookTransitions}
		if j, twice := first[h.Name]; twice {
			v.faultTyped(join(path, NotifyName.Name), quote(h.Name), fmt.Sprintf("is already the name of notify[%d]", j), "notify "+h.Name+" is configured twice")
		}
		first[h.Name] = i
		if !NotifyCommand.IsSet(raw) {
			v.fault(join(path, NotifyCommand.Name), "", "is required")
			continue
		}
		h.Program = v.program(path, NotifyCommand, NotifyUser, raw)
		h.Program.Timeout, _ = time.ParseDuration(valued(v, NotifyTimeout, raw, path))
		events := NotifyEvents.Value(raw)
		if len(events) > 0 {
			h.Events = 0
		}
		for j, name := range events {
			event, ok := engine.ParseHookEvent(name)
			if name == allTransitions {
				event, ok = engine.HookTransitions, true
			}
			if !ok {
				v.fault(nth(join(path, NotifyEvents.Name), j), quote(name), "is not "+oneOf(eventNames))
			}
			h.Events |= event
		}
		out = append(out, h)
	}
	return out
}

// HookName returns the name of a [[notify]] table, or a name made from its position in the file if
// it has none.
func HookName(t *Table, index int) string {
	if name, named := NotifyName.In(t); named {
		return name
	}
	return "hook" + strconv.Itoa(index+1)
}

// tracking validates what virtual routers track.
func (v *validator) tracking(list []*router, objects []engine.TrackObject) {
	named := make(map[string]*engine.TrackObject, len(objects))
	for i := range objects {
		named[objects[i].Name] = &objects[i]
	}
	for _, r := range list {
		seen := map[string]bool{}
		for i, raw := range Track.Value(r.raw) {
			key := nth(Track.Name, i)
			if !TrackingObject.IsSet(raw) {
				r.fault(join(key, TrackingObject.Name), "", "is required")
				continue
			}
			t := engine.Tracking{Object: TrackingObject.Value(raw)}
			o := named[t.Object]
			switch {
			case o == nil:
				r.faultTyped(join(r.path(key), TrackingObject.Name), quote(t.Object), "is not the name of a [[track]] object",
					r.name()+": "+Track.CommandWords()+" "+t.Object+": no such object")
			case seen[t.Object]:
				r.fault(join(key, TrackingObject.Name), quote(t.Object), "is listed twice")
			case o.Kind == engine.TrackFile && TrackingDecrement.IsSet(raw):
				r.fault(join(key, TrackingDecrement.Name), strconv.Itoa(TrackingDecrement.Value(raw)), "is not possible: the file says what the priority gains or loses")
			}
			seen[t.Object] = true
			t.Decrement = uint8(valued(v, TrackingDecrement, raw, r.path(key)))
			r.out.Track = append(r.out.Track, t)
		}
	}
}

// syncGroups refuses conflicting members of a sync group.
func (v *validator) syncGroups(list []*router) {
	type place struct {
		group string
		iface string
		v6    bool
	}
	first := map[place]*router{}
	members := map[string]int{}
	for _, r := range list {
		name := in(r, SyncGroup)
		if name == "" {
			continue
		}
		r.out.SyncGroup = name
		members[name]++
		at := place{name, r.out.Interface, IsIPv6(r.raw)}
		if other, twice := first[at]; twice {
			r.conflict(SyncGroup.Name, quote(name), "already has %s: a sync group can have only one member per interface and family", other, other.table+" on "+r.out.Interface)
			continue
		}
		first[at] = r
	}
	for _, r := range list {
		if members[r.out.SyncGroup] == 1 {
			r.warn("it is the only member of the sync group %s", r.out.SyncGroup)
		}
	}
}
