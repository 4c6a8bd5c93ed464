package conf

import (
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform/program"
)

// Ranges of what is tracked, and of the programs that are run.
const (
	maxName          = 64
	maxCommand       = 64 // words
	trackIntervalMin = 100 * time.Millisecond
	trackIntervalMax = time.Hour
	trackInterval    = time.Second
	maxRise          = 100
	hookTimeout      = 10 * time.Second
	maxSyncGroup     = 64
)

// DefaultUser is who programs run as unless the configuration says so, if the router runs as root.
const DefaultUser = "nobody"

// tracks validates the tracked objects.
func (v *validator) tracks() []engine.TrackObject {
	first := map[string]int{}
	var out []engine.TrackObject
	for i := range v.file.Tracks {
		raw := &v.file.Tracks[i]
		path := "track[" + strconv.Itoa(i) + "]"
		o := engine.TrackObject{Name: v.name(path+".name", raw.Name)}
		if j, twice := first[o.Name]; twice && o.Name != "" {
			v.fault(path+".name", quote(o.Name), fmt.Sprintf("is already the name of track[%d]", j))
		} else {
			first[o.Name] = i
		}
		v.trackTarget(path, raw, &o)
		out = append(out, o)
	}
	return out
}

// name checks the name of something that is referred to by it.
func (v *validator) name(path string, p *string) string {
	if p == nil {
		v.fault(path, "", "is required")
		return ""
	}
	if problem := badName(*p, maxName); problem != "" {
		v.fault(path, quote(*p), problem)
	}
	return *p
}

func badName(s string, most int) string {
	if s == "" || len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return !isBare(r) && r != '.' }) {
		return fmt.Sprintf("is not a name of 1-%d letters, digits, hyphens, underscores and dots", most)
	}
	return ""
}

// trackTarget reads what an object looks at: exactly one thing.
func (v *validator) trackTarget(path string, raw *Track, o *engine.TrackObject) {
	var kinds []string
	if raw.Interface != nil {
		kinds = append(kinds, "interface")
		o.Kind, o.Interface = engine.TrackInterface, *raw.Interface
		if problem := badInterfaceName(o.Interface); problem != "" {
			v.fault(path+".interface", quote(o.Interface), problem)
		}
	}
	if raw.Route != nil {
		kinds = append(kinds, "route")
		o.Kind, o.Route = engine.TrackRoute, v.trackedRoute(path+".route", *raw.Route)
	}
	if len(raw.Script) > 0 {
		kinds = append(kinds, "script")
		o.Kind = engine.TrackScript
	}
	if raw.File != nil {
		kinds = append(kinds, "file")
		o.Kind, o.File = engine.TrackFile, v.absolute(path+".file", raw.File, "")
	}
	switch {
	case len(kinds) == 0:
		if !slices.ContainsFunc([]string{"interface", "route", "script", "script[0]", "file"}, func(k string) bool { return v.known[path+"."+k] }) {
			v.fault(path, "", "must have one of interface, route, script and file")
		}
		return
	case len(kinds) > 1:
		v.fault(path+"."+kinds[1], "", "excludes "+kinds[0]+": an object tracks one thing")
		return
	}
	o.Rise, o.Fall = 1, 1
	polled := o.Kind == engine.TrackScript || o.Kind == engine.TrackFile
	if polled {
		o.Interval = v.duration(path+".interval", raw.Interval, trackIntervalMin, trackIntervalMax, trackInterval)
	}
	if o.Kind == engine.TrackScript {
		o.Script = v.program(path, "script", raw.Script, raw.User)
		o.Script.Timeout = v.duration(path+".timeout", raw.Timeout, trackIntervalMin, trackIntervalMax, o.Interval)
		o.Rise = v.integer(path+".rise", raw.Rise, 1, maxRise, 1)
		o.Fall = v.integer(path+".fall", raw.Fall, 1, maxRise, 1)
		if v.choice(path+".initial", raw.Initial, "up", "down") == "down" {
			o.Initial = engine.TrackDown
		}
	}
	for _, k := range []struct {
		name  string
		set   bool
		legal bool
	}{
		{"interval", raw.Interval != nil, polled},
		{"timeout", raw.Timeout != nil, o.Kind == engine.TrackScript},
		{"rise", raw.Rise != nil, o.Kind == engine.TrackScript},
		{"fall", raw.Fall != nil, o.Kind == engine.TrackScript},
		{"initial", raw.Initial != nil, o.Kind == engine.TrackScript},
		{"user", raw.User != nil, o.Kind == engine.TrackScript},
	} {
		if k.set && !k.legal {
			v.fault(path+"."+k.name, "", "has no meaning for a tracked "+o.Kind.String())
		}
	}
}

func (v *validator) trackedRoute(path, s string) netip.Prefix {
	if problem := v.host.refusal("track.route", ""); problem != "" {
		v.fault(path, quote(s), problem)
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		v.fault(path, quote(s), `is not a destination such as "10.0.0.0/8" or "2001:db8::/32"`)
	case p != p.Masked():
		v.fault(path, quote(s), fmt.Sprintf("is not a network: that is %s", p.Masked()))
	}
	return p
}

