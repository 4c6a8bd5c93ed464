// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/process"
)

// parts are what follows the running configuration, in this order.
func (r *Router) parts(o Options) []conf.Part {
	// What only listens is no reason for virtual routers not to run, and while they are taken over, what only logs is none for them to end.
	var logs func(*conf.Config) any
	if o.Handover != nil {
		logs = func(c *conf.Config) any { return logSettings(o.Effective(c.General)) }
	}
	host := &host{router: r, inspect: o.Inspect}
	return []conf.Part{
		{Name: "engine", Apply: func(ctx context.Context, _, to *conf.Config) error { return r.engine.Apply(ctx, to.Engine) }},
		{Name: "log", Wants: logs, Apply: func(_ context.Context, _, to *conf.Config) error {
			return r.journal.Configure(logSettings(o.Effective(to.General)))
		}},
		{Name: "realtime", Apply: func(ctx context.Context, from, to *conf.Config) error {
			if o.Host != "" && from.Realtime != to.Realtime {
				r.applyRealtime(ctx, to.Realtime)
			}
			return nil
		}},
		{Name: "host", Apply: func(_ context.Context, _, to *conf.Config) error { host.warn(to.Engine.Routers); return nil }},
		{Name: "api", Wants: func(c *conf.Config) any { return api.ListenerOf(c.API) }, Apply: func(_ context.Context, _, to *conf.Config) error { return r.listener.Apply(to.API) }},
		{Name: "ssh", Wants: func(c *conf.Config) any { return c.SSH }, Apply: func(_ context.Context, _, to *conf.Config) error { return r.ssh.Apply(to.SSH) }},
	}
}

// retry tries the parts again that are missing, after a second and after twice as long each time up to a minute, until none is.
func (r *Router) retry(ctx context.Context) {
	const longest = time.Minute
	told := r.tellMissing("")
	for pause := time.Second; told != ""; pause = min(2*pause, longest) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		_ = r.manager.Retry(ctx) // is among the missing
		told = r.tellMissing(told)
	}
}

// tellMissing logs what is missing unless it was told, and returns what it is.
func (r *Router) tellMissing(told string) string {
	var all []string
	for _, m := range r.manager.Missing() {
		all = append(all, m.String())
	}
	now := strings.Join(all, "; ")
	switch {
	case now == told:
	case now == "":
		r.log.Info("all parts of the configuration are in effect")
	default:
		r.log.Error("the virtual routers go on without what the configuration says; it is tried again", "error", now)
	}
	return now
}

// applyRealtime gives the engine its priority. Without the right to do so the router is as good as it can be.
func (r *Router) applyRealtime(ctx context.Context, want conf.RealtimeConfig) {
	p := process.Realtime{Priority: want.Priority, LockMemory: want.LockMemory}
	onThread := func(f func() error) error { return r.engine.OnThread(ctx, f) }
	if err := p.SetPriority(onThread); err != nil {
		r.log.Warn("realtime.priority has no effect", "error", err)
	}
	if err := p.SetMemory(); err != nil {
		r.log.Warn("realtime.lock_memory has no effect", "error", err)
	}
}

// host warns of what of the host's settings is in the way of virtual routers.
type host struct {
	router  *Router
	inspect inspector
	warned  []string // of what was warned last
}

// warn logs what is in the way, and was not before.
func (h *host) warn(routers []engine.VirtualRouter) {
	was := h.warned
	h.warned = h.inspect.obstacles(routers)
	for _, text := range h.warned {
		if !slices.Contains(was, text) {
			h.router.log.Warn("a setting of this host is in the way: " + text)
		}
	}
}

// inEffect returns general settings with the files that they mean.
func inEffect(g conf.General, asDaemon bool) conf.General {
	if asDaemon {
		g.PID = cmp.Or(g.PID, conf.DefaultPID)
		g.MainLog = cmp.Or(g.MainLog, conf.DefaultMainLog)
	}
	for _, file := range []*string{&g.PID, &g.MainLog, &g.ErrorLog} {
		*file = inDir(g.WorkingDir, *file)
	}
	return g
}

// logSettings is what general settings say about the log.
func logSettings(g conf.General) journal.Settings {
	s := journal.Settings{Debug: g.Debug, UTC: g.TimeZone == "utc", Main: g.MainLog, Errors: g.ErrorLog}
	s.TimeFormat, _ = journal.ParseTimeFormat(g.TimeFormat) // was validated
	return s
}

// inDir returns a path that is relative to dir, if it is relative.
func inDir(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
