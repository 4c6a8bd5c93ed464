// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

// watch is what the checker knows of a life, by what it tells and does.
type watch struct {
	c *checker
	l *life
	m *machine

	cfg  engine.Config  // that the Core runs
	was  engine.Config  // before the last change, in this turn
	next *engine.Config // what it is about to run
	// asked is what the program was given last, and current what it was given of what runs.
	asked, current *engine.Config
	// adopts is true when it is applied in this turn.
	adopts bool
	vrs    map[engine.Key]*router
	list   []*router // the same, in order; nil when that has changed

	links   map[int]platform.Link // as the program knows them
	tracks  map[string]engine.TrackResult
	eventID uint64
	woken   time.Duration // since when the program runs without a stop
	changed time.Duration // when what priorities depend on was last another

	looking bool
	lookAt  time.Duration

	gone map[netip.Addr]time.Duration // virtual addresses that a commit has taken away, and when

	// Of the turn under way.
	frames    []sent
	began     map[engine.Key]vrrp.State
	sendFails int  // calls of the kernel that have failed to send
	done      bool // the program has stopped every virtual router
	blind     bool // more packets were sent and received than are shown, as after a stall
}

// router is what is known of a virtual router.
type router struct {
	key   engine.Key
	state vrrp.State
	since time.Duration
	cause vrrp.Cause

	// Of a Backup: the last advert that it has accepted in this state, and when others were.
	heard        advert
	heardAt      time.Duration // of heard; negative: there was none
	resignedAt   time.Duration // when the Master has resigned, if that was the last; negative
	missedAt     time.Duration // since when it may have heard that the Master resigned, as not all packets were shown; negative
	skewedAt     time.Duration // when the Master has resigned, if those that came after that restart no timer; negative
	relevantAt   time.Duration // when the last came that restarts its timer; negative
	relevant     time.Duration // the interval of that one
	lowerSince   time.Duration // since when only lower priorities are heard; negative
	raisedAt     time.Duration // when its own priority rose above that of its Master; negative
	configuredAt time.Duration
	shortest     time.Duration // interval that it was configured with in this state
	longest      time.Duration

	// Of a Master: what it has sent last.
	sent       advert
	sentAt     time.Duration                // negative: nothing
	provokedAt time.Duration                // when it was last given a reason for an advert that is not due
	changedAt  time.Duration                // the same, but for adverts of others
	lately     [4]time.Duration             // when it has sent its last adverts
	announced  map[netip.Addr]time.Duration // when each of its addresses was announced last
	mute       bool                         // its last advert was not sent
	went       int                          // how many adverts in a row were sent, or negative: were not
	mastered   bool                         // it is or was Master in this turn
	probes     bool                         // it was so when this turn began: a Backup may try whether it can send now

	// What a refusal of the addresses means: since it is held off until then, the nth time in a row.
	held      time.Duration
	backoff   time.Duration
	preempted bool   // it has lost Master to a refusal after it took over from another one, and nothing has changed since
	took      bool   // it has taken over from another one that was alive
	lasting   bool   // the kernel has refused something in a way that the next attempt does not mend
	fault     string // the last one that it has told of: it tells of the same one once

	mayResign bool // an operator has asked it to
	expected  int  // the priority that it must have
	expectAt  time.Duration
	before    int // the priority that it must have had before expectAt

	repairs []time.Duration // when something was put back that was removed from outside
	counts  counts
	form    form // of the checksum of the last advert that it has accepted; 0: none, or it may not know
	formWas form // before this turn

	heardNow []advert // in this turn
	sentNow  []advert
}

// advert is a VRRP message as far as the checker reads it.
type advert struct {
	source    netip.Addr
	version   uint8
	vrid      uint8
	priority  uint8
	auth      uint8
	interval  time.Duration
	addresses []netip.Addr
	form      form
}

// sent is a frame that has entered a LAN.
type sent struct {
	lan    int
	packet frame.Packet
	advert advert
}

const never = time.Duration(-1)

func newWatch(c *checker, l *life, h *driver.Handover) *watch {
	w := &watch{
		c: c, l: l, m: l.m, vrs: make(map[engine.Key]*router), links: make(map[int]platform.Link),
		gone: make(map[netip.Addr]time.Duration), tracks: make(map[string]engine.TrackResult), woken: c.w.now, began: make(map[engine.Key]vrrp.State), changed: c.w.now,
	}
	l.m.sound = true
	links, err := l.system.Links()
	must(err)
	l.m.sound = false
	for _, k := range links {
		if !k.Ours {
			w.links[k.Index] = k
		}
	}
	if h != nil {
		w.inherit(h)
	}
	return w
}

