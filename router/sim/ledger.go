// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vrrpsh/conf"
	"vrrpsh/platform/process"
)

var background = process.WithoutShare(context.Background())

// ledger knows what a machine has answered to commits, and so what it may run.
type ledger struct {
	m *machine
	// may are the configurations that it may run after a crash: those that were acknowledged last, and what comes back if
	// that is not confirmed. Of what is under way nobody knows.
	may     map[string]bool
	flight  map[*flight]bool
	refused map[string]bool
	// told are refused ones that the file may have all the same, as the answer said, until it is written again.
	told map[string]bool
	last uint64 // revision
	// unsaved is set when a revision could not be kept: its number may come again.
	unsaved bool
	// torn is the file as it was put back by a program that could not say whether that survives a loss of power.
	torn []byte
	// Of the commit that waits for its confirmation: how long it was to, and by when the machine must have gone back.
	asked   time.Duration
	back    time.Duration
	due     time.Duration // when it is taken back, if nothing is in the way
	pending string
	from    string        // what it goes back to; the same again when only a comment was another
	by      *life         // that has acknowledged it
	warned  bool          // that it is about to be taken back
	calm    time.Duration // since when nothing is in the way of taking it back
	// confirming is set while somebody confirms it.
	confirming bool
	// unrestored is set when what was refused could not be taken back.
	unrestored bool
	// read is the revision whose text running has last returned.
	read  *conf.Revision
	text  string
	acked *conf.Revision // the last one
}

// flight is a commit under way.
type flight struct {
	text    string
	before  string // what ran
	confirm time.Duration
}

func newLedger(m *machine) ledger {
	return ledger{m: m, may: map[string]bool{canonical(m.spec.Config): true}, flight: make(map[*flight]bool), refused: make(map[string]bool), told: make(map[string]bool)}
}

// canonical is a configuration in the one form that it has.
func canonical(text string) string {
	f, err := conf.Parse("text", []byte(text), conf.TOML)
	if err != nil {
		return text
	}
	return marshaled(f)
}

func marshaled(f *conf.File) string {
	b, err := conf.Marshal(f, conf.TOML)
	if err != nil {
		wrong("%v", err)
	}
	return string(b)
}

// running is what a program runs, in the one form that it has.
func (g *ledger) running(l *life) string {
	if rev := l.manager.Running(); rev != g.read {
		g.read, g.text = rev, marshaled(rev.File)
	}
	return g.text
}

func (g *ledger) report(rule, format string, args ...any) {
	g.m.w.check.report(rule, g.m, format, args...)
}

// opened compares what a program runs at first with what it may.
func (g *ledger) opened(l *life) {
	rev := l.manager.Running()
	text := g.running(l)
	g.m.hand = nil // it was read
	under := false
	for f := range g.flight {
		if f.text == text {
			under, g.asked = true, max(g.asked, f.confirm)
			if g.back == 0 {
				g.from = f.before
			}
			g.pending, g.by = text, nil
		}
	}
	switch {
	case g.may[text] || under:
	case g.told[text] && says(rev, "a commit may have been waiting for confirmation"): // the disk does not return the note of it
	case g.refused[text]:
		g.report("refused-runs", "after a start it runs a configuration that it had refused")
	default:
		g.report("commit-lost", "after a start it runs revision %d, which is not the last one acknowledged", rev.ID)
	}
	if says(rev, notPutBack) {
		g.told[g.onDisk()] = true
	}
	if says(rev, "history is not complete") {
		g.unsaved = true
	}
	if rev.ID < g.last && !g.unsaved {
		g.report("number-again", "revision %d comes after %d", rev.ID, g.last)
	}
	g.last = max(g.last, rev.ID)
	if a := l.manager.Awaited(); a != nil {
		if left := a.Deadline.Sub(g.m.clock.now()); g.asked > 0 && left > g.asked {
			g.report("confirm-late", "a commit that waits %s for its confirmation is to wait %s more after a start", g.asked, left)
		}
	} else {
		back := text != g.pending || text == g.from
		if g.asked > 0 && !back && !under && !g.m.diskFailed && !g.confirming {
			g.report("confirm-forgotten", "a commit that waits for its confirmation does not after a start")
		}
		if g.asked == 0 || back || g.confirming || under { // else the disk did not return the note: a later start may read it, and go back
			g.asked, g.back = 0, 0
		}
	}
	g.confirming, g.unrestored = false, false
	// What it might have run before stays possible until the disk has been at rest: a rename before the end of the program, or one by a
	// rollback, is not safe from a loss of power.
	g.may[text] = true
	clear(g.flight)
}

