// SPDX-License-Identifier: GPL-3.0-only

package native

import (
	"context"
	"time"

	"vrrpsh/platform/linux"
)

// Capture calls fn with every VRRP frame that an Ethernet interface receives or sends, until ctx ends.
// The frame is valid during the call.
func Capture(ctx context.Context, iface string, fn func(at time.Time, b []byte)) error {
	return linux.Capture(ctx, iface, fn)
}
