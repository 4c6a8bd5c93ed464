package router

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"sync/atomic"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/platform/journal"
	"vrrpsh/platform/process"
	"vrrpsh/shell/remote/sshd"
)

// applier makes a validated configuration the running one, in the engine, the log and
// the API's listener.
type applier struct {
	engine    *driver.Driver
	journal   *journal.Journal
	effective func(conf.General) conf.General
	ssh       atomic.Pointer[sshd.Server] // nil until sessions can be served
	listener  *api.Listener
	running   atomic.Pointer[conf.Config]
	manager   atomic.Pointer[conf.Manager] // nil until the first configuration is applied

	realtime bool                // on a real host
	urgent   conf.RealtimeConfig // as it was applied last

	// adopting is set until the first configuration is applied that takes over running virtual routers: what only
	// listens or logs is no reason then for them to end.
	adopting atomic.Bool

	inspect inspector
	warned  []string // of what was warned last
}

var _ conf.Applier = (*applier)(nil)

// revision returns the running configuration as it was committed; nil at the start.
func (a *applier) revision() *conf.Revision {
	if m := a.manager.Load(); m != nil {
		return m.Running()
	}
	return nil
}

// Apply implements conf.Applier.
func (a *applier) Apply(ctx context.Context, c *conf.Config) error {
	if err := a.engine.Apply(ctx, c.Engine); err != nil {
		return err
	}
	if err := a.minor(a.journal.Configure(logSettings(a.effective(c.General)))); err != nil {
		return err
	}
	a.hurry(ctx, c.Realtime)
	a.warn(c.Engine.Routers)
	// From the first answer of a listener on, the API knows its users.
	a.running.Store(c)
	return a.listen(c)
}

// listen makes the listeners those of a configuration.
func (a *applier) listen(c *conf.Config) error {
	err := a.minor(a.listener.Apply(c.API))
	if s := a.ssh.Load(); s != nil && err == nil { // nil: sessions cannot be served yet
		err = a.minor(s.Apply(c.SSH))
	}
	return err
}

// minor returns an error that is a reason not to apply a configuration.
func (a *applier) minor(err error) error {
	if err == nil || !a.adopting.Load() {
		return err
	}
	a.journal.Logger().Error("the virtual routers go on without what the configuration says; a reload tries again", "error", err)
	return nil
}

// hurry gives the engine its priority. Without the right to do so the router is as good as it can be.
func (a *applier) hurry(ctx context.Context, want conf.RealtimeConfig) {
	if !a.realtime || want == a.urgent {
		return
	}
	r := process.Realtime{Priority: want.Priority, LockMemory: want.LockMemory}
	onThread := func(f func() error) error { return a.engine.OnThread(ctx, f) }
	if err := r.SetPriority(onThread); err != nil {
		a.journal.Logger().Warn("realtime.priority has no effect", "error", err)
	}
	if err := r.SetMemory(); err != nil {
		a.journal.Logger().Warn("realtime.lock_memory has no effect", "error", err)
	}
	a.urgent = want
}

// warn logs what of the host's settings is in the way of virtual routers, and was not before.
func (a *applier) warn(routers []engine.VirtualRouter) {
	was := a.warned
	a.warned = a.inspect.obstacles(routers)
	for _, text := range a.warned {
		if !slices.Contains(was, text) {
			a.journal.Logger().Warn("a setting of this host is in the way: " + text)
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
