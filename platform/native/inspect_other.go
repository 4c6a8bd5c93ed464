// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package native

import "vrrpsh/platform"

// Inspect returns nil: no such setting of this operating system is known.
func Inspect(string, ...string) []string { return nil }

// NotForwarding returns nothing: it is not looked at on this operating system.
func NotForwarding(string, platform.Family) string { return "" }

// Neighbors is not supported on this operating system.
func Neighbors() ([]platform.Neighbor, error) { return nil, platform.ErrUnsupported }

// Traffic is not supported on this operating system.
func Traffic() ([]platform.Traffic, error) { return nil, platform.ErrUnsupported }

// Hint returns nothing: it is not looked at on this operating system.
func Hint(string, platform.Family) string { return "" }

// Connects tells that the prefix length of a virtual address brings no route to its subnet.
const Connects = false
