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
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrNothingAwaited is the error of Confirm when no commit waits for a confirmation.
var ErrNothingAwaited = errors.New("no commit waits for a confirmation")

const (
	// confirmFile is where, in the state directory, a commit waits for its confirmation.
	confirmFile = "confirm"
	// warnBefore is how long before a commit is taken back everybody is warned.
	warnBefore = time.Minute
	// rollbackPause is how long after a rollback that failed it is tried again.
	rollbackPause = 30 * time.Second
	// noteEvery is how often it is noted how much time is left, for a start of the machine whose clock does not know.
	noteEvery = time.Minute
)

// Confirmation is what a commit waits for: without it, the configuration that ran before comes
// back at the deadline.
type Confirmation struct {
	Commit   uint64 // the one that waits
	Back     uint64 // the one that comes back
	User     string
	Source   string
	Comment  string
	Since    time.Time
	Deadline time.Time
}

// Stage is what becomes of a commit that waits for its confirmation. That it was made and that
// it was taken back are commits, of which Options.Notify tells.
type Stage uint8

// The stages.
const (
	StageWarning   Stage = iota // a minute is left
	StageConfirmed              // it stays
	StageFailed                 // it could not be taken back; that is tried again
)

// ConfirmationEvent tells of a commit that waits for its confirmation.
type ConfirmationEvent struct {
	Confirmation
	Stage Stage
	By    Info  // who has confirmed it
	Err   error // why it could not be taken back
}

// awaited is a Confirmation with what is needed to do without it.
type awaited struct {
	Confirmation
	old     []byte // the file as it was
	sum     digest // of the file that waits
	timer   *time.Timer
	warning *time.Timer
	note    *time.Timer
}

// awaitedHeader is the first line of the file of an awaited confirmation. The old configuration follows.
type awaitedHeader struct {
	Confirmation
	Format string
	SHA256 string // of the file that waits
	// Left is how much time was left when this was written. The Deadline is when the machine is Until up, in the Boot of that
	// name. Earlier releases did not say that.
	Left  time.Duration
	Boot  string
	Until time.Duration
}

// left returns how much time there is for the confirmation: what the clock of this start of the machine says, which nobody can
// set, or else what the time of day says, but no more than was left before.
func (h *awaitedHeader) left(now time.Time, boot string, up time.Duration) time.Duration {
	most := h.Left
	if h.Boot == "" && h.Left == 0 {
		most = h.Deadline.Sub(h.Since)
	}
	if h.Boot != "" && h.Boot == boot {
		return min(most, h.Until-up)
	}
	return min(most, h.Deadline.Sub(now))
}

// Awaited returns what the running configuration waits for, nil if for nothing.
func (m *Manager) Awaited() *Confirmation {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.awaited == nil {
		return nil
	}
	c := m.awaited.Confirmation
	return &c
}

// Confirm makes the commit that waits for it permanent, and returns it. Without one the error
// is ErrNothingAwaited.
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
	m.subscribers.notify()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// confirmed ends the wait, the commit stays. The caller has the turn.
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
		m.subscribers.enqueue(func() { m.o.Awaiting(e) })
	}
}

// promise notes on disk that the configuration that runs now comes back, before another one
// that waits takes its place: whatever happens from then on, it does.
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
	m.mu.Unlock()
	var disk onDisk
	var err error
	if a.old, disk, err = m.read(); err != nil {
		return nil, err
	}
	if disk != m.disk || !disk.exists { // a person's changes never ran
		if a.old, err = Marshal(running.File, m.o.Format); err != nil {
			return nil, err
		}
	}
	return a, m.remember(a)
}

// remember writes what is awaited to the state directory.
func (m *Manager) remember(a *awaited) error {
	if m.o.StateDir == "" {
		return nil
	}
	h := awaitedHeader{Confirmation: a.Confirmation, Format: m.o.Format.String(), SHA256: hex.EncodeToString(a.sum[:])}
	h.Left = a.Deadline.Sub(m.o.Now())
	if boot, up := m.uptime(); boot != "" {
		h.Boot, h.Until = boot, up+h.Left
	}
	first, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.o.StateDir, 0o700); err != nil {
		return err
	}
	return m.write(filepath.Join(m.o.StateDir, confirmFile), append(append(first, '\n'), a.old...))
}

func (m *Manager) uptime() (boot string, up time.Duration) {
	if m.o.Uptime == nil {
		return "", 0
	}
	return m.o.Uptime()
}

// forget removes what was awaited from the state directory.
func (m *Manager) forget() error {
	if m.o.StateDir == "" {
		return nil
	}
	err := os.Remove(filepath.Join(m.o.StateDir, confirmFile))
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the commit stays unconfirmed: %w", err)
	}
	return syncDir(m.o.StateDir)
}

