// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parts records the actions of three parts, which fail on request.
type parts struct {
	did  []string
	fail func(part string, to int) error // nil: never
}

func (p *parts) take() string {
	did := strings.Join(p.did, ", ")
	p.did = nil
	return did
}

// list creates them; the last one may be missing at the start if without is not nil.
func (p *parts) list(wants func(*Config) any) []Part {
	priority := func(c *Config) int {
		if len(c.Engine.Routers) == 0 {
			return 0
		}
		return int(c.Engine.Routers[0].Protocol.Priority)
	}
	var list []Part
	for _, name := range []string{"a", "b", "c"} {
		list = append(list, Part{Name: name, Apply: func(ctx context.Context, from, to *Config) error {
			p.did = append(p.did, fmt.Sprintf("%s %d-%d", name, priority(from), priority(to)))
			if p.fail != nil {
				return errors.Join(ctx.Err(), p.fail(name, priority(to)))
			}
			return ctx.Err()
		}})
	}
	list[2].Wants = wants
	return list
}

// start opens a manager with priority 100 and these parts.
func (p *parts) start(t *testing.T, wants func(*Config) any) *fixture {
	t.Helper()
	f := manage(t, base+"priority = 100\n")
	f.Manager = started(t, f.options, p.list(wants)...)
	return f
}

// TestCheckTriesTheParts: Check names everything that would make the commit fail, and applies nothing.
func TestCheckTriesTheParts(t *testing.T) {
	p := new(parts)
	f := manage(t, base+"priority = 100\n")
	list := p.list(nil)
	var tried []string
	for i, broken := range []error{nil, errors.New("b is broken"), errors.New("c is broken")} {
		list[i].Try = func(from, to *Config) error {
			tried = append(tried, fmt.Sprintf("%d-%d", from.Engine.Routers[0].Protocol.Priority, to.Engine.Routers[0].Protocol.Priority))
			return broken
		}
	}
	f.Manager = started(t, f.options, list...)
	p.take()
	_, _, err := f.Check(f.candidate(120))
	if want := "the commit would fail: b is broken\nthe commit would fail: c is broken"; err == nil || err.Error() != want || !errors.Is(err, ErrRejected) {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff([]string{"100-120", "100-120", "100-120"}, tried); diff != "" {
		t.Error(diff)
	}
	if did := p.take(); did != "" {
		t.Errorf("applied: %s", did)
	}
}

// TestPartsFollowInOrder: the parts apply in order; after a failure they are restored in reverse
// order, from the one that failed.
func TestPartsFollowInOrder(t *testing.T) {
	p := new(parts)
	f := p.start(t, nil)
	f.commit(110)
	if diff := cmp.Diff("a 0-100, b 0-100, c 0-100, a 100-110, b 100-110, c 100-110", p.take()); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("broken")
	commit := func() *ApplyError {
		t.Helper()
		_, err := f.Commit(t.Context(), f.candidate(120), Info{})
		var ae *ApplyError
		if !errors.As(err, &ae) || f.Running().ID != 2 {
			t.Fatalf("running %d, error %v", f.Running().ID, err)
		}
		return ae
	}
	p.fail = func(part string, to int) error {
		if part == "b" && to == 120 {
			return broken
		}
		return nil
	}
	if e := commit(); e.Part != "b" || e.Restore != nil || !errors.Is(e, broken) {
		t.Errorf("%+v", e)
	}
	if diff := cmp.Diff("a 110-120, b 110-120, b 120-110, a 120-110", p.take()); diff != "" {
		t.Error(diff)
	}
	p.fail = func(part string, to int) error {
		if part == "b" || to == 110 {
			return broken
		}
		return nil
	}
	if e := commit(); e.Part != "b" || e.Restore == nil || e.Restore.Error() != "b: broken\na: broken" {
		t.Errorf("%+v", e)
	}
	p.take()
	p.fail = nil
	f.write = func(string, []byte) error { return broken }
	if e := commit(); e.Part != "" || e.Step != "write" {
		t.Errorf("%+v", e)
	}
	if diff := cmp.Diff("a 110-120, b 110-120, c 110-120, c 120-110, b 120-110, a 120-110", p.take()); diff != "" {
		t.Error(diff)
	}
}

// TestStartWithoutAPart: the part is missing until it can apply the configuration.
func TestStartWithoutAPart(t *testing.T) {
	taken := errors.New("address in use")
	p := &parts{fail: func(part string, _ int) error {
		if part == "c" {
			return taken
		}
		return nil
	}}
	m, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context(), p.list(nil)...); !errors.Is(err, taken) {
		t.Errorf("the router starts although no part may be missing: %v", err)
	}
	f := p.start(t, func(c *Config) any { return len(c.Engine.Routers) + int(c.Engine.Routers[0].Protocol.Priority)/100 })
	if told := f.Missing(); len(told) != 1 || told[0].Part != "c" || !errors.Is(told[0].Err, taken) {
		t.Errorf("missing %v", told)
	}
	if err := f.Retry(t.Context()); !errors.Is(err, taken) {
		t.Errorf("tried again: %v", err)
	}
	if _, err := f.Commit(t.Context(), f.candidate(200), Info{}); !errors.Is(err, taken) {
		t.Errorf("a commit that changes what it wants: %v", err)
	}
	f.commit(110) // changes nothing for the part
	if told := f.Missing(); len(told) != 1 || told[0].Part != "c" {
		t.Errorf("missing after another commit: %v", told)
	}
	p.fail = nil
	p.take()
	for range 2 { // the second time there is nothing to do
		if err := f.Retry(t.Context()); err != nil {
			t.Error(err)
		}
	}
	f.commit(120)
	if diff := cmp.Diff("c 0-110, a 110-120, b 110-120, c 110-120", p.take()); diff != "" {
		t.Error(diff)
	}
}

// TestCommitEndsMissing: a commit that took effect has reached every part.
func TestCommitEndsMissing(t *testing.T) {
	p := &parts{fail: func(part string, to int) error {
		if part == "c" && to == 100 {
			return errors.New("address in use")
		}
		return nil
	}}
	f := p.start(t, func(*Config) any { return nil })
	f.commit(110)
	p.take()
	if err := f.Retry(t.Context()); err != nil || p.take() != "" {
		t.Errorf("tried again: %v", err)
	}
}
