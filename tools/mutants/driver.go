// SPDX-License-Identifier: GPL-3.0-only

package main

// The packages that judge faults of the driver.
var byDriver = []string{"./engine/driver", "./platform/fake", "./engine/driver/track", "./router"}

// driver are the mutants of the driver: loop, sockets, actuator, reconciliation, hand-over.
var driver = []set{
	{"engine/driver/actuator.go", byDriver, []mutant{
		{fault: "withdrawals wait behind installations", old: `case !d.Active && !w.leaving:`, new: `case false:`},
		{fault: "an older request wins over a newer one", old: `		w.desired = d
`, new: `		if !queued {
			w.desired = d
		}
`},
		{fault: "what the kernel refused is never tried again", old: `a.failed[batch[i].Key] = batch[i]`, new: `_ = a.failed`},
		{fault: "what the kernel refused once is tried again after it succeeded", old: `delete(a.failed, batch[i].Key)`, new: `_ = a.failed`},
		{fault: "a comparison does not say what is lost", old: `r.lost, r.routesLost, r.err = s.Reconcile()`, new: `_, r.routesLost, r.err = s.Reconcile()`},
		{fault: "a hand-over does not wait for the work in progress", old: `return !a.busy && len(a.opens)`, new: `return len(a.opens)`},
		{fault: "routes that need the addresses are not tried after them", old: `a.late = d`, new: `_ = d`},
	}},
	{"engine/driver/apply.go", byDriver, []mutant{
		{fault: "a refused configuration is not taken back", old: `_ = d.phase(ctx, func(l *loop, now time.Time) { l.adopt(now, old) })`, new: `_ = old`},
		{fault: "a commit succeeds although the kernel refused it", old: `w.fail(fmt.Errorf("%s: %w", o.desired.Key, o.err))`, new: `_ = o.err`},
		{fault: "a commit does not wait for the newest answer", old: `if !waited || o.desired.Seq < seq {`, new: `if _ = seq; !waited {`},
		{fault: "a commit succeeds without its sockets", old: `w.fail(fmt.Errorf("open %s sockets: %w", key.family, err))`, new: `_ = err`},
		{fault: "sockets stay open that nothing needs", old: `	l.prune()
`, new: ``},
	}},
	{"engine/driver/handover.go", byDriver, []mutant{
		{fault: "a router that could not send before a restart never learns that it can", old: `l.failing[g.Key] = true`, new: `_ = g`},
		{fault: "a hand-over does not notice that the clock was set", old: `h.Engine.Rebase(h.Engine.At, d.now().Add(-gap))`, new: `_ = gap`},
	}},
	{"engine/driver/driver.go", byDriver, []mutant{
		{fault: "at the end of the program no Master sends priority 0", must: true, old: `		l.stop()
`, new: `		_ = l.stop
`},
	}},
	{"engine/driver/loop.go", byDriver, []mutant{
		{fault: "timers fire before the packets that came before them", old: `if err := l.driver.system.Wait(now); err != nil {`, new: `if err := error(nil); err != nil {`},
		{fault: "kernel work begins before the adverts are sent", old: `func (l *loop) flush(now time.Time) {
`, new: `func (l *loop) flush(now time.Time) {
	l.actuator.desire(l.desires)
	l.desires = l.desires[:0]
`},
		{fault: "a Backup goes on announcing the addresses", old: `l.announcer.drop(out.Desired[i].Key)`, new: `_ = i`},
		{fault: "the actuator gets no routes", old: `		l.actuator.route(*l.routes)
`, new: ``},
	}},
	{"engine/driver/link.go", byDriver, []mutant{
		{fault: "an interface that went while nobody watched stays", old: `return there[index] })`, new: `return there[index] || true })`},
		{fault: "lost addresses are not put back", old: `l.core.Lost(now, key, &l.out)`, new: `_ = key`},
		{fault: "lost notifications of the kernel lead to no comparison", old: `l.reconciler.reconcileSoon(now)`, new: `_ = now`},
		{fault: "sockets whose membership is lost are not replaced", old: `l.renew(s)`, new: `_ = s`},
		{fault: "a virtual router starts before its sockets are open", old: `if s != nil && s.conn == nil && s.trouble == "" {`, new: `if false && s.conn == nil {`},
		{fault: "sockets of a renamed interface stay open", old: `		if known && was.Name != link.Name {
			l.prune()
		}
`, new: ``},
	}},
	{"engine/driver/socket.go", byDriver, []mutant{
		{fault: "a router that cannot receive takes part", old: `*deaf = s.trouble`, new: `_ = deaf`},
		{fault: "the core does not learn which adverts failed", old: `l.reports = append(l.reports, r)`, new: `_ = r`},
		{fault: "one failed advert stops those after it", old: `!gone || next == len(o.frames) || o.frames[next].Link != bad.Link`, new: `next == len(o.frames)`},
		{fault: "sockets that could not be opened are never tried again", old: `l.retryAt = earliest(l.retryAt, now.Add(retryPause))`, new: `_ = retryPause`},
		{fault: "a broken socket stays", old: `			l.actuator.close(s.conn)
		}
		s.conn,`, new: `		}
		s.conn,`},
		{fault: "an advert without a socket counts as sent", old: `l.reports = append(l.reports, engine.SendReport{Key: n.Key, Priority: n.Priority, Failed: l.outbox.lost, Err: errNoSocket})`, new: `_ = errNoSocket`},
		{fault: "a new socket has no filter", old: `		s.conn, s.broken, s.trouble = c, false, ""
		l.setListen(s)
`, new: `		s.conn, s.broken, s.trouble = c, false, ""
`},
		{fault: "adverts for a Master may wait", old: `Urgent: n.Urgent, Patience`, new: `Patience`},
	}},
	{"engine/driver/reconcile.go", byDriver, []mutant{
		{fault: "the kernel is compared too rarely", old: `pause := reconcilePeriod`, new: `pause := 100 * reconcilePeriod`},
		{fault: "a failure waits for the next comparison of the period", old: `r.at = earliest(r.at, now.Add(retryPause))`, new: `_ = now`},
		{fault: "what a comparison finds lost is not put back", old: `	for _, id := range r.lost {`, new: `	for _, id := range r.lost[:0] {`},
		{fault: "the pauses between attempts do not grow", old: `min(max(2*c.wait, retryPause), reconcilePeriod)`, new: `retryPause`},
	}},
	{"engine/driver/announcer.go", byDriver, []mutant{
		{fault: "announcements are sent at any rate", old: `len(a.queue) > 0 && a.credit >= 1`, new: `len(a.queue) > 0`},
		{fault: "one virtual router's announcements go before all others", old: `		a.queue = append(a.queue, j)
	}
	if`, new: `		a.queue = append([]*announcing{j}, a.queue...)
	}
	if`},
	}},
	{"engine/driver/track/script.go", byDriver, []mutant{
		{fault: "a script needs one result too many", old: `c.streak >= need`, new: `c.streak > need`},
		{fault: "single failures of a script add up", old: `c.streak = 0
	default`, new: `_ = ok
	default`},
	}},
	{"router/parts.go", []string{"./router"}, []mutant{
		{fault: "listeners that cannot be opened are never tried again", old: `told != ""; pause`, new: `told == "never"; pause`},
	}},
}