// begin notes a commit that begins. done must be told what came of it.
func (g *ledger) begin(l *life, file *conf.File, confirm time.Duration) (done func(*conf.Revision, error)) {
	was := l.manager.Running()
	before := g.running(l)
	f := &flight{marshaled(file), before, confirm}
	g.flight[f] = true
	disk := g.onDisk()
	return func(rev *conf.Revision, err error) {
		delete(g.flight, f)
		if l.dead {
			g.flight[f] = true // it has ended nobody knows how
			return
		}
		g.m.note("commit: %v, %v", revision(rev), err)
		if err != nil {
			g.m.w.stats.Refused++
			var failed *conf.ApplyError
			g.unrestored = g.unrestored || errors.As(err, &failed) && failed.Restore != nil
			if failed != nil && errors.Is(failed.Restore, context.Canceled) {
				g.report("hang-up", "a commit is not taken back, as whoever made it has gone: %v", err)
			}
			g.refuse(l, f.text, before, disk, err)
			if !strings.Contains(err.Error(), "wait for another commit") { // that may be one that is taken back, and is under way
				l.checkParts()
			}
			return
		}
		g.m.w.stats.Commits++
		g.unrestored = g.unrestored && rev == was
		l.checkParts()
		if rev == was || rev.User != "sim" { // a rollback by itself came first
			return // there was nothing to do, as for a file that was put back before it was read
		}
		g.accept(l, rev, f.text, before, confirm)
	}
}

func revision(r *conf.Revision) any {
	if r == nil {
		return "none"
	}
	return r.ID
}

// refuse notes an answer that was no.
func (g *ledger) refuse(l *life, text, before, disk string, err error) {
	running := g.running(l)
	unsafe := strings.Contains(err.Error(), "may not be after a power failure")
	if unsafe {
		g.torn, _ = g.m.disk.get(configPath)
	}
	if unsafe || strings.Contains(err.Error(), "has the refused one") { // the disk fails, and the answer says so
		g.may[text], g.told[text] = true, true
		return
	}
	if !g.may[text] && !g.underWay(text) && text != before {
		g.refused[text] = true
		if running == text {
			g.report("refused-runs", "it runs a configuration that it has refused: %v", err)
		}
	}
	now := g.onDisk()
	if disk != now && now == text && running != text && strings.Contains(err.Error(), "unchanged") && !g.underWay(text) && !g.may[text] {
		g.report("refused-in-file", "its file has a configuration that it has refused: %v", err)
	}
}

func (g *ledger) underWay(text string) bool {
	for f := range g.flight {
		if f.text == text {
			return true
		}
	}
	return false
}

// accept notes an answer that was yes.
func (g *ledger) accept(l *life, rev *conf.Revision, text, before string, confirm time.Duration) {
	delete(g.refused, text)
	if rev == g.acked || rev.ID == g.last && text == before {
		return // there was nothing to commit, as for a file that was read before it was to be
	}
	g.acked = rev
	newer := rev.ID > g.last
	if rev.ID <= g.last && marshaled(rev.File) != before && !g.unsaved {
		g.report("number-again", "revision %d comes after %d", rev.ID, g.last)
	}
	g.last = max(g.last, rev.ID)
	if says(rev, "only until the router stops") {
		g.unsaved = true
	} else if name := fmt.Sprintf("/%08d.toml", rev.ID); newer && !g.unsaved && !slices.ContainsFunc(g.m.disk.list(stateDir), func(p string) bool { return strings.HasSuffix(p, name) }) {
		g.report("history", "revision %d is not in the history, and nobody was told", rev.ID)
	}
	if got := marshaled(rev.File); got != text && rev.Comment == string(OpReload) && (got == before || g.may[got] || g.underWay(got)) {
		text = got // the file was written once more before it was read
		delete(g.refused, text)
	} else if got != text {
		g.report("commit-differs", "it runs another configuration than was committed:\n%s\nand\n%s", got, text)
	}
	was := g.may
	g.may = map[string]bool{text: true}
	clear(g.told)
	if hand := g.m.hand; hand != nil {
		g.may[canonical(string(hand))] = true
	}
	if rev.ConfirmBy.IsZero() {
		g.asked, g.back = 0, 0
		return
	}
	maps.Copy(g.may, was)
	if g.back == 0 { // otherwise the commit before waited as well, and goes back with this one
		g.may[before] = true
		g.from = before
	}
	if confirm > 0 {
		g.asked, g.back, g.pending, g.by, g.warned = confirm, g.m.w.now+confirm, text, l, false
		g.due = g.m.w.now + g.m.clock.after(rev.ConfirmBy.Sub(g.m.clock.now())) // it counts from when the commit began
	}
}

// confirmed notes that what runs stays. That does not write the file.
func (g *ledger) confirmed(l *life) {
	g.may = map[string]bool{g.running(l): true}
	maps.Copy(g.may, g.told)
	g.asked, g.back = 0, 0
}

