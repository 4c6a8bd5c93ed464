// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine/vrrp"
	"vrrpsh/shell"
)

// act does a step.
func (w *world) act(s *Step) {
	m := w.machines[s.On]
	w.note("%s", s)
	w.check.stepped(m, s)
	if !w.touch(m, s) {
		w.program(m, s)
	}
}

// touch does what concerns the network, the kernel or the disk of a machine; false if the step is none of these.
func (w *world) touch(m *machine, s *Step) bool {
	switch s.Do {
	case OpStep:
		m.clock.step(time.Duration(s.For))
	case OpDrift:
		m.clock.drift(1 + float64(s.N)/1e6)
		if m.life != nil {
			m.life.turnIn(0)
		}
		return true
	case OpCut:
		w.cut(m, s)
	case OpMend:
		clear(w.cuts)
	case OpPing:
		for _, h := range w.hosts {
			h.Ping(netip.MustParseAddr(s.Name))
		}
		return true
	case OpJunk:
		w.junk(m, s)
		w.fault("junk")
		return true
	case OpRogue:
		w.rogue(m, s)
		w.fault("rogue")
		return true
	case OpUnplug:
		_ = m.kernel.Unplug(s.Name) // it may be gone
	case OpPlug:
		_ = m.kernel.Plug(s.Name)
	case OpDown, OpUp:
		_ = m.kernel.SetUp(s.Name, s.Do == OpUp)
	case OpDelete:
		m.takeAway(s)
	case OpMAC:
		_ = m.kernel.SetMAC(s.Name, [6]byte{2, 1, byte(w.rand.IntN(256)), byte(w.rand.IntN(256)), byte(m.index), 1})
	case OpMTU:
		_ = m.kernel.SetMTU(s.Name, int(s.N))
	case OpAddr:
		m.address(s.Name, netip.MustParsePrefix(s.Text), s.N == 0)
	case OpLose:
		m.lose(s.Name)
	case OpUnroute:
		m.kernel.DelRoute(netip.MustParsePrefix(s.Name))
	case OpOverrun:
		m.kernel.LoseNews()
	case OpCall:
		name, done := strings.CutSuffix(s.Name, "!")
		m.calls = append(m.calls, &failure{call: name, nth: s.N, until: w.lasts(s), done: done, err: kernelErrors[s.Text]})
	case OpDisk:
		m.ops = append(m.ops, &failure{call: s.Name, nth: s.N, until: w.lasts(s), err: diskErrors[s.Text]})
	default:
		return false
	}
	w.fault(string(s.Do))
	w.disturbed()
	return true
}

var kernelErrors = map[string]error{"": errPassing, "EINVAL": errLasting}

var diskErrors = map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS}

// lasts is when what a step does is over; 0: it happens once.
func (w *world) lasts(s *Step) time.Duration {
	if s.For == 0 {
		return 0
	}
	// What it has done is to be mended within a time that begins at its end.
	w.in(time.Duration(s.For), w.disturbed)
	return w.now + time.Duration(s.For)
}

// program does what concerns the program of a machine.
func (w *world) program(m *machine, s *Step) {
	l := m.life
	switch s.Do {
	case OpStart:
		if l == nil {
			w.disturbed()
			m.start(nil)
		}
		return
	case OpKill, OpPower:
		w.fault(string(s.Do))
		w.disturbed()
		m.wanted = m.wanted && s.For > 0
		if m.kill(); s.Do == OpPower {
			m.losePower()
		}
		m.clock.step(time.Duration(s.N) * time.Second)
		m.startLater(time.Duration(s.For))
		return
	case OpCrashAt:
		m.crash = &crash{changes: s.N, power: s.Name == "power", again: time.Duration(s.For)}
		return
	default:
	}
	if l == nil || l.stopping() {
		return
	}
	switch s.Do {
	case OpStop:
		w.disturbed()
		m.wanted = false
		l.stop(nil)
		return
	case OpStall:
		w.fault(string(s.Do))
		w.disturbed()
		l.stall(time.Duration(s.For))
		return
	case OpTrack:
		w.fault(string(s.Do))
		w.disturbed()
		t := track{up: s.N != 0}
		if s.Name == "weight" {
			t = track{up: true, weight: int(s.N - 1000)}
		}
		m.tracks[s.Name] = t
		l.report(s.Name, t)
		return
	default:
	}
	if l.manager == nil {
		return
	}
	switch s.Do {
	case OpRestart:
		w.fault(string(s.Do))
		w.disturbed()
		m.restart(time.Duration(s.For), time.Duration(s.N)*time.Second)
	case OpCommit, OpReload, OpRollback:
		w.begin(l, func() { _ = l.commit(*s) })
	case OpSession:
		w.begin(l, func() { l.session(*s) })
	case OpEdit:
		m.edit(s)
	case OpHangUp:
		l.hangsUp = true
	case OpConfirm:
		w.begin(l, l.confirm)
	case OpResign:
		w.disturbed()
		w.begin(l, func() { l.resign(uint8(s.N)) })
	case OpClear:
		w.begin(l, func() { _ = l.driver.ClearStatistics(background, nil) })
	default:
		wrong("unknown step %s", s)
	}
}

// cut stops messages.
func (w *world) cut(m *machine, s *Step) {
	lan := lanOf(s.Name)
	for _, o := range w.machines {
		if o != m && (s.N < 0 || int(s.N) == o.index) {
			w.cuts[cut{lan, m.name, o.name}] = true
			if s.For == 0 {
				w.cuts[cut{lan, o.name, m.name}] = true
			}
		}
	}
}

