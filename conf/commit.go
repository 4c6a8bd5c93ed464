// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"vrrpsh/engine"
)

// restoreTimeout limits the return to the old configuration. The caller's context does not apply:
// it may have ended already.
const restoreTimeout = 30 * time.Second

// Check validates a candidate, tries what can be tried without changing anything, and returns the configuration and what committing it would do. Its
// errors are those of Commit.
func (m *Manager) Check(c *Candidate) (*Config, []engine.Change, error) {
	running := m.Running()
	cfg, err := validate(c.File, nil, running.Config, m.o.Host)
	if err != nil {
		return nil, nil, err
	}
	if err := stale(c, running); err != nil {
		return nil, nil, err
	}
	var problems []error
	for i := range m.parts { // set before the first session
		p := &m.parts[i]
		if p.Try == nil || m.excused(p, running.Config, cfg) {
			continue
		}
		if err := p.Try(running.Config, cfg); err != nil {
			problems = append(problems, &ApplyError{Step: "try", Part: p.Name, Err: err})
		}
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	return cfg, plan(running.Config, cfg), nil
}

// Commit makes the candidate the running configuration: it validates, refuses a stale base (ErrStale)
// and a file changed by hand (ErrFileChanged), applies, writes the file and records the history. After
// an error, the running configuration, the file and the kernel are as before; errors include
// ErrRejected if the candidate cannot run. A candidate without changes returns the running revision, unless the file
// could not be put back. A commit confirms an earlier commit that awaits confirmation; with Info.Confirm it awaits confirmation itself, and without
// that both are rolled back. Once the engine has applied the configuration, the end of ctx does not stop the commit.
//
// If the history cannot be written, the commit succeeds, the Notes of the revision report the failure,
// and the revision is kept in memory.
func (m *Manager) Commit(ctx context.Context, c *Candidate, info Info) (*Revision, error) {
	info.progress("waiting for another commit")
	return m.change(ctx, func(running *Revision) (*revised, error) {
		info.progress("validating %d virtual routers", len(VRouters.Value(c.File)))
		file := c.File.Clone() // the revision keeps it, and the session goes on editing its own
		cfg, err := validate(file, nil, running.Config, m.o.Host)
		if err != nil {
			return nil, err
		}
		if err := stale(c, running); err != nil {
			return nil, err
		}
		changed, err := m.fileChanged()
		if err != nil {
			return nil, err
		}
		if changed && !info.Overwrite {
			return nil, &FileChangedError{Path: m.o.Path}
		}
		if !changed && !m.refused && file.Equal(running.File) {
			return nil, nil
		}
		data, err := Marshal(file, m.o.Format)
		if err != nil {
			return nil, err
		}
		cfg.Warnings = append(cfg.Warnings, exposed(m.o.Disk, m.o.Path, file)...)
		return &revised{
			file: file, config: cfg, data: data, info: info,
			write: m.o.Path != "", disk: m.disk, rewritten: true,
		}, nil
	})
}

// Reload makes the configuration file, changed by hand, the running configuration. It does not
// change the file. A file without changes returns the running revision.
func (m *Manager) Reload(ctx context.Context, info Info) (*Revision, error) {
	return m.change(ctx, func(running *Revision) (*revised, error) {
		data, disk, err := m.read()
		if err != nil {
			return nil, err
		}
		if disk == m.disk && !m.refused {
			return nil, nil
		}
		if !disk.exists { // probably a mistake, not a request to stop everything
			return nil, fmt.Errorf("read configuration: %s: %w", m.o.Path, fs.ErrNotExist)
		}
		file, cfg, err := load(m.origin(data, disk), running.Config, m.o.Host)
		if err != nil {
			return nil, err
		}
		rewritten, err := isRewritten(file, data, disk, m.o.Format)
		if err != nil {
			return nil, err
		}
		cfg.Warnings = append(cfg.Warnings, exposed(m.o.Disk, m.o.Path, file)...)
		return &revised{file: file, config: cfg, data: data, info: info, disk: disk, rewritten: rewritten}, nil
	})
}

// stale refuses a candidate whose base differs from the running configuration.
func stale(c *Candidate, running *Revision) error {
	if c.Base == running || c.Base.ID == running.ID {
		return nil
	}
	if c.Base.File.Equal(running.File) {
		return nil // changed and changed back
	}
	return &StaleError{Base: c.Base, Running: running}
}

// fileChanged reports whether the file has changed since the Manager last read or wrote it.
func (m *Manager) fileChanged() (bool, error) {
	_, disk, err := m.read()
	return disk != m.disk, err
}

// revised is a configuration to install.
type revised struct {
	file   *File
	config *Config
	data   []byte // the file
	info   Info
	write  bool // write data to the file
	// disk and rewritten are the Manager's fields after the change, and after the write if there is
	// one.
	disk      onDisk
	rewritten bool
	takesBack bool // rolls back a commit that was not confirmed
}

// change waits for the turn, calls prepare for the next configuration, if any, and installs it.
func (m *Manager) change(ctx context.Context, prepare func(running *Revision) (*revised, error)) (*Revision, error) {
	if err := m.take(ctx); err != nil {
		return nil, err
	}
	rev, changed, err := m.takeTurn(ctx, prepare)
	if changed && m.o.Notify != nil {
		m.calls.add(func() { m.o.Notify(rev) })
	}
	m.give()
	m.calls.run()
	return rev, err
}

func (m *Manager) takeTurn(ctx context.Context, prepare func(running *Revision) (*revised, error)) (*Revision, bool, error) {
	running := m.Running()
	next, err := prepare(running)
	if err != nil {
		return nil, false, err
	}
	if next == nil {
		return running, false, nil
	}
	rev, err := m.install(ctx, running, next)
	return rev, err == nil, err
}

// install applies, writes and records. Any failure before the file is written restores the running
// configuration.
func (m *Manager) install(ctx context.Context, running *Revision, next *revised) (*Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var waits *awaited
	if next.info.Confirm > 0 {
		var err error
		if waits, err = m.promise(running, next); err != nil {
			err = fmt.Errorf("record the configuration to roll back to: %w", err)
			return nil, &ApplyError{Step: "note", Err: errors.Join(err, m.unpromise())}
		}
	}
	notes, err := m.enact(ctx, running, next)
	if err != nil {
		if waits != nil {
			err = errors.Join(err, m.unpromise())
		}
		return nil, err
	}
	m.disk, m.rewritten, m.refused, m.undone = next.disk, next.rewritten, false, nil
	if err := m.updateConfirmation(next, waits); err != nil {
		notes = append(notes, err.Error())
	}
	return m.record(next, waits, notes), nil
}

// enact applies and writes.
func (m *Manager) enact(ctx context.Context, running *Revision, next *revised) (notes []string, err error) {
	next.info.progress("applying the configuration")
	var without []missing
	for i, p := range m.parts {
		if err := p.Apply(ctx, running.Config, next.config); err != nil {
			if m.excused(&p, running.Config, next.config) {
				without = append(without, missing{p, err})
				continue
			}
			next.info.progress("restoring the old configuration")
			return nil, &ApplyError{Step: "apply", Part: p.Name, Err: err, Restore: m.restore(ctx, m.parts[:i+1], running, next)}
		}
	}
	next.info.progress("writing the configuration")
	if notes, err = m.persist(next); err != nil {
		return nil, &ApplyError{Step: "write", Err: err, Restore: m.restore(ctx, m.parts, running, next)}
	}
	m.missing.Store(&without)
	return notes, nil
}

// record makes the installed configuration the running revision.
func (m *Manager) record(next *revised, waits *awaited, notes []string) *Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	rev := &Revision{
		ID: m.history.last + 1, Time: m.o.Now(), User: next.info.User, Source: next.info.Source,
		Comment: next.info.Comment, File: next.file, Config: next.config, Notes: notes, Session: next.info.Session,
	}
	if waits != nil {
		rev.ConfirmBy = waits.Deadline
	}
	m.history.append(rev, next.data, m.o.Format)
	if err := m.history.save(); err != nil {
		rev.Notes = append(rev.Notes, fmt.Sprintf("this revision can be rolled back to only until the router stops: %v", err))
	}
	m.running.Store(rev)
	return rev
}