// absent tells whether an error means that there is no such file, or cannot be one.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// recall reads what an earlier run of the router has left awaited, nil if nothing or if the
// configuration file is not the one that waits: then it was never written, or a person has
// decided since.
func (m *Manager) recall(disk onDisk) (*awaited, error) {
	if m.o.StateDir == "" {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Join(m.o.StateDir, confirmFile))
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first, old, _ := bytes.Cut(data, []byte("\n"))
	var h awaitedHeader
	if err := json.Unmarshal(first, &h); err != nil {
		return nil, errors.New("its first line does not describe it")
	}
	a := &awaited{Confirmation: h.Confirmation, old: old}
	if n, err := hex.Decode(a.sum[:], []byte(h.SHA256)); err != nil || n != len(a.sum) {
		return nil, errors.New("its first line does not describe it")
	}
	if !disk.exists || a.sum != disk.sum || h.Format != m.o.Format.String() {
		return nil, m.forget()
	}
	now := m.o.Now()
	boot, up := m.uptime()
	a.Deadline = now.Add(h.left(now, boot, up))
	return a, nil
}

// updateConfirmation makes of a commit that took effect what it means for confirmations: it confirms what
// waits, if it does not take it back, and may wait for its own. The caller has the turn.
func (m *Manager) updateConfirmation(next *revised, waits *awaited) error {
	switch {
	case next.takesBack:
		m.mu.Lock()
		m.awaited = nil
		m.mu.Unlock()
		return m.forget()
	case waits != nil:
		m.confirmed(next.info)
		m.await(waits)
		return nil
	case m.Awaited() != nil:
		m.confirmed(next.info)
		return m.forget()
	default:
		return nil
	}
}

// unpromise takes back the note of a commit that failed. What waited before goes on waiting.
func (m *Manager) unpromise() error {
	m.mu.Lock()
	a := m.awaited
	m.mu.Unlock()
	if a != nil {
		return m.remember(a)
	}
	return m.forget()
}

// await starts to wait.
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
	a.timer = time.AfterFunc(left, func() { m.expire(a) })
	a.note = time.AfterFunc(noteEvery, func() { m.noteLeft(a) })
	if left > warnBefore {
		a.warning = time.AfterFunc(left-warnBefore, func() { m.warn(a) })
	}
}

func (a *awaited) stop() {
	for _, t := range []*time.Timer{a.timer, a.warning, a.note} {
		if t != nil {
			t.Stop()
		}
	}
}

// noteLeft notes how much time is left. A note that cannot be written leaves the one before.
func (m *Manager) noteLeft(a *awaited) {
	<-m.turn
	defer func() { m.turn <- struct{}{} }()
	if !m.isAwaited(a) {
		return
	}
	_ = m.remember(a)
	m.mu.Lock()
	defer m.mu.Unlock()
	a.note.Reset(noteEvery)
}

func (m *Manager) isAwaited(a *awaited) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.awaited == a && !m.closed
}

func (m *Manager) warn(a *awaited) {
	if m.isAwaited(a) {
		m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageWarning})
		m.subscribers.notify()
	}
}

// expire takes the commit back.
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
		a.timer = time.AfterFunc(rollbackPause, func() { m.expire(a) })
	}
	m.mu.Unlock()
	m.tell(ConfirmationEvent{Confirmation: a.Confirmation, Stage: StageFailed, Err: err})
	m.subscribers.notify()
}

// takeBack returns the revision that brings the old configuration back.
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

// undoFile makes the configuration file what it was before the commit that nobody has confirmed.
// It returns what the file is then. While it fails, a later start tries again.
func (m *Manager) undoFile(a *awaited, now onDisk) (onDisk, error) {
	if err := m.write(m.o.Path, a.old); err != nil {
		return now, err
	}
	return onDisk{exists: true, sum: sha256.Sum256(a.old)}, m.forget()
}

// takenBack says of the commit that brings the old configuration back what it is.
func (a *awaited) takenBack() Info {
	return Info{User: "vrrpsh", Source: "commit confirmed", Comment: fmt.Sprintf("commit %d of %s was not confirmed", a.Commit, a.User)}
}

// Close ends waiting for a confirmation, which goes on when the file is opened again. It waits for a
// commit under way.
func (m *Manager) Close() {
	<-m.turn
	defer m.give()
	m.mu.Lock()
	m.closed = true
	if m.awaited != nil {
		m.awaited.stop()
	}
	m.mu.Unlock()
}
