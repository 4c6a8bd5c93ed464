// SPDX-License-Identifier: GPL-3.0-only

package main

// The packages that judge faults of commits.
var byConf = []string{"./conf", ".", "./shell"}

// conf are the mutants of commits, their confirmation and their history.
var conf = []set{
	{"conf/commit.go", byConf, []mutant{
		{fault: "a commit overwrites another session's commit", old: `		if err := stale(c, running); err != nil {
			return nil, err
		}
		changed, err`, new: `		changed, err`},
		{fault: "a commit overwrites a file that was changed by hand", old: `if changed && !info.Overwrite {`, new: `if false {`},
		{fault: "a refused commit is not taken back", old: `m.parts[:i+1]`, new: `m.parts[:i+1][:0]`},
		{fault: "the part that refused a commit is not taken back", old: `m.parts[:i+1]`, new: `m.parts[:i]`},
		{fault: "a commit succeeds although the file cannot be written", old: `if notes, err = m.persist(next); err != nil {`, new: `if notes, _ = m.persist(next); err != nil {`},
		{fault: "a commit whose file cannot be written stays in effect", old: `Step: "write", Err: err, Restore: m.restore(ctx, m.parts, running, next)}`, new: `Step: "write", Err: err}`},
		{fault: "the file keeps a refused configuration", old: `if m.write(m.o.Path, old) == nil {`, new: `if _ = old; true {`},
		{fault: "the end of a session stops the return to the old configuration", old: `context.WithoutCancel(ctx)`, new: `ctx`},
		{fault: "a file that a person wrote is lost", old: `if !m.rewritten || disk != m.disk {`, new: `if false {`},
		{fault: "nobody learns that the history cannot be written", old: `if err := m.history.save(); err != nil {`, new: `if err := m.history.save(); err != nil && false {`},
	}},
	{"conf/history.go", byConf, []mutant{
		{fault: "the numbers of commits begin anew with a restart", old: `		h.last = max(h.last, number)
`, new: ``},
		{fault: "the history keeps one revision too few", old: `for len(h.entries) > HistorySize {`, new: `for len(h.entries) >= HistorySize {`},
		{fault: "a revision is not compared with its digest", old: `if sha256.Sum256(data) != [sha256.Size]byte(e.sum) {`, new: `if false {`},
		{fault: "the history of a restart is not in order", old: `if a.rev.ID < b.rev.ID {`, new: `if a.rev.ID > b.rev.ID {`},
	}},
	{"conf/confirm.go", byConf, []mutant{
		{fault: "a rollback that failed is not tried again", old: `AfterFunc(rollbackPause, func() { m.expire(a) })`, new: `AfterFunc(rollbackPause, func() {})`},
		{fault: "the timer of commit confirmed never ends", old: `AfterFunc(left, func() { m.expire(a) })`, new: `AfterFunc(left, func() {})`},
		{fault: "a restart takes a confirmed commit back", old: `if err = m.forget(); err == nil {`, new: `if err = nil; err == nil {`},
		{fault: "a clock that was set back prolongs commit confirmed", old: `most = min(most, h.Until-up)`, new: `_ = up`},
		{fault: "a crash ends commit confirmed", old: "\n\treturn a, m.remember(a)", new: "\n\treturn a, nil"},
		{fault: "a failed commit confirms the one before", old: `	if a != nil {
		return m.remember(a)
	}
	return m.forget()`, new: `	_ = a
	return m.forget()`},
		{fault: "nobody is warned before a commit is taken back", old: `m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageWarning})`, new: `_ = StageWarning`},
		{fault: "a commit does not confirm the one before", old: `	case m.Awaited() != nil:
		m.confirmed(next.info)
	}
	return m.forget()`, new: `	case m.Awaited() != nil:
		return nil
	}
	return m.forget()`},
	}},
	{"conf/part.go", byConf, []mutant{
		{fault: "the router starts without a part that it needs", old: `case p.Wants == nil:`, new: `case false:`},
		{fault: "a missing part is tried again only once", old: `				without = append(without, p)
`, new: ``},
		{fault: "a restart does not wait for the confirmation any more", old: `	if waits != nil {
		m.await(waits)`, new: `	if false {
		m.await(waits)`},
	}},
	{"conf/write.go", byConf, []mutant{
		{fault: "everybody can read a new file", old: `const newFileMode = 0o600`, new: `const newFileMode = 0o644`},
		{fault: "a file loses its mode", old: `f.Chmod(info.Mode().Perm())`, new: `f.Chmod(newFileMode)`},
		{fault: "a failed write leaves its temporary file", old: `		if err != nil {
			_ =`, new: `		if err == nil {
			_ =`},
	}},
	{"conf/plan.go", byConf, []mutant{
		{fault: "the plan does not name the keys that differ", old: `c.Fields = append(c.Fields, k.Name)`, new: `_ = k`},
	}},
}
