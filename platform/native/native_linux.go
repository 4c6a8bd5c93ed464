// SPDX-License-Identifier: GPL-3.0-only

package native

import (
	"vrrpsh/platform"
	"vrrpsh/platform/linux"
)

// New returns the System of this host. It needs the right to administer the network.
func New(o Options) (platform.System, error) {
	return linux.New(linux.Options{StateDir: o.StateDir, Logger: o.Logger})
}

// Left returns a value to decode the result of the System's Leave into, to check whether this release understands it.
func Left() any { return linux.Left() }