// inherit takes over what is known of the life before.
func (w *watch) inherit(h *driver.Handover) {
	w.cfg = h.Engine.Config
	w.eventID = h.Engine.EventSeq
	before := w.m.before
	for i := range w.cfg.Routers {
		v := w.add(w.cfg.Routers[i].Key)
		if o := before.vrs[v.key]; o != nil {
			v.state, v.cause, v.held, v.backoff, v.preempted, v.announced = o.state, o.cause, o.held, o.backoff, o.preempted, o.announced
			v.sent, v.sentAt, v.expected = o.sent, o.sentAt, o.expected
			v.mute, v.went, v.lasting, v.fault, v.form, v.formWas, v.counts, v.repairs = o.mute, o.went, o.lasting, o.fault, o.form, o.form, o.counts, o.repairs
			v.heard, v.heardAt, v.relevant, v.lowerSince, v.shortest, v.longest = o.heard, o.heardAt, o.relevant, o.lowerSince, o.shortest, o.longest
			if v.went > -muteAfter { // how many adverts were not sent is not handed over
				v.went = max(v.went, 0)
			}
			v.resignedAt, v.raisedAt = o.resignedAt, o.raisedAt
			if v.state == vrrp.Backup { // it waits from now on
				v.since = w.c.w.now
			}
		}
	}
	maps.Copy(w.tracks, before.tracks)
}

func (w *watch) now() time.Duration { return w.c.w.now }

// all are the virtual routers in the order of their names.
func (w *watch) all() []*router {
	if w.list == nil {
		w.list = slices.Collect(maps.Values(w.vrs))
		slices.SortFunc(w.list, func(a, b *router) int { return a.key.Compare(b.key) })
	}
	return w.list
}

func (w *watch) add(key engine.Key) *router {
	v := w.vrs[key]
	if v == nil {
		v = &router{key: key, since: w.now(), sentAt: never, provokedAt: w.now(), changedAt: w.now(), announced: make(map[netip.Addr]time.Duration), expected: -1}
		v.reset(w.now())
		w.vrs[key], w.list = v, nil
	}
	return v
}

// reset forgets what belongs to a state.
func (v *router) reset(now time.Duration) {
	v.heard, v.heardAt, v.resignedAt, v.missedAt, v.skewedAt = advert{}, never, never, never, never
	v.relevantAt, v.lowerSince, v.raisedAt = never, never, never
	v.relevant, v.shortest, v.longest = 0, 0, 0
	v.since = now
}

// checkSilence: a program that hands over sends the adverts of its Masters meanwhile.
func (w *watch) checkSilence() {
	for _, v := range w.all() {
		cfg := find(&w.cfg, v.key)
		if cfg == nil || v.state != vrrp.Master || v.sentAt == never || w.l.dead && !w.l.gone || w.linkDown(v.key) {
			continue
		}
		silent := w.now() - max(v.sentAt, v.since, w.woken)
		if limit := cfg.Protocol.Interval + tolerance(cfg.Protocol.Interval) + w.slack() + 50*time.Millisecond; silent > limit {
			w.c.report("silent-handover", w.m, "%s has sent nothing for %s when it has handed over; its interval is %s", v.key, silent, cfg.Protocol.Interval)
		}
	}
}

func (w *watch) state(key engine.Key) vrrp.State {
	if v := w.vrs[key]; v != nil {
		return v.state
	}
	return vrrp.Initialize
}

// find returns the configuration of a virtual router; nil if there is none.
func find(cfg *engine.Config, key engine.Key) *engine.VirtualRouter {
	for i := range cfg.Routers {
		if cfg.Routers[i].Key == key {
			return &cfg.Routers[i]
		}
	}
	return nil
}

func (w *watch) mayResign(key engine.Key) {
	if v := w.vrs[key]; v != nil {
		v.mayResign = true
	}
}

// applying tells of a configuration that the program is about to apply.
func (w *watch) applying(c *engine.Config) {
	w.next, w.asked = c, c
}

