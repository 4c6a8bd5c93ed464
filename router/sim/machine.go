// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"vrrpsh/engine/driver"
	"vrrpsh/platform/fake"
)

// Where a machine has its files.
const (
	configPath = "/etc/vrrpsh/vrrpsh.toml"
	stateDir   = "/var/lib/vrrpsh"
)

// again is after what time a program that has failed is started again, as systemd does.
const again = time.Second

// machine is a router with its kernel, disk and clock. The program that runs on it is its life.
type machine struct {
	w      *world
	index  int
	name   string
	spec   *Machine
	kernel *fake.Router
	disk   *disk
	clock  *clock
	life   *life // nil: off
	wanted bool  // it is to run: somebody has started it and nobody has stopped it
	starts int   // how often somebody has said when it starts again
	passes bool  // its program is being replaced: no other can start

	calls       []*failure // of the kernel, that are to come
	ops         []*failure // of the disk
	crash       *crash
	tracks      map[string]track
	missing     map[string]func() error // interfaces that come back, by name
	macs        map[string][6]byte
	commits     ledger
	before      *watch // of the life before
	sound       bool   // no call of the kernel fails
	failures    int    // calls of the kernel that have failed
	failedAt    []time.Duration
	unsure      bool   // some of them left more or less than the program knows: a comparison finds it, and what was refused is tried again
	unannounced bool   // some of them were announcements
	hand        []byte // what a person has written into the configuration file since a commit did; nil: nothing
	edits       int    // how often
	diskFailed  bool   // a call of the disk has failed
	unremoved   bool   // the disk has not removed something; the next start does
}

// failure makes calls fail: from the nth on, once or for a time.
type failure struct {
	call  string
	nth   int64
	until time.Duration // zero: once
	done  bool          // the call is carried out nevertheless
	err   error
	over  bool
}

// crash ends a machine's program, or its power, at a change of the disk.
type crash struct {
	changes int64
	power   bool
	again   time.Duration
}

func newMachine(w *world, index int) *machine {
	m := &machine{
		w: w, index: index, name: machineName(index), spec: &w.scenario.Machines[index], clock: newClock(w.scheduler, epoch),
		disk: newDisk("/etc/vrrpsh", "/var/lib"), tracks: make(map[string]track), missing: make(map[string]func() error), macs: make(map[string][6]byte),
	}
	m.kernel = w.lans[0].AddRouter(m.name, addressesOf(0, index)...)
	for lan := 1; lan < len(w.lans); lan++ {
		m.kernel.AddLink(w.lans[lan], lanName(lan), addressesOf(lan, index)...)
	}
	m.kernel.AddLink(w.wan, wanName)
	for _, k := range m.kernel.Links() {
		m.macs[k.Name] = k.MAC
	}
	m.kernel.SetFaults(fake.Faults{Call: m.call})
	m.disk.fault, m.disk.done = m.diskFault, m.diskDone
	m.disk.put(configPath, []byte(m.spec.Config))
	m.commits = newLedger(m)
	return m
}

func (m *machine) note(format string, args ...any) { m.w.note(m.name+" "+format, args...) }

// start starts the program.
func (m *machine) start(h *driver.Handover) {
	m.wanted = true
	if m.life == nil && !m.passes {
		m.unremoved = false
		newLife(m, h)
	}
}

// startLater starts it after a time, if it is still to run then and nobody has said another time.
func (m *machine) startLater(d time.Duration) {
	m.starts++
	start := m.starts
	m.w.in(d, func() {
		if m.wanted && m.life == nil && m.starts == start {
			m.start(nil)
		}
	})
}

// kill ends the program as kill -9 does.
func (m *machine) kill() {
	if m.life != nil {
		m.life.die()
	}
	if m.passes {
		m.passes = false
		m.kernel.Kill()
	}
}

// losePower ends everything on the machine. What is not on the disk is lost, and all that was done to the kernel.
func (m *machine) losePower() {
	m.kill()
	m.disk.losePower(m.w.rand)
	m.commits.lostPower()
	m.kernel.Reboot()
	m.clock.reboot()
	m.w.note("%s has lost its power: %d files", m.name, len(m.disk.names))
}

// drop forgets the life at the end of a run.
func (m *machine) drop() {
	if m.life != nil {
		m.life.dead = true
		m.w.kill(m.life)
	}
}

