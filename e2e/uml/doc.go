// SPDX-License-Identifier: GPL-3.0-only

// Package uml tests vrrpsh in a kernel of its own, User Mode Linux, for what the machine's kernel may lack or must not be asked
// for: VLANs, bonds and teams, netem, steps of the clock, and a machine that is suspended.
//
// The tests start the kernel, which runs the same test binary again: see boot_test.go. The guest's root is the machine's,
// read-only. Like the other end-to-end tests they need root and the packages that install-peers.sh installs.
package uml