// restore returns the parts to the running configuration after a failure, in reverse order.
func (m *Manager) restore(ctx context.Context, parts []Part, running *Revision, next *revised) error {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := m.o.AfterFunc(restoreTimeout, func() { cancel(context.DeadlineExceeded) })
	defer stop()
	var problems []error
	for _, p := range slices.Backward(parts) {
		if err := p.Apply(ctx, next.config, running.Config); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", p.Name, err))
		}
	}
	return errors.Join(problems...)
}

// persist writes the file if required. It keeps a file that a person wrote in the history, or else
// as a copy.
func (m *Manager) persist(next *revised) (notes []string, err error) {
	if !next.write {
		return nil, nil
	}
	old, disk, err := m.read()
	if err != nil {
		return nil, err
	}
	if !m.rewritten || disk != m.disk {
		if notes, err = m.preserve(old, disk); err != nil {
			return nil, err
		}
	}
	next.disk = onDisk{exists: true, sum: sha256.Sum256(next.data)}
	if err := m.write(m.o.Path, next.data); err != nil {
		return nil, m.undo(err, old, disk, next.disk)
	}
	next.rewritten = true
	return notes, nil
}

// undo restores the old file if a failed write has replaced it with the new one nevertheless. It returns reason, the error of that
// write, unless the new file stays: then it returns a RefusedFileError.
func (m *Manager) undo(reason error, old []byte, was, next onDisk) error {
	_, now, err := m.read()
	switch {
	case err != nil:
		return &RefusedFileError{m.o.Path, reason, err}
	case now != next: // it is as it was, or somebody else has written it meanwhile
		return reason
	case !was.exists:
		err = m.o.Disk.Remove(m.o.Path)
	default:
		if m.write(m.o.Path, old) == nil {
			return reason
		}
		err = putBack(m.o.Disk, m.o.Path, old)
	}
	if err != nil {
		// The next commit may replace the refused content like content that a commit has written.
		m.disk, m.rewritten, m.refused = now, true, true
		return &RefusedFileError{m.o.Path, reason, err}
	}
	return fmt.Errorf("%w; the file is as it was, but may not be after a power failure", reason)
}

// preserve makes sure that the file as a person wrote it can be recovered, and returns notes that
// say how.
func (m *Manager) preserve(data []byte, disk onDisk) ([]string, error) {
	if !disk.exists {
		return nil, nil
	}
	m.mu.Lock()
	e := m.history.find(disk.sum)
	m.mu.Unlock()
	if e != nil && e.name != "" {
		return []string{fmt.Sprintf("%s was written by hand and is rewritten without its comments; the original is commit %d", m.o.Path, e.rev.ID)}, nil
	}
	copied, err := m.backup(data)
	if err != nil {
		return nil, fmt.Errorf("keep the file that was written by hand: %w", err)
	}
	return []string{fmt.Sprintf("%s was written by hand and is rewritten without its comments; the original is in %s", m.o.Path, copied)}, nil
}