// call decides whether a call of the kernel fails. The network is locked.
func (m *machine) call(c fake.Call, what string) (done bool, err error) {
	if m.sound {
		return false, nil
	}
	if f := m.failing(&m.calls, func(name string) bool { return name == string(c) || name == "any" }); f != nil {
		m.failed(string(c), what, f.done, f.err)
		return f.done, f.err
	}
	if c != fake.CallSend && c != fake.CallReceive && c != fake.CallAnnounce && m.w.chance(m.w.rates.Kernel) {
		done, err := m.w.chance(m.w.rates.Done), errPassing
		if m.w.chance(0.3) {
			err = errLasting
		}
		m.failed(string(c), what, done, err)
		return done, err
	}
	return false, nil
}

// Errors of the kernel: one that the program expects to come again, and one that it does not.
const (
	errLasting = syscall.EINVAL
	errPassing = syscall.ENOBUFS
)

// fails tells whether one of some calls, or of all if none is given, fails each time now.
func (m *machine) fails(calls ...fake.Call) bool {
	return slices.ContainsFunc(m.calls, func(f *failure) bool {
		return m.w.now <= f.until && (len(calls) == 0 || f.call == "any" || slices.Contains(calls, fake.Call(f.call)))
	})
}

func (m *machine) failed(call, what string, done bool, err error) {
	m.w.fault("call " + call)
	m.failedAt = append(slices.DeleteFunc(m.failedAt, func(t time.Duration) bool { return m.w.now-t > 3*mending }), m.w.now)
	m.unsure = m.unsure || done || errors.Is(err, errPassing)
	if m.life != nil {
		m.life.refused(call)
	}
	m.note("call %s %s fails, done: %t", call, what, done)
}

// failing returns the failure that a call meets, if any.
func (m *machine) failing(list *[]*failure, match func(string) bool) *failure {
	var met *failure
	for _, f := range *list {
		switch {
		case met != nil || !match(f.call):
		case f.until > 0 && m.w.now > f.until:
			f.over = true
		case f.nth > 1:
			f.nth--
		default:
			met = f
			f.over = f.until == 0
		}
	}
	*list = slices.DeleteFunc(*list, func(f *failure) bool { return f.over })
	return met
}

// diskFault decides whether a call of the disk fails, and takes its time. Nothing happens to the disk of a program that is dead.
func (m *machine) diskFault(op diskOp, path string) error {
	if t := m.w.current; t != nil {
		if t.killed {
			panic(killed{})
		}
		// The manager holds a lock while it writes the history: nothing else could go on.
		if d := m.w.upTo(m.w.rates.DiskTime); d > 0 && !strings.Contains(path, "/history") {
			m.w.fault("slow disk")
			m.w.sleep(d)
		}
	}
	f := m.failing(&m.ops, func(name string) bool {
		return name == string(op) || name == "any" || name == "change" && op.writes()
	})
	switch {
	case f != nil:
		m.diskFailed, m.unremoved = true, m.unremoved || op == opRemove || op == opReadDir
		m.w.fault("disk " + string(op))
		m.note("disk %s %s: %v", op, path, f.err)
		return f.err
	case m.w.chance(m.w.rates.Disk):
		m.diskFailed, m.unremoved = true, m.unremoved || op == opRemove || op == opReadDir
		m.w.fault("disk " + string(op))
		m.note("disk %s %s: input/output error", op, path)
		return syscall.EIO
	}
	return nil
}

// diskDone ends the program at a change of the disk if it is to.
func (m *machine) diskDone(op diskOp, path string) {
	m.note("disk %s %s", op, path)
	c := m.crash
	if c == nil || m.life == nil {
		return
	}
	if c.changes--; c.changes > 0 {
		return
	}
	m.crash = nil
	m.w.fault("crash at a change of the disk")
	m.note("dies at %s %s", op, path)
	if c.power {
		m.losePower()
	} else {
		m.kill()
	}
	m.startLater(c.again)
	if m.w.current != nil && m.w.current.killed {
		panic(killed{})
	}
}

