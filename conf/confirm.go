// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"
)

// ErrNothingAwaited is the error of Confirm when no commit awaits confirmation.
var ErrNothingAwaited = errors.New("no commit is waiting for confirmation")

const (
	// confirmFile is the file in the state directory that records a commit awaiting confirmation.
	confirmFile = "confirm"
	// warnBefore is how long before a rollback all users are warned.
	warnBefore = time.Minute
	// rollbackPause is the delay before a failed rollback is retried.
	rollbackPause = 30 * time.Second
	// noteEvery is how often the remaining time is saved, for a reboot of a machine without a reliable clock.
	noteEvery = time.Minute
)

// Confirmation describes a commit that rolls back at the deadline unless confirmed.
type Confirmation struct {
	Commit   uint64 // the commit to confirm
	Back     uint64 // the commit to roll back to
	User     string
	Source   string
	Comment  string
	Since    time.Time
	Deadline time.Time
}

// Stage is what happens to a commit that awaits confirmation. The commit itself and its rollback
// are commits, which Options.Notify reports.
type Stage uint8

// The stages.
const (
	StageWarning   Stage = iota // one minute is left
	StageConfirmed              // the commit was confirmed
	StageFailed                 // the rollback failed and will be retried
	StageExtended               // the deadline was moved
)

// ConfirmationEvent reports a Stage of a commit that awaits confirmation.
type ConfirmationEvent struct {
	Confirmation
	Stage Stage
	By    Info  // the user who confirmed, or moved the deadline
	Err   error // why the rollback failed
}

// awaited is a Confirmation with what a rollback needs.
type awaited struct {
	Confirmation
	old []byte // the file before the commit
	sum digest // of the file awaiting confirmation
	// before awaits confirmation as long as that file is not written, in place of this one; nil: none does.
	before *awaited
	// What stops the timers of the deadline, of the warning before it, and of the next noteLeft; nil: not started.
	stopTimer, stopWarning, stopNote func() bool
}

// awaitedHeader is the first line of confirmFile. The old configuration follows.
type awaitedHeader struct {
	Confirmation
	Format string
	SHA256 string // of the file awaiting confirmation
	// Left is the time that was left when the header was written. In the boot that Boot names, the deadline is at the uptime
	// Until. Earlier releases did not write these fields.
	Left  time.Duration
	Boot  string
	Until time.Duration
	// Before is of the commit that awaits confirmation if the file is still its. Earlier releases did not write it.
	Before *awaitedHeader `json:",omitempty"`
}

// left returns the time left for the confirmation: by the time of day, but never more than was left before, nor than the uptime
// leaves, which nobody can set, if the machine has not rebooted.
func (h *awaitedHeader) left(now time.Time, boot string, up time.Duration) time.Duration {
	most := h.Left
	if h.Boot == "" && h.Left == 0 {
		most = h.Deadline.Sub(h.Since)
	}
	if h.Boot != "" && h.Boot == boot {
		most = min(most, h.Until-up)
	}
	return min(most, h.Deadline.Sub(now))
}

// Awaited returns the confirmation that the running configuration awaits, or nil.
func (m *Manager) Awaited() *Confirmation {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.awaited == nil {
		return nil
	}
	c := m.awaited.Confirmation
	return &c
}

// Confirm makes the commit that awaits confirmation permanent, and returns its Confirmation.
// Without such a commit the error is ErrNothingAwaited.
func (m *Manager) Confirm(ctx context.Context, info Info) (*Confirmation, error) {
	if err := m.take(ctx); err != nil {
		return nil, err
	}
	c := m.Awaited()
	err := ErrNothingAwaited
	if c != nil {
		if err = m.forget(); err == nil {
			m.confirmed(info)
		}
	}
	m.give()
	m.calls.run()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Extend moves the deadline of the commit that awaits confirmation to a time from now, and returns its Confirmation. Without such a
// commit the error is ErrNothingAwaited.
func (m *Manager) Extend(ctx context.Context, wait time.Duration, info Info) (*Confirmation, error) {
	if err := m.take(ctx); err != nil {
		return nil, err
	}
	c, err := m.extend(wait, info)
	m.give()
	m.calls.run()
	return c, err
}

// extend does what Extend does. The caller holds the turn.
func (m *Manager) extend(wait time.Duration, info Info) (*Confirmation, error) {
	m.mu.Lock()
	old := m.awaited
	m.mu.Unlock()
	if old == nil {
		return nil, ErrNothingAwaited
	}
	a := &awaited{Confirmation: old.Confirmation, old: old.old, sum: old.sum}
	a.Deadline = m.o.Now().Add(wait)
	if err := m.remember(a); err != nil {
		return nil, errors.Join(fmt.Errorf("record the new deadline: %w", err), m.remember(old))
	}
	m.await(a)
	rev := *m.Running()
	rev.ConfirmBy = a.Deadline
	m.running.Store(&rev)
	m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageExtended, By: info})
	c := a.Confirmation
	return &c, nil
}

