// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package native

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"vrrpsh/platform"
)

// Capture returns an error that wraps platform.ErrUnsupported; the sniffer can read a capture file instead.
func Capture(context.Context, string, func(at time.Time, b []byte)) error {
	return fmt.Errorf("capturing on %s: %w; capture with tcpdump -w and read the file", runtime.GOOS, platform.ErrUnsupported)
}
