// SPDX-License-Identifier: GPL-3.0-only

package native

import "log/slog"

// Options configure a System of any operating system.
type Options struct {
	// StateDir is the directory of the run-state file, which lists what a crashed run has
	// left behind. It is created if missing. Empty: no such file is kept.
	StateDir string
	// Logger gets warnings and debug messages; nil: none.
	Logger *slog.Logger
}
