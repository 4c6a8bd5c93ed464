package native

import "vrrpsh/platform/linux"

// Inspect says which settings of the kernel are in the way of IPv4 virtual routers on an interface: with their
// addresses on these macvlans, or on the interface itself without any.
func Inspect(iface string, macvlans ...string) []string { return linux.Inspect(iface, macvlans...) }
