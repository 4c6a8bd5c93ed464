package driver

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// subscriberQueue is how many events wait for a subscriber before the oldest are lost.
const subscriberQueue = 1024

// broadcast gives events to subscribers without waiting for them.
type broadcast struct {
	mu          sync.Mutex
	subscribers []chan engine.Event
	ended       bool
}

func (b *broadcast) subscribe(queue int) (events <-chan engine.Event, stop func()) {
	c := make(chan engine.Event, queue)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		close(c)
		return c, func() {}
	}
	b.subscribers = append(b.subscribers, c)
	return c, func() { b.remove(c) }
}

func (b *broadcast) remove(c chan engine.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.subscribers, c); i >= 0 {
		b.subscribers = slices.Delete(b.subscribers, i, i+1)
		close(c)
	}
}

// publish gives events to everyone. A full queue loses its oldest.
func (b *broadcast) publish(events []engine.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.subscribers {
		for i := range events {
			for sent := false; !sent; {
				select {
				case c <- events[i]:
					sent = true
				default:
					select {
					case <-c:
					default: // the subscriber was quicker
					}
				}
			}
		}
	}
}

// end closes all subscriptions, and those to come.
func (b *broadcast) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.subscribers {
		close(c)
	}
	b.subscribers, b.ended = nil, true
}

// journal writes to the log from a goroutine of its own.
type journal struct {
	logger  *slog.Logger
	records chan record
}

type record struct {
	level   slog.Level
	message string
	args    []any
}

// recordQueue is how many records wait for the logger before more are lost.
const recordQueue = 256

func newJournal(l *slog.Logger) journal {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return journal{logger: l, records: make(chan record, recordQueue)}
}

// warn logs what the Core does not know of.
func (j *journal) warn(message string, args ...any) { j.add(record{slog.LevelWarn, message, args}) }

func (j *journal) add(r record) {
	select {
	case j.records <- r:
	default:
	}
}

// run writes until the subscription ends, and then what is left.
func (j *journal) run(events <-chan engine.Event) {
	var last uint64
	for {
		select {
		case r := <-j.records:
			j.write(r)
		case e, ok := <-events:
			if !ok {
				j.rest()
				return
			}
			if last > 0 && e.Seq > last+1 {
				j.write(record{slog.LevelWarn, "the log is too slow: events are missing", []any{"count", e.Seq - last - 1}})
			}
			last = e.Seq
			j.write(eventRecord(&e))
		}
	}
}

// rest writes the records that wait.
func (j *journal) rest() {
	for {
		select {
		case r := <-j.records:
			j.write(r)
		default:
			return
		}
	}
}

func (j *journal) write(r record) {
	j.logger.Log(context.Background(), r.level, r.message, r.args...)
}

// eventRecord returns an event as it is logged.
func eventRecord(e *engine.Event) record {
	var args []any
	if e.Key.Interface != "" {
		args = append(args, "interface", e.Key.Interface)
	}
	if e.Key.VRID != 0 {
		args = append(args, "family", e.Key.Family.String(), "group", e.Key.VRID)
	}
	switch e.Kind {
	case engine.EventTransition:
		args = append(args, "from", e.From.String(), "to", e.To.String(), "cause", e.Cause.String())
		if e.Text != "" {
			args = append(args, "detail", e.Text)
		}
		return record{slog.LevelInfo, transitionMessage(e.To), args}
	case engine.EventFault:
		return record{slog.LevelWarn, e.Text, args}
	default:
		return record{slog.LevelInfo, e.Text, args}
	}
}

func transitionMessage(to vrrp.State) string { return "became " + to.String() }
