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

// parts returns the parts of the router that apply each new running configuration, in this order.
func (r *Router) parts(o Options) []conf.Part {
	// A log or listener that fails must not keep virtual routers from running.
	logs := func(c *conf.Config) any { return logSettings(o.Effective(c.General)) }
	host := &host{router: r, inspect: o.Inspect}
	give := r.engine.Applier(o.Handover != nil, func(err error) {
		r.log.Error("a virtual router cannot run as configured; the others run", "error", err)
	})
	return []conf.Part{
		{Name: "engine", Apply: func(ctx context.Context, _, to *conf.Config) error { return give(ctx, to.Engine) }},
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
		{
			Name: "api", Wants: func(c *conf.Config) any { return api.ListenerOf(c.API) },
			Try:   func(_, to *conf.Config) error { return r.listener.Try(to.API) },
			Apply: func(_ context.Context, _, to *conf.Config) error { return r.listener.Apply(to.API) },
		},
		{
			Name: "ssh", Wants: func(c *conf.Config) any { return c.SSH },
			Try:   func(_, to *conf.Config) error { return r.ssh.Try(to.SSH) },
			Apply: func(_ context.Context, _, to *conf.Config) error { return r.ssh.Apply(to.SSH) },
		},
	}
}

// retry retries the missing parts until none is missing. It waits one second, then twice as long each time, up to a minute.
func (r *Router) retry(ctx context.Context) {
	const longest = time.Minute
	told := r.tellMissing("")
	for pause := time.Second; told != ""; pause = min(2*pause, longest) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		_ = r.manager.Retry(ctx) // tellMissing reports the error
		told = r.tellMissing(told)
	}
}

// tellMissing returns what is missing, and logs it if it differs from told.
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
		r.log.Error("part of the configuration is not in effect, but the virtual routers run; trying again", "error", now)
	}
	return now
}

// applyRealtime sets the priority of the engine. If the process lacks the privilege, the router runs without it.
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

// host warns of host settings that obstruct virtual routers.
type host struct {
	router  *Router
	inspect inspector
	warned  []string // the previous warnings
}

// warn logs the obstacles that are new.
func (h *host) warn(routers []engine.VirtualRouter) {
	was := h.warned
	h.warned = h.inspect.obstacles(routers)
	for _, text := range h.warned {
		if !slices.Contains(was, text) {
			h.router.log.Warn("a setting of this host is in the way: " + text)
		}
	}
}

// inEffect returns general settings with paths resolved against the working directory and, for a daemon, default files.
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

// logSettings returns the log settings of the general settings.
func logSettings(g conf.General) journal.Settings {
	s := journal.Settings{Debug: g.Debug, UTC: g.TimeZone == "utc", Main: g.MainLog, Errors: g.ErrorLog,
		Hosts: strings.Join(g.LogHosts, " "), Authority: g.LogTLSCA, Hostname: g.Hostname}
	s.TimeFormat, _ = journal.ParseTimeFormat(g.TimeFormat) // validation has checked it
	return s
}

// inDir returns a path, relative to dir if the path is relative.
func inDir(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