// program reads a command and who it runs as. What can only be told on the host that it is for is
// told there: that the user exists, and that nobody else can change the file.
func (v *validator) program(path, key string, command []string, name *string) engine.Program {
	p := engine.Program{Command: slices.Clone(command)}
	at := path + "." + key
	switch {
	case !strings.HasPrefix(command[0], "/"):
		v.fault(at+"[0]", quote(command[0]), "is not an absolute path")
		return p
	case len(command) > maxCommand:
		v.fault(at, strconv.Itoa(len(command))+" words", fmt.Sprintf("are more than %d", maxCommand))
		return p
	}
	if name != nil {
		p.User = *name
	}
	if v.host == "" {
		return p
	}
	if p.User == "" && os.Geteuid() == 0 {
		p.User = DefaultUser
	}
	p.UID, p.GID = uint32(os.Geteuid()), uint32(os.Getegid())
	if p.User != "" {
		u, err := user.Lookup(p.User)
		if err != nil {
			v.fault(path+".user", quote(p.User), "is not a user of this system")
			return p
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 != nil || err2 != nil {
			v.fault(path+".user", quote(p.User), "has no numbers that a program could run with")
			return p
		}
		p.UID, p.GID = uint32(uid), uint32(gid)
	}
	if err := program.Check(command[0], p.UID); err != nil {
		v.fault(at+"[0]", quote(command[0]), err.Error())
	}
	return p
}

// hooks validates the programs that are run for events.
func (v *validator) hooks() []engine.Hook {
	first := map[string]int{}
	var out []engine.Hook
	for i := range v.file.Notify {
		raw := &v.file.Notify[i]
		path := "notify[" + strconv.Itoa(i) + "]"
		h := engine.Hook{Name: HookName(raw, i), Events: engine.HookTransitions}
		if raw.Name != nil {
			v.name(path+".name", raw.Name)
		}
		if j, twice := first[h.Name]; twice {
			v.fault(path+".name", quote(h.Name), fmt.Sprintf("is already the name of notify[%d]", j))
		}
		first[h.Name] = i
		if len(raw.Command) == 0 {
			v.fault(path+".command", "", "is required")
			continue
		}
		h.Program = v.program(path, "command", raw.Command, raw.User)
		h.Program.Timeout = v.duration(path+".timeout", raw.Timeout, trackIntervalMin, trackIntervalMax, hookTimeout)
		if len(raw.Events) > 0 {
			h.Events = 0
		}
		for j, name := range raw.Events {
			event, ok := engine.ParseHookEvent(name)
			if name == allTransitions {
				event, ok = engine.HookTransitions, true
			}
			if !ok {
				v.fault(path+".events["+strconv.Itoa(j)+"]", quote(name), "is not "+oneOf(append([]string{allTransitions}, engine.HookEventNames()...)))
			}
			h.Events |= event
		}
		out = append(out, h)
	}
	return out
}

// allTransitions stands for the events "init", "backup" and "master".
const allTransitions = "transition"

// HookName returns the name of a [[notify]] table: that of its position in the file if it has none.
func HookName(n *Notify, index int) string {
	if n.Name != nil {
		return *n.Name
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
		for i := range r.raw.Track {
			raw := &r.raw.Track[i]
			key := "track[" + strconv.Itoa(i) + "]"
			if raw.Object == nil {
				r.fault(key+".object", "", "is required")
				continue
			}
			t := engine.Tracking{Object: *raw.Object}
			o := named[t.Object]
			switch {
			case o == nil:
				r.fault(key+".object", quote(t.Object), "is not the name of a [[track]] object")
			case seen[t.Object]:
				r.fault(key+".object", quote(t.Object), "is listed twice")
			case o.Kind == engine.TrackFile && raw.Decrement != nil:
				r.fault(key+".decrement", strconv.Itoa(*raw.Decrement), "is not possible: the file says what the priority gains or loses")
			}
			seen[t.Object] = true
			t.Decrement = uint8(r.integer(r.path(key+".decrement"), raw.Decrement, 1, engine.MaxWeight, 0))
			r.out.Track = append(r.out.Track, t)
		}
	}
}

// syncGroups refuses members of a sync group that are in each other's way.
func (v *validator) syncGroups(list []*router) {
	type place struct {
		group string
		iface string
		v6    bool
	}
	first := map[place]*router{}
	members := map[string]int{}
	for _, r := range list {
		if r.raw.SyncGroup == nil {
			continue
		}
		name := *r.raw.SyncGroup
		if problem := badName(name, maxSyncGroup); problem != "" {
			r.fault("sync_group", quote(name), problem)
			continue
		}
		r.out.SyncGroup = name
		members[name]++
		at := place{name, r.out.Interface, r.raw.isIPv6()}
		if other, twice := first[at]; twice {
			r.fault("sync_group", quote(name), fmt.Sprintf("already has vrouter[%d] on %s: one link and family must not decide twice", other.index, r.out.Interface))
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