// told tells of interfaces that the program learns of.
func (w *watch) told(u *platform.Update, whole bool) {
	w.changed = w.now()
	was := maps.Clone(w.links)
	if whole {
		clear(w.links)
	}
	for _, index := range u.Gone {
		delete(w.links, index)
	}
	for _, k := range u.Links {
		if !k.Ours {
			w.links[k.Index] = k
		}
	}
	same := len(u.Lost) == 0 && reflect.DeepEqual(was, w.links)
	for _, v := range w.all() {
		w.provoke(v)
		v.preempted = v.preempted && same
		if k, ok := w.link(v.key.Interface); ok && was[k.Index].MAC != k.MAC && was[k.Index].Name == k.Name {
			w.otherMAC(v)
		}
	}
}

// otherMAC notes that the interface of a virtual router has another MAC address: if its addresses resolve to that, they are to be
// announced again.
func (w *watch) otherMAC(v *router) {
	if r := find(&w.cfg, v.key); r != nil && r.Type == engine.Ether && !r.VMAC {
		clear(v.announced)
	}
}

// link is an interface as the program knows it; false if it knows none.
func (w *watch) link(name string) (platform.Link, bool) {
	for _, k := range w.links {
		if k.Name == name {
			return k, true
		}
	}
	return platform.Link{}, false
}

// tracked tells of the result of an object.
func (w *watch) tracked(name string, r engine.TrackResult) {
	w.tracks[name] = r
	w.changed = w.now()
	for _, v := range w.all() {
		w.provoke(v)
	}
}

// awake tells that the program runs again.
func (w *watch) awake() { w.woken = w.now() }

// refused tells of a call of the kernel that has failed. The network is locked.
func (w *watch) refused(call string) {
	w.m.failures++
	if call == string(fake.CallSend) {
		w.sendFails++
	}
	w.m.unannounced = w.m.unannounced || call == string(fake.CallAnnounce)
	for _, v := range w.all() {
		w.provoke(v)
	}
	w.changed = w.now()
}

// frame notes a frame that the program sends. The network is locked.
func (w *watch) frame(lan int, f *fake.Frame) {
	s := sent{lan: lan, packet: f.Packet}
	if f.Packet.Kind == frame.Advert {
		s.advert = decode(f.Packet.SrcAddr, f.Packet.DstAddr, f.Packet.Payload)
	}
	s.packet.Payload = nil // it is not ours
	w.frames = append(w.frames, s)
}

// decode reads a VRRP message.
func decode(source, to netip.Addr, b []byte) advert {
	a := advert{source: source.WithZone(""), form: formOf(source, to, b)}
	if len(b) < 8 {
		return a
	}
	a.version, a.vrid, a.priority = b[0]>>4, b[1], b[2]
	if a.version == 2 {
		a.auth, a.interval = b[4], time.Duration(b[5])*time.Second
	} else {
		a.interval = time.Duration(int(b[4]&0xf)<<8|int(b[5])) * 10 * time.Millisecond
	}
	size := 4
	if source.Is6() {
		size = 16
	}
	for i, at := 0, 8; i < int(b[3]) && at+size <= len(b); i, at = i+1, at+size {
		addr, _ := netip.AddrFromSlice(b[at : at+size])
		a.addresses = append(a.addresses, addr)
	}
	return a
}

// begins tells that a turn begins.
func (w *watch) begins() {
	w.frames, w.sendFails = w.frames[:0], 0
	clear(w.began)
	w.was = w.cfg
	for key, v := range w.vrs {
		w.began[key], v.mastered, v.formWas = v.state, v.state == vrrp.Master, v.form
		v.heardNow, v.sentNow = v.heardNow[:0], v.sentNow[:0]
	}
}

// turned looks at what a turn has brought.
func (w *watch) turned(first bool) {
	if first {
		w.was = w.cfg
	}
	events := w.drainEvents()
	w.adopts = slices.ContainsFunc(events, isAdoption)
	w.drainPackets()
	w.checkMute()
	w.countSent()
	if w.blind = w.l.missed() > 0; w.blind {
		for _, v := range w.vrs {
			v.went = 0 // what it has sent now, or tried to, may not be shown
		}
	}
	for i := range events {
		w.event(&events[i], events[:i], events[i+1:])
	}
	w.expect()
	if w.blind {
		w.forgetPackets()
	}
	w.checkFrames()
	w.checkHeard(events)
	w.checkSync()
	for _, v := range w.vrs {
		v.mayResign = v.mayResign && v.state == vrrp.Master
	}
}

