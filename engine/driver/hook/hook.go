// SPDX-License-Identifier: GPL-3.0-only

package hook

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/program"
)

// Options configure a Runner.
type Options struct {
	// Run runs a program; nil: no program runs.
	Run func(context.Context, program.Program) (string, error)
	// Failed is called for each program that fails.
	Failed func(hook, said string, err error)
}

// Runner runs the hooks. Publish never waits.
type Runner struct {
	o   Options
	ctx context.Context
	end context.CancelFunc
	all sync.WaitGroup

	mu    sync.Mutex
	hooks []*queue
}

// New returns a Runner without hooks.
func New(o Options) *Runner {
	ctx, end := context.WithCancel(context.Background())
	return &Runner{o: o, ctx: ctx, end: end}
}

// Set replaces the hooks with list. An unchanged hook keeps its waiting events. A removed or changed hook ends
// after its waiting events.
func (r *Runner) Set(list []engine.Hook) {
	if r.o.Run == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := make(map[string]*queue, len(r.hooks))
	for _, q := range r.hooks {
		old[q.hook.Name] = q
	}
	r.hooks = nil
	for _, h := range list {
		q := old[h.Name]
		if q == nil || !q.hook.Program.Equal(&h.Program) || q.hook.Events != h.Events {
			q = newQueue(h)
			r.all.Go(func() { r.serve(q) })
		} else {
			delete(old, h.Name)
		}
		r.hooks = append(r.hooks, q)
	}
	for _, q := range old {
		q.finish()
	}
}

// Publish gives events to the hooks.
func (r *Runner) Publish(events []engine.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.hooks {
		for i := range events {
			if !events[i].Quiet && q.hook.Events&kind(&events[i]) != 0 {
				q.add(&events[i])
			}
		}
	}
}

// killWait is how long Close waits for killed programs: a process that the kernel cannot end is left behind.
const killWait = time.Second

// Close lets the hooks handle their waiting events for at most grace, and then ends them.
func (r *Runner) Close(grace time.Duration) {
	r.Set(nil)
	defer r.end()
	done := make(chan struct{})
	go func() { r.all.Wait(); close(done) }()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-done:
		return
	case <-t.C:
	}
	r.end()
	t.Reset(killWait)
	select {
	case <-done:
	case <-t.C:
	}
}

// kind returns the hook event of an event.
func kind(e *engine.Event) engine.HookEvents {
	switch e.Kind {
	case engine.EventTransition, engine.EventFlaps:
		switch e.To {
		case vrrp.Master:
			return engine.HookMaster
		case vrrp.Backup:
			return engine.HookBackup
		default:
			return engine.HookInit
		}
	case engine.EventFault:
		return engine.HookFault
	case engine.EventLink:
		return engine.HookLink
	case engine.EventTrack:
		return engine.HookTrack
	case engine.EventConfig:
		return engine.HookConfig
	default:
		return 0
	}
}

// serve runs a hook for one event after another.
func (r *Runner) serve(q *queue) {
	for {
		e, lost, ok := q.next(r.ctx)
		if !ok {
			return
		}
		input, err := json.Marshal(document(e, lost))
		if err != nil {
			r.o.Failed(q.hook.Name, "", err)
			continue
		}
		p := &q.hook.Program
		said, err := r.o.Run(r.ctx, program.Program{
			Command: p.Command, UID: p.UID, GID: p.GID, Timeout: p.Timeout,
			Input: append(input, '\n'), Env: []string{"VRRPSH_NOTIFY=" + q.hook.Name},
		})
		if err != nil {
			r.o.Failed(q.hook.Name, said, err)
		}
	}
}

// Document is the input of a hook.
type Document struct {
	Seq   uint64    `json:"seq"` // counts all events of the router, without gaps
	Time  time.Time `json:"time"`
	Event string    `json:"event"` // "transition", "fault", "link", "track" or "config"

	Interface string `json:"interface,omitempty"`
	Family    string `json:"family,omitempty"`
	VRID      uint8  `json:"group,omitempty"`

	From      string   `json:"from,omitempty"`
	To        string   `json:"to,omitempty"`
	Cause     string   `json:"cause,omitempty"`
	Priority  uint8    `json:"priority,omitempty"`
	Addresses []string `json:"addresses,omitempty"`

	Text string `json:"text,omitempty"`
	// Untold is the number of transitions of the virtual router before this event that were too many to report.
	Untold uint64 `json:"untold,omitempty"`
	// Lost is the number of events before this one that were dropped because the hook was too slow.
	Lost uint64 `json:"lost,omitempty"`
}

func document(e *engine.Event, lost uint64) *Document {
	d := &Document{
		Seq: e.Seq, Time: e.Time, Event: strings.Join(kind(e).Names(), ""), Interface: e.Key.Interface,
		VRID: e.Key.VRID, Text: e.Text, Untold: e.Untold, Lost: lost,
	}
	if e.Key.VRID != 0 {
		d.Family = strings.ToLower(e.Key.Family.String())
	}
	if e.Changes() {
		d.Event = "transition"
		d.From, d.To, d.Cause, d.Priority = e.From.String(), e.To.String(), e.Cause.String(), e.Priority
		for _, a := range e.Addresses {
			d.Addresses = append(d.Addresses, a.String())
		}
	}
	return d
}
