// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import "time"

const (
	// announceSoon is the time from the first announcement of a round to the second. A
	// late frame of the old Master moves the switches' entry of the virtual MAC
	// back to the old Master, for at most this time.
	announceSoon = 10 * time.Millisecond
	// announceSpacing is the time between the further announcements of a round: a
	// neighbor that missed the first, for example because of congestion, may see the next, and the
	// default round of five is over within a second.
	announceSpacing = 100 * time.Millisecond
	// announceLimit is the time between rounds that other routers' adverts provoke.
	announceLimit = 5 * time.Second
	// ClaimPause is the time from another host's claim of a virtual address to the announcement that answers it. The next
	// Master also claims the addresses, perhaps before its advert arrives.
	ClaimPause = 100 * time.Millisecond
	// contestPause is the minimum time between two rounds that answer claims. It doubles with each round up to contestRest, and is
	// contestPause again when no round was necessary for more than 2*contestRest. Otherwise two Masters that do not hear each other's
	// adverts would answer each other's announcements for ever at that rate (RFC 5227 section 2.4 forbids such a loop).
	contestPause = 5 * time.Second
	contestRest  = time.Minute
)

// An announcer times the announcements of a Master in rounds (RFC 9568 section
// 6.4.1 asks for one announcement). The zero value is idle.
type announcer struct {
	started  time.Time     // when the first round began
	left     int           // announcements left in the round
	next     time.Time     // when the next of them is due
	again    time.Time     // when another round is due, once
	refresh  time.Time     // when the next refreshing round is due
	provoked time.Time     // when another router's advert last started a round
	answered time.Time     // when the last round that answers a claim began, or will begin
	pause    time.Duration // the minimum time from answered to the next such round
}

// start begins the rounds of a Master whose addresses were installed.
func (a *announcer) start(now time.Time, cfg *AnnounceConfig) {
	*a = announcer{started: now}
	a.begin(now, cfg)
	if cfg.Delay > 0 {
		a.again = now.Add(cfg.Delay)
	}
	a.rearmRefresh(now, cfg)
}

// begin begins a round.
func (a *announcer) begin(now time.Time, cfg *AnnounceConfig) {
	a.next, a.left = now, max(1, cfg.Repeat)
}

// provoke requests an unscheduled round: at once, or as soon
// as the limit allows.
func (a *announcer) provoke(now time.Time, cfg *AnnounceConfig) {
	if a.left > 0 {
		return // the rest of the current round suffices
	}
	if allowed := a.provoked.Add(announceLimit); allowed.After(now) {
		a.again = earliest(a.again, allowed)
		return
	}
	a.provoked = now
	a.begin(now, cfg)
}

// reconfigure applies a new configuration to the coming rounds.
func (a *announcer) reconfigure(now time.Time, was, cfg *AnnounceConfig) {
	if a.left > 0 {
		made := max(1, was.Repeat) - a.left
		if a.left = max(1, cfg.Repeat) - made; a.left <= 0 {
			a.left, a.next = 0, time.Time{}
		}
	}
	if second := a.started.Add(cfg.Delay); was.Delay != cfg.Delay {
		if a.again.Equal(a.started.Add(was.Delay)) {
			a.again = time.Time{}
		}
		if cfg.Delay > 0 && second.After(now) {
			a.again = earliest(a.again, second)
		}
	}
	if was.Refresh != cfg.Refresh {
		a.rearmRefresh(now, cfg)
	}
}

// contest requests a round that answers another host's claim: ClaimPause later, or as soon as the limit allows.
func (a *announcer) contest(now time.Time) {
	if !a.again.IsZero() && a.again.Equal(a.answered) {
		return // that round answers this claim, too
	}
	if now.Sub(a.answered) > 2*contestRest {
		a.pause = 0
	}
	at := now.Add(ClaimPause)
	if allowed := a.answered.Add(a.pause); allowed.After(at) {
		at = allowed
	}
	a.again = earliest(a.again, at)
	a.answered = a.again
	a.pause = min(max(2*a.pause, contestPause), contestRest)
}

// rearmRefresh sets the timer of the refreshing rounds.
func (a *announcer) rearmRefresh(now time.Time, cfg *AnnounceConfig) {
	a.refresh = time.Time{}
	if cfg.Refresh > 0 {
		a.refresh = now.Add(cfg.Refresh)
	}
}

// deadline returns when fire is due; zero if never.
func (a *announcer) deadline() time.Time {
	return earliest(earliest(a.next, a.again), a.refresh)
}

// fire advances the rounds and reports whether to announce now. However late the
// call, one announcement is due.
func (a *announcer) fire(now time.Time, cfg *AnnounceConfig) bool {
	if due(a.again, now) {
		a.again = time.Time{}
		a.begin(now, cfg)
	}
	if due(a.refresh, now) {
		a.rearmRefresh(now, cfg)
		a.begin(now, cfg)
	}
	if !due(a.next, now) {
		return false
	}
	spacing := announceSpacing
	if a.left == max(1, cfg.Repeat) {
		spacing = announceSoon
	}
	a.left--
	a.next = time.Time{}
	if a.left > 0 {
		a.next = now.Add(spacing)
	}
	return true
}
