// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Part applies the running configuration to one part of the router: the engine, the log, a
// listener.
type Part struct {
	Name string
	// Apply changes from one configuration to another, touching only what differs. At the start, from is empty. If
	// this part or a later one returns an error, Apply is called again with from and to exchanged, to undo the
	// changes.
	Apply func(ctx context.Context, from, to *Config) error
	// Try, unless nil, returns the error that Apply would return because of something outside the configuration, such as a port in use or a
	// certificate that cannot be read. It changes nothing.
	Try func(from, to *Config) error
	// Wants, unless nil, lets the router start although Apply fails. It returns the part of a configuration that Apply depends on: a commit
	// that does not change it is not refused either. The part is missing until Apply succeeds; Retry calls Apply again.
	Wants func(*Config) any
}

// Missing is a part that could not apply the running configuration.
type Missing struct {
	Part string
	Err  error
}

// String returns for example "api: listen tcp 192.0.2.1:80: …".
func (m Missing) String() string {
	return m.Part + ": " + strings.TrimPrefix(m.Err.Error(), m.Part+": ")
}

type missing struct {
	part Part
	err  error
}

// Start applies the running configuration to the parts, in order, and so does every later commit. Its error is the
// error of a part that the router cannot start without; the parts before that one have been applied.
func (m *Manager) Start(ctx context.Context, parts ...Part) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	m.parts = parts
	rev := *m.Running()
	var without []missing
	for _, p := range parts {
		switch err := p.Apply(ctx, new(Config), rev.Config); {
		case err == nil:
		case p.Wants == nil:
			return fmt.Errorf("apply the configuration: %w", err)
		default:
			without = append(without, missing{p, err})
		}
	}
	m.missing.Store(&without)
	m.mu.Lock()
	err := m.history.save()
	waits := m.awaited
	m.mu.Unlock()
	if err != nil {
		rev.Notes = append(slices.Clip(rev.Notes), notComplete(err))
		m.running.Store(&rev)
	}
	if waits != nil {
		m.await(waits)
	}
	return nil
}

// Missing returns the parts that could not apply the running configuration.
func (m *Manager) Missing() []Missing {
	without := m.missing.Load()
	if without == nil {
		return nil
	}
	list := make([]Missing, len(*without))
	for i, p := range *without {
		list[i] = Missing{p.part.Name, p.err}
	}
	return list
}

// excused reports whether a part may fail: it is missing already, and the commit does not change what it depends on.
func (m *Manager) excused(p *Part, from, to *Config) bool {
	return p.Wants != nil && m.isMissing(p.Name) && p.Wants(from) == p.Wants(to)
}

// isMissing reports whether a part is missing.
func (m *Manager) isMissing(name string) bool {
	return slices.ContainsFunc(m.Missing(), func(p Missing) bool { return p.Part == name })
}

// Retry applies the running configuration to the missing parts and returns their errors.
func (m *Manager) Retry(ctx context.Context) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	var without []missing
	var problems []error
	if before := m.missing.Load(); before != nil {
		for _, p := range *before {
			if p.err = p.part.Apply(ctx, new(Config), m.Running().Config); p.err != nil {
				without = append(without, p)
				problems = append(problems, p.err)
			}
		}
	}
	m.missing.Store(&without)
	return errors.Join(problems...)
}

// take waits for the turn, give releases it.
func (m *Manager) take(ctx context.Context) error {
	if m.o.Block != nil {
		m.o.Block(func() bool { return len(m.turn) > 0 || ctx.Err() != nil })
	}
	select {
	case <-m.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another commit: %w", ctx.Err())
	}
}

func (m *Manager) give() { m.turn <- struct{}{} }
