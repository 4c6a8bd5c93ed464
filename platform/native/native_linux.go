package native

import (
	"vrrpsh/platform"
	"vrrpsh/platform/linux"
)

// New returns the System of this host. It needs the right to administer the network.
func New(o Options) (platform.System, error) {
	return linux.New(linux.Options{StateDir: o.StateDir, Logger: o.Logger})
}