// repair makes the machine a sound one.
func (m *machine) repair() {
	m.calls, m.ops, m.crash = nil, nil, nil
	m.clock.drift(1)
	for _, name := range slices.Sorted(maps.Keys(m.missing)) {
		m.comeBack(name)
	}
	for _, k := range m.kernel.Links() {
		if mac, own := m.macs[k.Name]; own {
			must(cmp.Or(m.kernel.Plug(k.Name), m.kernel.SetUp(k.Name, true), m.kernel.SetMTU(k.Name, 1500), m.kernel.SetMAC(k.Name, mac)))
		}
	}
	for lan := range m.w.lans {
		for _, a := range addressesOf(lan, m.index) {
			m.restore(lanName(lan), a)
		}
		m.address(lanName(lan), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(lan), 0, byte(200 + m.index)}), 24), false)
	}
	if l := m.life; l != nil {
		l.wakeUp()
		l.watch.awake() // it may have been late until now
		l.report("check", track{up: true})
		l.report("weight", track{up: true})
	}
	m.tracks = make(map[string]track)
	m.start(nil)
	m.recommit()
}

// restore gives an interface an address of its own back. The kernel refuses it while a Master has it as a virtual one: whoever
// configures the interface tries again.
func (m *machine) restore(name string, p netip.Prefix) {
	m.address(name, p, true)
	if slices.Contains(m.kernel.OwnAddrs(name), p) {
		return
	}
	m.w.in(time.Second, func() {
		if m.w.now-m.w.disturb < healing/2 {
			m.restore(name, p)
		}
	})
}

// address gives an interface an address of its own, or takes it away.
func (m *machine) address(name string, p netip.Prefix, there bool) {
	for _, k := range m.kernel.Links() {
		if k.Name != name {
			continue
		}
		switch has := slices.Contains(m.kernel.OwnAddrs(name), p); {
		case there && !has:
			_ = m.kernel.AddAddr(name, p)
		case !there && has:
			_ = m.kernel.DelAddr(name, p)
		}
	}
}

// comeBack brings an interface back that was deleted.
func (m *machine) comeBack(name string) {
	back := m.missing[name]
	delete(m.missing, name)
	if back == nil {
		return
	}
	must(back())
	must(m.kernel.Plug(name))
	lan := lanOf(name)
	for _, a := range addressesOf(lan, m.index) {
		m.address(name, a, true)
	}
	m.w.disturbed()
}

// recommit makes the configuration what the administrator wants, again and again until that works.
func (m *machine) recommit() {
	m.w.in(3*time.Second, func() {
		if !m.isFinal() {
			if l := m.life; l != nil && l.manager != nil && !l.stopping() {
				m.w.begin(l, func() {
					if l.commit(Step{Do: OpCommit, Text: m.spec.Final}) == nil && l.manager.Awaited() != nil {
						l.confirm()
					}
				})
			}
			m.recommit()
		}
	})
}

// isFinal tells whether the machine runs what it shall run at the end, and its file has that unless somebody has to see to it.
func (m *machine) isFinal() bool {
	if m.life == nil || m.life.manager == nil {
		return false
	}
	final := canonical(m.spec.Final)
	if m.commits.onDisk() != final && m.commits.toldOfFile() {
		return false
	}
	return m.commits.running(m.life) == final && m.life.manager.Awaited() == nil
}

// restart puts another program in the place of the one that runs. The wall clock is stepped meanwhile.
func (m *machine) restart(takes, stepped time.Duration) {
	l := m.life
	if l == nil || l.manager == nil || l.stopping() {
		return
	}
	l.leaving = true
	m.w.begin(l, func() {
		l.manager.Close()
		h, err := l.driver.HandOver(background)
		l.watch.checkSilence()
		if err != nil {
			m.note("hands nothing over: %v", err)
			return
		}
		document, err := json.Marshal(h)
		if err != nil {
			wrong("%v", err)
		}
		m.note("hands over %d bytes", len(document))
		if stepped != 0 {
			m.clock.step(stepped)
		}
		m.starts++
		start := m.starts
		m.passes = true
		m.w.in(takes, func() {
			if !m.passes || m.starts != start {
				return
			}
			m.passes = false
			h, err := driver.ReadHandover(document, nil)
			if err != nil {
				wrong("%v", err)
			}
			m.start(h)
		})
	})
}

func must(err error) {
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		wrong("%v", err)
	}
}