// audit looks at what runs at any time.
func (g *ledger) audit(l *life) {
	if l.manager == nil || l.stopping() {
		return
	}
	rev := l.manager.Running()
	text := g.running(l)
	if !g.may[text] && !g.underWay(text) {
		g.report("not-committed", "it runs revision %d, which nobody has committed", rev.ID)
	}
	if l.manager.Awaited() == nil && g.asked > 0 && len(g.flight) == 0 && text != g.pending {
		if g.asked > warnBefore && g.by == l && !g.warned {
			g.report("no-warning", "nobody was told that a commit is about to be taken back")
		}
		// It has gone back, or is about to: a loss of power may come before the file is safe.
		g.may[text] = true
		g.asked, g.back = 0, 0
	}
	g.last = max(g.last, rev.ID)
	if g.asked > 0 && text == g.pending && len(g.flight) == 0 && !g.confirming && g.by == l && l.manager.Awaited() == nil && g.m.w.now < g.due-time.Second {
		g.report("confirmed", "a commit does not wait for its confirmation any more, and nobody has confirmed it")
	}
	g.auditBack(l, text)
}

// warnBefore is how long before a commit is taken back people are warned.
const warnBefore = time.Minute

// awaiting notes what people are told of a commit that waits for its confirmation.
func (g *ledger) awaiting(e conf.ConfirmationEvent) {
	g.warned = g.warned || e.Stage == conf.StageWarning
}

// auditBack: a commit that nobody confirms is taken back in time; if that fails it is tried again after half a minute.
func (g *ledger) auditBack(l *life, text string) {
	w := g.m.w
	trouble := g.m.fails() || len(g.m.ops) > 0 || w.rates.Disk > 0 || w.rates.Kernel > 0 || l.stalled || g.unrestored
	if trouble || g.asked == 0 || text != g.pending || l.manager.Awaited() == nil || len(g.flight) > 0 {
		g.calm = w.now
		return
	}
	limit := 40*time.Second + 20*time.Duration(w.rates.KernelTime+w.rates.DiskTime)
	if w.now-max(g.calm, g.back, l.watch.woken) > limit {
		g.report("not-taken-back", "a commit was to be taken back %s ago", w.now-g.back)
	}
}

// lostPower has the administrator write the file again if a loss of power tore it that a program had warned of.
func (g *ledger) lostPower() {
	if g.torn != nil && !g.may[g.onDisk()] && !g.underWay(g.onDisk()) { // a part of a file can be a file
		g.m.note("its file is torn, and written again")
		g.m.disk.put(configPath, g.torn)
	}
	g.torn = nil
}

// onDisk is the configuration file.
func (g *ledger) onDisk() string {
	data, ok := g.m.disk.get(configPath)
	if !ok {
		return ""
	}
	return canonical(string(data))
}

// toldOfFile tells whether people know why the file has something else than what runs: one of them has written it while a commit was
// under way, which leaves it alone, or it could not be put back.
func (g *ledger) toldOfFile() bool {
	now, _ := g.m.disk.get(configPath)
	return g.m.hand != nil && string(now) == string(g.m.hand) || g.told[g.onDisk()]
}

// notPutBack is what a start notes that takes a commit back and cannot write the file.
const notPutBack = "still contains the configuration that was not confirmed"

// says tells whether the notes of a revision have a text.
func says(rev *conf.Revision, text string) bool {
	return slices.ContainsFunc(rev.Notes, func(n string) bool { return strings.Contains(n, text) })
}

// atRest compares what runs with the disk, when nothing was wrong with that for a while.
func (g *ledger) atRest(l *life) {
	rev := l.manager.Running()
	text := g.running(l)
	if g.onDisk() != text {
		g.report("file-differs", "its file is not what it runs")
	} else if g.asked == 0 && len(g.flight) == 0 {
		g.may = map[string]bool{text: true}
		clear(g.told)
	}
	if h := l.manager.History(); len(h) == 0 || h[0] != rev {
		g.report("history", "the newest revision of its history is not what it runs")
	}
	for _, name := range g.m.disk.list("/etc/vrrpsh") {
		if name != configPath && !strings.HasPrefix(name, configPath+".orig") && !g.m.unremoved {
			g.report("litter", "%s is left over", name)
		}
	}
	if n := g.m.disk.names[configPath]; n != nil && n.mode.Perm() != handMode {
		g.report("mode", "the configuration file has the mode %s, it had %s", n.mode, handMode)
	}
	for name, n := range g.m.disk.names {
		if !n.mode.IsDir() && name != configPath && n.mode&0o007 != 0 {
			g.report("mode", "everybody can read %s", name)
			break
		}
	}
	if len(l.manager.Missing()) > 0 {
		g.report("part", "something is missing: %v", l.manager.Missing())
	}
	l.checkParts()
	for n := range l.manager.History() {
		if _, err := l.manager.Load(n); err != nil && !errors.Is(err, conf.ErrNoRevision) {
			var faults conf.Faults
			if !errors.As(err, &faults) {
				g.report("history", "revision %d back cannot be read: %v", n, err)
			}
		}
	}
}
