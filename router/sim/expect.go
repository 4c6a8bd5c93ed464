// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// expect notes which priorities the virtual routers must have from now on.
func (w *watch) expect() {
	for i := range w.cfg.Routers {
		r := &w.cfg.Routers[i]
		v := w.add(r.Key)
		if p := w.priority(&w.cfg, r.Key); p != v.expected {
			v.before, v.expected, v.expectAt = v.expected, p, w.now()
			if heard := int(v.heard.priority); v.heardAt != never && v.before <= heard && heard < p {
				v.raisedAt = w.now()
			}
		}
		if !r.Protocol.Preempt || int(v.heard.priority) >= v.expected {
			v.lowerSince, v.raisedAt = never, never // what it has heard last is not to be preempted any more
		}
		interval := r.Protocol.Interval
		if v.shortest == 0 {
			v.shortest = interval
		}
		v.shortest, v.longest = min(v.shortest, interval), max(v.longest, interval)
	}
}

// priority is what a virtual router advertises: its own, less what the tracked objects take, or that of the member of its sync
// group that has the least.
func (w *watch) priority(cfg *engine.Config, key engine.Key) int {
	r := find(cfg, key)
	if r == nil {
		return -1
	}
	if w.owner(r) && !w.linkDown(key) {
		return vrrp.PriorityOwner
	}
	least := w.ownPriority(cfg, r)
	if r.SyncGroup == "" || r.Shutdown {
		return least
	}
	for i := range cfg.Routers {
		if o := &cfg.Routers[i]; o.SyncGroup == r.SyncGroup && !o.Shutdown && !(w.owner(o) && !w.linkDown(o.Key)) {
			least = min(least, w.ownPriority(cfg, o))
		}
	}
	return least
}

// ownPriority is the priority that the tracked objects leave a virtual router by itself.
func (w *watch) ownPriority(cfg *engine.Config, r *engine.VirtualRouter) int {
	p := int(r.Protocol.Priority)
	for _, t := range r.Track {
		for i := range cfg.Tracks {
			o := &cfg.Tracks[i]
			if o.Name != t.Object {
				continue
			}
			switch o.Kind {
			case engine.TrackInterface:
				if k, ok := w.link(o.Interface); !ok || !k.Up {
					p -= int(t.Decrement)
				}
			case engine.TrackFile:
				p += w.tracks[o.Name].Weight
			case engine.TrackScript, engine.TrackRoute:
				if result, known := w.tracks[o.Name]; known && !result.Up {
					p -= int(t.Decrement)
				}
			}
		}
	}
	return min(max(p, vrrp.PriorityMin), vrrp.PriorityMax)
}

// settleTime is how long it may take until what the program was told of has its effect everywhere: sockets are opened first.
func (w *watch) settleTime() time.Duration {
	return 200*time.Millisecond + 6*time.Duration(w.c.w.rates.KernelTime) + 2*w.slack()
}

// burst is how many announcements go out at once at most: what 2000 in a second make in the 16 ms that a program may be late.
const burst = 32

// checkFrames looks at what has entered the LANs in this turn.
func (w *watch) checkFrames() {
	announced := 0
	for i := range w.frames {
		f := &w.frames[i]
		if f.packet.Kind == frame.Advert {
			w.checkAdvert(f)
		} else {
			announced++
			w.checkAnnouncement(f)
		}
	}
	if announced > burst {
		w.c.report("burst", w.m, "%d announcements at once", announced)
	}
	w.checkLastWords()
}

// checkLastWords: what a virtual router that was Master sends in the turn in which it gives up comes before priority 0.
func (w *watch) checkLastWords() {
	for _, v := range w.all() {
		if !v.mastered || v.state == vrrp.Master || v.probes || len(v.sentNow) < 2 {
			continue
		}
		resigned := false
		for i := range w.frames {
			f := &w.frames[i]
			if f.packet.Kind != frame.Advert || f.advert.vrid != v.key.VRID || lanName(f.lan) != v.key.Interface || vrrp.FamilyOf(f.advert.source) != v.key.Family {
				continue
			}
			if resigned && f.advert.priority != 0 {
				w.c.report("wire", w.m, "%s is %s (%s) and sends an advert with priority %d after priority 0", v.key, v.state, v.cause, f.advert.priority)
			}
			resigned = f.advert.priority == 0
		}
	}
}

// configs are the configurations that may be in effect in this turn.
func (w *watch) configs() []*engine.Config { return []*engine.Config{&w.cfg, &w.was} }

func (w *watch) checkAdvert(f *sent) {
	a := &f.advert
	family := vrrp.FamilyOf(a.source)
	key := engine.Key{Interface: lanName(f.lan), Family: family, VRID: a.vrid}
	var problem string
	for _, cfg := range w.configs() {
		r := find(cfg, key)
		if r == nil {
			continue
		}
		if problem = w.advertProblem(f, r); problem == "" {
			break
		}
	}
	switch {
	case problem != "":
		w.c.report("wire", w.m, "%s sends an advert with %s: %+v from %x", key, problem, *a, f.packet.Src)
		return
	case find(&w.cfg, key) == nil && find(&w.was, key) == nil:
		w.c.report("ghost", w.m, "an advert of %s leaves %s, which does not have it", key, w.m.name)
		return
	}
	v := w.vrs[key]
	if v == nil {
		if a.priority != 0 {
			w.c.report("ghost", w.m, "%s was removed and sends an advert with priority %d", key, a.priority)
		}
		return
	}
	// One that gives up in the turn in which it became Master, since a member of its sync group cannot send, has sent its first
	// advert by then: the adverts of all go out before anyone learns which of them failed. Priority 0 follows.
	if a.priority != 0 && !v.mastered && !v.probes {
		w.c.report("wire", w.m, "%s is %s and sends an advert with priority %d", key, v.state, a.priority)
	}
	settled := w.now()-max(v.expectAt, w.changed) > w.settleTime()
	if a.priority != 0 && int(a.priority) != v.expected && settled {
		w.c.report("priority", w.m, "%s advertises priority %d, it has to be %d since %s", key, a.priority, v.expected, v.expectAt)
	}
}

