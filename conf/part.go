package conf

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Part is what follows the running configuration: the engine, the log, a listener.
type Part struct {
	Name string
	// Apply goes from one configuration to another and changes only what differs. At the start it comes from an empty
	// one. Its error says what has failed; after one of this part, or of another that follows later, it is called with
	// the two exchanged, to take back what it has done.
	Apply func(ctx context.Context, from, to *Config) error
	// StartWithout, unless nil, has the router start although Apply fails, and is told why: Retry tries again.
	StartWithout func(err error)
}

// Start has the parts follow the running configuration, in order, and every commit from then on. Its error is that of
// a part; the parts before it follow then.
func (m *Manager) Start(ctx context.Context, parts ...Part) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	m.parts = parts
	rev := *m.Running()
	for _, p := range parts {
		switch err := p.Apply(ctx, new(Config), rev.Config); {
		case err == nil:
		case p.StartWithout == nil:
			return fmt.Errorf("apply the configuration: %w", err)
		default:
			p.StartWithout(err)
			m.missing = append(m.missing, p)
		}
	}
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

// Retry has the parts follow the running configuration that the router has started without. Its errors are theirs.
func (m *Manager) Retry(ctx context.Context) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	parts := m.missing
	m.missing = nil
	var problems []error
	for _, p := range parts {
		if err := p.Apply(ctx, new(Config), m.Running().Config); err != nil {
			m.missing = append(m.missing, p)
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// take waits for the turn, give ends it.
func (m *Manager) take(ctx context.Context) error {
	select {
	case <-m.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another commit: %w", ctx.Err())
	}
}

func (m *Manager) give() { m.turn <- struct{}{} }
