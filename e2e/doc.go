// Package e2e tests vrrpsh as its users run it: the built binary, in real network
// namespaces joined by a bridge, beside real keepalived and FRR routers, judged by what is on
// the wire, by what a host on the segment can reach, and by what the kernel holds.
//
// The tests need Linux, root, and the packages that install-peers.sh installs. Where one of these
// is missing they are skipped, saying which; with VRRPSH_E2E=require in the environment a
// test that would be skipped fails instead.
//
// VRRPSH_BIN names a binary to test in place of the one built from this module.
package e2e