// checkMute finds out whose adverts are sent.
func (w *watch) checkMute() {
	for _, v := range w.all() {
		v.probes = v.mute
		if len(v.sentNow) > 0 {
			v.mute = !slices.ContainsFunc(w.frames, func(f sent) bool {
				return f.packet.Kind == frame.Advert && lanName(f.lan) == v.key.Interface && f.advert.vrid == v.key.VRID && vrrp.FamilyOf(f.advert.source) == v.key.Family
			})
			switch {
			case !v.mute:
				v.went = max(v.went, 0) + 1
			case w.sendFails > 0 && w.m.fails(fake.CallSend):
				v.went = min(v.went, 0) - 1
			default: // as without a cable: it is not told
				v.went = 0
			}
		}
	}
}

// forgetPackets goes on as if everything had been sent and heard now.
func (w *watch) forgetPackets() {
	for _, v := range w.vrs {
		v.heardNow, v.sentNow = v.heardNow[:0], v.sentNow[:0]
		v.counts.known, v.form = nil, 0
		v.sentAt, v.relevantAt, v.provokedAt, v.lowerSince = w.now(), w.now(), w.now(), never
		if v.missedAt == never {
			v.missedAt = w.now()
		}
	}
}

// stopped looks at what the stop of all virtual routers has brought.
func (w *watch) stopped() {
	w.done = true
	w.turned(false)
	for _, v := range w.all() {
		if v.state != vrrp.Initialize {
			w.c.report("stop", w.m, "%s is %s after a stop", v.key, v.state)
		}
	}
}

// ended is the end of the life.
func (w *watch) ended(err error) {
	w.m.before = w
	if w.done {
		w.c.left[w.m.name] = err == nil
	}
}

// drainPackets takes the packets that were sent and received.
func (w *watch) drainPackets() {
	for {
		select {
		case p, ok := <-w.l.packets:
			if !ok {
				return
			}
			w.packet(&p)
		default:
			return
		}
	}
}

func (w *watch) packet(p *engine.TappedPacket) {
	a := decode(p.Packet.Src, p.Packet.Dst, p.Packet.Payload)
	key := engine.Key{Interface: p.Interface, Family: p.Family, VRID: a.vrid}
	v := w.vrs[key]
	if v == nil && w.adopts && w.next != nil && find(w.next, key) != nil {
		v = w.add(key) // the configuration that has it is being applied in this turn
	}
	switch {
	case p.Sent:
		w.c.w.stats.Adverts++
		if v == nil {
			w.c.report("ghost", w.m, "%s sends an advert with priority %d and is not configured", key, a.priority)
			return
		}
		v.sentNow = append(v.sentNow, a)
	case v == nil:
		if p.Drop == vrrp.DropNone {
			w.c.report("ghost", w.m, "%s accepts an advert and is not configured", key)
		}
	default:
		v.provokedAt = w.now()
		v.counts.received(p.Drop, a.priority)
		if p.Drop == vrrp.DropNone {
			w.mayAccept(v, &p.Packet, &a)
			v.form = a.form
			if v.formWas != 0 { // it may have answered before it heard the next
				v.formWas |= a.form
			}
			v.heardNow = append(v.heardNow, a)
			w.c.w.reached(v.state.String(), heardAs(&a, v.expected))
		} else {
			w.c.w.reached(v.state.String(), "discards: "+p.Drop.String())
		}
	}
}

func heardAs(a *advert, own int) string {
	switch p := int(a.priority); {
	case p == 0:
		return "hears priority 0"
	case p > own:
		return "hears a higher priority"
	case p < own:
		return "hears a lower priority"
	default:
		return "hears the same priority"
	}
}

// drainEvents takes the events that were told.
func (w *watch) drainEvents() (list []engine.Event) {
	for {
		select {
		case e, ok := <-w.l.events:
			if !ok {
				return list
			}
			if e.Seq != w.eventID+1 {
				w.c.report("events", w.m, "event %d comes after %d", e.Seq, w.eventID)
			}
			w.eventID = e.Seq
			list = append(list, e)
		default:
			return list
		}
	}
}

// repaired: what another program removes is put back five times within ten seconds, not more.
func (w *watch) repaired(key engine.Key) {
	const most, window = 5, 10 * time.Second
	v := w.vrs[key]
	if v == nil {
		return
	}
	v.repairs = append(v.repairs, w.now())
	if n := len(v.repairs); n > most && w.now()-v.repairs[n-1-most] < window-tolerance(window) {
		w.c.report("repairs", w.m, "%s puts back what was removed %d times within %s", key, most+1, window)
	}
}

