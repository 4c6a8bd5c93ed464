// SPDX-License-Identifier: GPL-3.0-only

// Package e2e tests vrrpsh as its users run it: the built binary, in real network
// namespaces joined by a bridge, with real keepalived and FRR routers. The tests check the packets on
// the wire, the addresses that a host on the segment can reach, and the state of the kernel.
//
// The tests need Linux, root, and the packages that install-peers.sh installs. If one of these
// is missing, the tests are skipped with a message that names it; with VRRPSH_E2E=require in the environment
// they fail instead.
//
// VRRPSH_BIN names a binary to test instead of the one built from this module.
package e2e
