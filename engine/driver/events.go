// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"log/slog"
	"sync/atomic"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/journal"
)

// subscriberQueue is the number of events that wait for a subscriber before the oldest are lost.
const subscriberQueue = 1024

// records holds the records to log. A separate goroutine writes them.
type records struct {
	logger *slog.Logger
	queue  chan record
	lost   atomic.Uint64 // records lost since the last message about lost ones
}

type record struct {
	level   slog.Level
	message string
	args    []any
}

// recordQueue is the number of records that wait for the logger before further ones are lost.
const recordQueue = 1024

func newRecords(l *slog.Logger) *records {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return &records{logger: l, queue: make(chan record, recordQueue)}
}

// warn logs a problem that the Core does not know.
func (j *records) warn(message string, args ...any) { j.add(record{slog.LevelWarn, message, args}) }

func (j *records) info(message string, args ...any) { j.add(record{slog.LevelInfo, message, args}) }

func (j *records) add(r record) {
	select {
	case j.queue <- r:
	default:
		j.lost.Add(1)
	}
}

// run writes records and events until the subscription ends, and then the remaining records.
func (j *records) run(events <-chan engine.Event) {
	var last uint64
	for {
		select {
		case r := <-j.queue:
			j.write(r)
			if n := j.lost.Swap(0); n > 0 {
				j.write(record{slog.LevelWarn, "the log is too slow: messages are missing", []any{"count", n}})
			}
		case e, ok := <-events:
			if !ok {
				j.rest()
				return
			}
			if last > 0 && e.Seq > last+1 {
				j.write(record{slog.LevelWarn, "the log is too slow: events are missing", []any{"count", e.Seq - last - 1}})
			}
			last = e.Seq
			if e.Quiet {
				continue
			}
			about := journal.Event{Interface: e.Key.Interface, Group: e.Key.VRID}
			j.log(journal.WithEvent(context.Background(), about), eventRecord(&e))
		}
	}
}

// rest writes the waiting records.
func (j *records) rest() {
	for {
		select {
		case r := <-j.queue:
			j.write(r)
		default:
			return
		}
	}
}

func (j *records) write(r record) { j.log(context.Background(), r) }

func (j *records) log(ctx context.Context, r record) {
	j.logger.Log(ctx, r.level, r.message, r.args...)
}

// eventRecord returns the log record of an event.
func eventRecord(e *engine.Event) record {
	var args []any
	if e.Key.Interface != "" {
		args = append(args, "interface", e.Key.Interface)
	}
	if e.Key.VRID != 0 {
		args = append(args, "family", e.Key.Family.String(), "group", e.Key.VRID)
	}
	switch e.Kind {
	case engine.EventTransition, engine.EventFlaps:
		args = append(args, "from", e.From.String(), "to", e.To.String(), "cause", e.Cause.String())
		if e.Text != "" {
			args = append(args, "detail", e.Text)
		}
		if e.Untold > 0 {
			args = append(args, "transitions_untold", e.Untold)
		}
		return record{slog.LevelInfo, transitionMessage(e.To), args}
	case engine.EventFault:
		return record{slog.LevelWarn, e.Text, args}
	case engine.EventTrack:
		return record{slog.LevelWarn, e.Text, args}
	case engine.EventLink:
		return record{journal.Low, e.Text, args}
	default:
		return record{slog.LevelInfo, e.Text, args}
	}
}

func transitionMessage(to vrrp.State) string { return "became " + to.String() }