// takeAway deletes an interface, for a time.
func (m *machine) takeAway(s *Step) {
	if m.missing[s.Name] != nil {
		return
	}
	lan := lanOf(s.Name)
	if s.N == 1 {
		attach, err := m.kernel.Detach(s.Name)
		if err != nil {
			return
		}
		m.missing[s.Name] = attach
	} else {
		if m.kernel.DeleteLink(s.Name) != nil {
			return
		}
		m.missing[s.Name] = func() error {
			m.kernel.AddLink(m.w.lans[lan], s.Name)
			for _, k := range m.kernel.Links() {
				if k.Name == s.Name {
					m.macs[s.Name] = k.MAC
				}
			}
			return nil
		}
	}
	m.w.in(time.Duration(s.For), func() { m.comeBack(s.Name) })
}

// lose removes a virtual address or a macvlan from outside.
func (m *machine) lose(name string) {
	for _, k := range m.kernel.Links() {
		if k.Name == name && k.Parent != "" {
			_ = m.kernel.DeleteLink(name)
			return
		}
		own := m.kernel.OwnAddrs(k.Name)
		for _, a := range k.Addrs {
			if addrOnly(name) == a.Addr().String() && !slices.Contains(own, a) {
				_ = m.kernel.DelAddr(k.Name, a)
				return
			}
		}
	}
}

// junk sends messages that nobody must accept.
func (w *world) junk(m *machine, s *Step) {
	lan := lanOf(s.Name)
	b := advertFrame(lan, uint8(1+w.rand.IntN(8)), w.rand)
	switch s.N {
	case 0:
		b[14+8] = 254 // TTL; the checksum of the header is wrong as well
	case 1:
		b = b[:len(b)-4]
	case 2:
		b[34] = 0x41 // version
	default:
		b[len(b)-1] ^= 1 // checksum
	}
	for i, h := range w.hosts {
		if i == lan {
			h.Send(b)
		}
	}
}

// commit has a configuration committed, as the step says how.
func (l *life) commit(s Step) error {
	m := l.m
	file, err := conf.Parse("commit", []byte(s.Text), conf.TOML)
	if s.Do == OpRollback {
		file, err = l.manager.Load(int(s.N))
	}
	if err != nil {
		m.note("%s is refused: %v", s.Do, err)
		m.w.stats.Refused++
		return err
	}
	l.checkFields(file)
	done := m.commits.begin(l, file, time.Duration(s.For))
	over := s.N != 1 || s.Do == OpRollback
	info := conf.Info{User: "sim", Source: "sim", Comment: string(s.Do), Confirm: time.Duration(s.For), Overwrite: over}
	var rev *conf.Revision
	ctx, end := context.WithCancel(background)
	l.calls = append(l.calls, end)
	if s.Do == OpReload {
		m.hand = nil
		m.disk.put(configPath, []byte(s.Text))
		if rev, err = l.manager.Reload(ctx, info); err != nil { // whoever has written it thinks better of it
			m.disk.put(configPath, []byte(marshaled(l.manager.Running().File)))
		}
	} else {
		hand := m.untouched()
		rev, err = l.manager.Commit(ctx, &conf.Candidate{Base: l.manager.Running(), File: file}, info)
		if err == nil && !l.dead && len(m.commits.flight) == 1 && string(hand) == string(m.hand) {
			l.checkHand(hand, over)
		}
	}
	done(rev, err)
	return err
}

// confirm confirms what waits for it.
func (l *life) confirm() {
	l.m.commits.confirming = true
	_, err := l.manager.Confirm(background, conf.Info{User: "sim", Source: "sim"})
	l.m.note("confirm: %v", err)
	l.m.commits.confirming = l.dead
	if err == nil {
		l.m.commits.confirmed(l)
	}
}

// session types the lines of a step.
func (l *life) session(s Step) {
	session := shell.New(l.env, shell.User{Name: "sim", Level: conf.Administrator, Source: shell.Console})
	var done func(*conf.Revision, error)
	for line := range strings.Lines(s.Text) {
		line = strings.TrimSpace(line)
		var out strings.Builder
		if line == "commit" {
			done = l.m.commits.begin(l, l.typed(s), 0)
			l.m.commits.confirming = true // if there is nothing to commit, this confirms what waits for it
		}
		status := session.Execute(background, line, shell.IO{Out: &out, Err: &out})
		l.m.note("%s: %d", line, status)
		if line == "commit" {
			var err error
			if status != shell.Done {
				err = &sessionError{out.String()}
			}
			done(l.manager.Running(), err)
			l.m.commits.confirming = l.dead
			if err == nil && !l.dead && l.manager.Awaited() == nil {
				l.m.commits.confirmed(l)
			}
		}
		if status != shell.Done {
			break
		}
	}
	_ = session.Close()
}

// typed is the configuration that a session commits: Name says of which interface and group it changes the priority N.
func (l *life) typed(s Step) *conf.File {
	file := l.manager.Running().File.Clone()
	for _, r := range conf.VRouters.Value(file) {
		name := fmt.Sprintf("%s group %d", conf.Interface.Value(r), conf.Group.Value(r))
		if name == s.Name && !strings.Contains(conf.VIPs.Value(r)[0], ":") {
			conf.Priority.Set(r, int(s.N))
		}
	}
	return file
}

// sessionError is what a session has said.
type sessionError struct{ text string }

func (e *sessionError) Error() string { return e.text }

// resign has every Master of a group give up.
func (l *life) resign(vrid uint8) {
	for i := range l.watch.cfg.Routers {
		if key := l.watch.cfg.Routers[i].Key; key.VRID == vrid && l.watch.state(key) == vrrp.Master {
			l.watch.mayResign(key)
			if err := l.driver.Resign(background, key); err != nil {
				l.m.note("%s does not resign: %v", key, err)
			}
		}
	}
}
