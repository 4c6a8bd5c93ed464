// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux && !freebsd

package native

import (
	"fmt"
	"runtime"

	"vrrpsh/platform"
)

// New returns an error that wraps platform.ErrUnsupported: there is no System for this
// operating system.
func New(Options) (platform.System, error) {
	return nil, fmt.Errorf("routing on %s: %w", runtime.GOOS, platform.ErrUnsupported)
}

// Left returns nil: no System leaves anything.
func Left() any { return nil }