// confirmed ends the wait and keeps the commit. The caller holds the turn.
func (m *Manager) confirmed(by Info) {
	m.mu.Lock()
	a := m.awaited
	m.awaited = nil
	m.mu.Unlock()
	if a == nil {
		return
	}
	a.stop()
	m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageConfirmed, By: by})
}

func (m *Manager) tell(e ConfirmationEvent) {
	if m.o.Awaiting != nil {
		m.calls.add(func() { m.o.Awaiting(e) })
	}
}

// promise records on disk the rollback before next becomes the commit that awaits confirmation: to the running configuration, or to that before an
// earlier commit that awaits it. From then on not even a crash prevents the rollback.
func (m *Manager) promise(running *Revision, next *revised) (*awaited, error) {
	now := m.o.Now()
	a := &awaited{
		Confirmation: Confirmation{
			Back: running.ID, User: next.info.User, Source: next.info.Source, Comment: next.info.Comment,
			Since: now, Deadline: now.Add(next.info.Confirm),
		},
		sum: sha256.Sum256(next.data),
	}
	m.mu.Lock()
	a.Commit = m.history.last + 1
	before := m.awaited
	m.mu.Unlock()
	if before != nil { // nobody has confirmed it: both roll back together
		a.Back, a.old, a.before = before.Back, before.old, before
		return a, m.remember(a)
	}
	if m.undone != nil { // should the router end before it writes the file, the next start still has to put that back
		a.old, a.before = m.undone.old, m.undone
		return a, m.remember(a)
	}
	var disk onDisk
	var err error
	if a.old, disk, err = m.read(); err != nil {
		return nil, err
	}
	if disk != m.disk || !disk.exists || m.refused { // neither changes made by hand nor what was refused ever ran
		if a.old, err = Marshal(running.File, m.o.Format); err != nil {
			return nil, err
		}
	}
	return a, m.remember(a)
}

// remember saves the awaited confirmation in the state directory.
func (m *Manager) remember(a *awaited) error {
	if m.o.StateDir == "" {
		return nil
	}
	h := m.header(a)
	if a.before != nil {
		before := m.header(a.before)
		h.Before = &before
	}
	first, err := json.Marshal(h)
	if err != nil {
		return err
	}
	m.forgotten = false
	if err := m.o.Disk.MkdirAll(m.o.StateDir, 0o700); err != nil {
		return err
	}
	return m.write(filepath.Join(m.o.StateDir, confirmFile), append(append(first, '\n'), a.old...))
}

// header returns the first line of confirmFile.
func (m *Manager) header(a *awaited) awaitedHeader {
	h := awaitedHeader{Confirmation: a.Confirmation, Format: m.o.Format.String(), SHA256: hex.EncodeToString(a.sum[:])}
	h.Left = a.Deadline.Sub(m.o.Now())
	if boot, up := m.uptime(); boot != "" {
		h.Boot, h.Until = boot, up+h.Left
	}
	return h
}

func (m *Manager) uptime() (boot string, up time.Duration) {
	if m.o.Uptime == nil {
		return "", 0
	}
	return m.o.Uptime()
}

// forget removes the saved confirmation from the state directory.
func (m *Manager) forget() error {
	if m.o.StateDir == "" {
		return nil
	}
	if m.forgotten {
		return nil
	}
	if err := m.o.Disk.Remove(filepath.Join(m.o.StateDir, confirmFile)); err != nil && !absent(err) {
		return fmt.Errorf("the commit stays unconfirmed: %w", err)
	}
	// The removal may be that of an earlier run, or one whose sync failed: after a loss of power the note would take back a later
	// commit of the same file.
	if err := syncDir(m.o.Disk, m.o.StateDir); err != nil && !absent(err) {
		return err
	}
	m.forgotten = true
	return nil
}

// absent reports whether an error means that the file does not exist, or cannot exist.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// recall reads the confirmation that an earlier run of the router awaited. It returns nil if there
// is none, or if the configuration file is not the one of the record: that file was never written,
// or a person has replaced it since.
func (m *Manager) recall(disk onDisk) (*awaited, error) {
	if m.o.StateDir == "" {
		return nil, nil
	}
	data, err := readAll(m.o.Disk, filepath.Join(m.o.StateDir, confirmFile))
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first, old, _ := bytes.Cut(data, []byte("\n"))
	var h awaitedHeader
	if err := json.Unmarshal(first, &h); err != nil {
		return nil, errors.New("its first line is not a valid description")
	}
	if b := h.Before; b != nil && b.SHA256 == hex.EncodeToString(disk.sum[:]) {
		h = *b // the router ended before it wrote the later commit's file
	}
	a := &awaited{Confirmation: h.Confirmation, old: old}
	if n, err := hex.Decode(a.sum[:], []byte(h.SHA256)); err != nil || n != len(a.sum) {
		return nil, errors.New("its first line is not a valid description")
	}
	if !disk.exists || a.sum != disk.sum || h.Format != m.o.Format.String() {
		return nil, m.forget()
	}
	now := m.o.Now()
	boot, up := m.uptime()
	a.Deadline = now.Add(h.left(now, boot, up))
	return a, nil
}