// isAdoption tells whether an event is that of a configuration that was applied.
func isAdoption(e engine.Event) bool {
	return e.Kind == engine.EventConfig && strings.HasPrefix(e.Text, "configuration applied")
}

// event takes an event in.
func (w *watch) event(e *engine.Event, before, after []engine.Event) {
	w.c.w.note("%s %s %s %s -> %s (%s) %s", w.m.name, eventNames[e.Kind], e.Key, e.From, e.To, e.Cause, e.Text)
	switch e.Kind {
	case engine.EventConfig:
		// Who takes back what it has just taken back changes nothing.
		if isAdoption(*e) && w.next != nil && !(strings.HasSuffix(e.Text, "no virtual router changed") && w.current == w.asked) {
			w.adopted(before)
			if w.l.hangsUp {
				w.l.hangUp()
			}
		}
		w.changed = w.now()
	case engine.EventTransition:
		w.c.w.stats.Moves++
		w.moved(e, before, after)
	case engine.EventFault:
		w.changed = w.now()
		if strings.HasPrefix(e.Text, "removed from outside, putting it back") {
			w.repaired(e.Key)
		}
		if strings.Contains(e.Text, "removed from outside more than") {
			w.m.failures++ // the comparison of the kernel puts it back
		}
		kernel := strings.Contains(e.Text, errLasting.Error()) || strings.Contains(e.Text, errPassing.Error())
		if v := w.vrs[e.Key]; v != nil && kernel && !strings.HasPrefix(e.Text, "cannot send") && !strings.HasPrefix(e.Text, "cannot receive") {
			v.fault = e.Text
			// What fails in a passing way, such as a removal, says nothing of what was refused before.
			v.lasting = v.lasting || strings.Contains(e.Text, errLasting.Error())
			v.preempted = false // it is set when the refusal follows
		}
	case engine.EventLink, engine.EventTrack:
		w.changed = w.now()
	case engine.EventFlaps:
		w.uncount(e.Key)
	case engine.EventRoute:
	}
}

var eventNames = map[engine.EventKind]string{
	engine.EventTransition: "transition", engine.EventFault: "fault", engine.EventLink: "link", engine.EventConfig: "config",
	engine.EventTrack: "track", engine.EventRoute: "route", engine.EventFlaps: "flaps",
}

// adopted makes the configuration that was to be applied the one that runs.
func (w *watch) adopted(before []engine.Event) {
	from, to := w.cfg, *w.next
	w.checkPlan(&from, &to, before)
	w.current = w.next
	w.cfg, w.next = to, &from // should it fail, the old one is back
	for i := range from.Routers {
		for _, a := range from.Routers[i].Addresses {
			w.gone[a.Addr] = w.now()
		}
	}
	for i := range to.Routers {
		w.provoke(w.add(to.Routers[i].Key))
	}
	for _, v := range w.all() {
		was, is := find(&from, v.key), find(&to, v.key)
		if is == nil {
			delete(w.vrs, v.key)
			w.list = nil
			continue
		}
		if kind := changeOf(was, is); kind != engine.Unchanged {
			v.form = 0 // a restart forgets it
			v.preempted, v.configuredAt = false, w.now()
			if otherAddresses(was, is) {
				v.held, v.backoff = 0, 0
			}
		}
	}
}

// otherAddresses tells whether a change gives a virtual router addresses that the kernel was not asked for yet, so that it does not
// wait for what the kernel has refused before.
func otherAddresses(was, is *engine.VirtualRouter) bool {
	switch changeOf(was, is) {
	case engine.Unchanged:
		return false
	case engine.ChangedInPlace:
		return !slices.Equal(was.Protocol.Addresses, is.Protocol.Addresses)
	default:
		return true
	}
}

// changeOf is what becomes of a virtual router with another configuration.
func changeOf(was, is *engine.VirtualRouter) engine.ChangeKind {
	if was == nil {
		return engine.Created
	}
	for _, c := range engine.Plan(engine.Config{Routers: []engine.VirtualRouter{*was}}, engine.Config{Routers: []engine.VirtualRouter{*is}}) {
		return c.Kind
	}
	return engine.Unchanged
}
