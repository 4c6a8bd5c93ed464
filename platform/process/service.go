// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Service reports the state of this process to the service manager. Without a service manager, it does nothing.
type Service struct{}

// Ready says that the process runs as configured.
func (Service) Ready() { notify(daemon.SdNotifyReady) }

// Reloading says that another program is about to take over this process; Ready ends the reload.
func (Service) Reloading() { notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec()) }

// Stopping says that the process is about to end.
func (Service) Stopping() { notify(daemon.SdNotifyStopping) }

func notify(state string) {
	_, _ = daemon.SdNotify(false, state) // the router runs even if the service manager does not listen
}

// Watch reports to the service manager's watchdog, if there is one, that the process is healthy,
// until ctx ends. The service manager restarts a process that is unhealthy for too long.
func (Service) Watch(ctx context.Context, healthy func(context.Context) error) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil || limit == 0 {
		return
	}
	watch(ctx, limit/3, healthy, func() { notify(daemon.SdNotifyWatchdog) })
}

// watch calls alive at every interval in which healthy returns no error.
func watch(ctx context.Context, interval time.Duration, healthy func(context.Context) error, alive func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		check, cancel := context.WithTimeout(ctx, interval)
		err := healthy(check)
		cancel()
		if err == nil {
			alive()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