// updateConfirmation updates the awaited confirmation after a successful commit, which confirms an
// earlier commit unless it rolls it back or awaits its own confirmation. The caller holds the turn.
func (m *Manager) updateConfirmation(next *revised, waits *awaited) error {
	switch {
	case next.takesBack:
		m.mu.Lock()
		m.awaited = nil
		m.mu.Unlock()
		return m.forget()
	case waits != nil:
		waits.before = nil
		m.await(waits)
		return nil
	case m.Awaited() != nil:
		m.confirmed(next.info)
	}
	return m.forget()
}

// unpromise removes the record that promise made for a commit that failed. An earlier commit still
// awaits its confirmation, or the file its rollback.
func (m *Manager) unpromise() error {
	m.mu.Lock()
	a := m.awaited
	m.mu.Unlock()
	if a == nil {
		a = m.undone
	}
	if a != nil {
		return m.remember(a)
	}
	return m.forget()
}

func (m *Manager) await(a *awaited) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.awaited != nil {
		m.awaited.stop()
	}
	m.awaited = a
	if m.closed {
		return
	}
	left := a.Deadline.Sub(m.o.Now())
	a.stopTimer = m.o.AfterFunc(left, func() { m.expire(a) })
	a.stopNote = m.o.AfterFunc(noteEvery, func() { m.noteLeft(a) })
	if left > warnBefore {
		a.stopWarning = m.o.AfterFunc(left-warnBefore, func() { m.warn(a) })
	}
}

func (a *awaited) stop() {
	for _, stop := range []func() bool{a.stopTimer, a.stopWarning, a.stopNote} {
		if stop != nil {
			stop()
		}
	}
}

// noteLeft saves how much time is left. If that fails, the previous record stays.
func (m *Manager) noteLeft(a *awaited) {
	_ = m.take(context.Background())
	defer m.give()
	if !m.isAwaited(a) {
		return
	}
	_ = m.remember(a)
	m.mu.Lock()
	defer m.mu.Unlock()
	a.stopNote = m.o.AfterFunc(noteEvery, func() { m.noteLeft(a) })
}

func (m *Manager) isAwaited(a *awaited) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.awaited == a && !m.closed
}

func (m *Manager) warn(a *awaited) {
	if m.isAwaited(a) {
		m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageWarning})
		m.calls.run()
	}
}

// expire rolls the commit back.
func (m *Manager) expire(a *awaited) {
	_, err := m.change(context.Background(), func(running *Revision) (*revised, error) {
		if !m.isAwaited(a) {
			return nil, nil // confirmed just now
		}
		return m.takeBack(a, running)
	})
	if err == nil {
		return
	}
	m.mu.Lock()
	if m.awaited == a && !m.closed {
		a.stopTimer = m.o.AfterFunc(rollbackPause, func() { m.expire(a) })
	}
	m.mu.Unlock()
	m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageFailed, Err: err})
	m.calls.run()
}

// takeBack returns the old configuration as the next one to install.
func (m *Manager) takeBack(a *awaited, running *Revision) (*revised, error) {
	disk := onDisk{exists: true, sum: sha256.Sum256(a.old)}
	file, cfg, err := load(m.origin(a.old, disk), running.Config, m.o.Host)
	if err != nil {
		return nil, err
	}
	rewritten, err := isRewritten(file, a.old, disk, m.o.Format)
	if err != nil {
		return nil, err
	}
	return &revised{
		file: file, config: cfg, data: a.old, info: a.takenBack(), write: m.o.Path != "",
		disk: disk, rewritten: rewritten, takesBack: true,
	}, nil
}

// undoFile restores the configuration file from before the unconfirmed commit and returns its new
// state. If that fails, a later start tries again.
func (m *Manager) undoFile(a *awaited, now onDisk) (onDisk, error) {
	if err := m.write(m.o.Path, a.old); err != nil {
		return now, err
	}
	return onDisk{exists: true, sum: sha256.Sum256(a.old)}, m.forget()
}

// takenBack returns the Info of the commit that restores the old configuration.
func (a *awaited) takenBack() Info {
	return Info{User: "vrrpsh", Source: "commit confirmed", Comment: fmt.Sprintf("commit %d of %s was not confirmed", a.Commit, a.User)}
}

// Close stops waiting for a confirmation; the wait resumes when the file is opened again. Close
// waits for a commit in progress.
func (m *Manager) Close() {
	_ = m.take(context.Background())
	defer m.give()
	m.mu.Lock()
	m.closed = true
	if m.awaited != nil {
		m.awaited.stop()
	}
	m.mu.Unlock()
}