// advertProblem says what is wrong with an advert of a virtual router; "" if nothing is.
func (w *watch) advertProblem(f *sent, r *engine.VirtualRouter) string {
	a, p := &f.advert, &r.Protocol
	k, known := w.link(r.Interface)
	mac := k.MAC
	if r.Type == engine.Macvlan || r.VMAC {
		mac = vrrp.VirtualMAC(r.Family, r.VRID)
	}
	interval := p.Interval
	switch {
	case a.version != uint8(p.Version):
		return "another version"
	case f.packet.TTL != vrrp.TTL:
		return "another TTL"
	case a.interval != interval:
		return "another interval"
	case p.Version == vrrp.V2 && a.auth != uint8(p.AuthType):
		return "another authentication"
	case !slices.Equal(a.addresses, p.Addresses):
		return "other addresses"
	case !known:
		return ""
	case !p.Unicast.Enabled() && f.packet.Src != mac && w.now()-w.changed > w.settleTime():
		return "another MAC"
	case w.now()-w.changed <= w.settleTime():
		return ""
	case !hasAddr(k.Addrs, a.source):
		return "a source that the interface does not have"
	case p.Unicast.Source.IsValid():
	case w.sourceRank(r, &k, a.source) > w.bestSource(r, &k):
		return "a source though there is a better one"
	}
	return w.formProblem(f, r)
}

// sourceRank is how bad an address of an interface is as the source of adverts: one that peers do not expect is worse than others, and
// a virtual one is worse still.
func (w *watch) sourceRank(r *engine.VirtualRouter, k *platform.Link, addr netip.Addr) int {
	virtual := slices.ContainsFunc(w.cfg.Routers, func(o engine.VirtualRouter) bool {
		return o.Interface == r.Interface && slices.ContainsFunc(o.Addresses, func(a engine.Address) bool { return a.Addr == addr })
	})
	narrow := slices.ContainsFunc(k.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr && p.IsSingleIP() })
	switch {
	case vrrp.FamilyOf(addr) != r.Family, r.Family == vrrp.IPv6 && !addr.IsLinkLocalUnicast():
		return 3
	case virtual:
		return 2
	case addr.Is4() && (narrow || addr.IsLinkLocalUnicast()):
		return 1
	default:
		return 0
	}
}

func (w *watch) bestSource(r *engine.VirtualRouter, k *platform.Link) int {
	best := 3
	for _, p := range k.Addrs {
		best = min(best, w.sourceRank(r, k, p.Addr().WithZone("")))
	}
	return best
}

// form is what the checksum of a message covers; one that is right in both ways is of both.
type form uint8

const (
	formMessage form = 1 << iota
	formPseudo
)

func formOf(source, to netip.Addr, b []byte) (f form) {
	plain, pseudo := sums(source, to, b)
	if plain {
		f |= formMessage
	}
	if pseudo {
		f |= formPseudo
	}
	return f
}

// formProblem: by default an advert has the form of checksum that the others have.
func (w *watch) formProblem(f *sent, r *engine.VirtualRouter) string {
	v, p := w.vrs[r.Key], &r.Protocol
	want := formPseudo
	switch {
	case p.Version == vrrp.V2 || p.Checksum == vrrp.ChecksumRFC9568 && r.Family == vrrp.IPv4:
		want = formMessage
	case p.Checksum == vrrp.ChecksumRFC5798 || r.Family == vrrp.IPv6 || v == nil:
	case v.form == 0 || v.formWas == 0:
		return "" // it may have heard others, or not
	default:
		want = v.form | v.formWas
	}
	if f.advert.form&want == 0 {
		return "another form of checksum"
	}
	return ""
}

// checkAnnouncement: only addresses that the kernel has are announced, and only by a Master.
func (w *watch) checkAnnouncement(f *sent) {
	addr := f.packet.TargetIP
	if !w.m.kernel.Has(addr) {
		// What somebody has removed, the program may not know yet, or is putting back: its announcements go on meanwhile. The kernel
		// is as slow as before with what it was doing when everything was repaired.
		was, is := &w.c.w.scenario.Rates, &w.c.w.rates
		// After lost news it compares the kernel a second after the last comparison at the earliest.
		if w.now()-w.c.w.disturb > time.Second+time.Duration(max(was.News, is.News)+6*(was.KernelTime-is.KernelTime))+w.settleTime() {
			w.c.report("announcement", w.m, "%s is announced and is not there", addr)
		}
		return
	}
	for _, v := range w.vrs {
		cfg := find(&w.cfg, v.key)
		if cfg == nil || v.key.Interface != lanName(f.lan) || !slices.ContainsFunc(cfg.Addresses, func(a engine.Address) bool { return a.Addr == addr }) {
			continue
		}
		if v.state != vrrp.Master {
			w.c.report("announcement", w.m, "%s is announced, and %s is %s", addr, v.key, v.state)
		}
		v.announced[addr], v.lasting = w.now(), false // the kernel has accepted the addresses
		return
	}
	// What a commit has taken away is announced until the kernel has removed it.
	if at, gone := w.gone[addr]; gone && w.now()-at <= w.settleTime()+6*time.Duration(w.c.w.rates.KernelTime) {
		return
	}
	w.c.report("announcement", w.m, "%s is announced and is of no virtual router", addr)
}
