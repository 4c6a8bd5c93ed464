// SPDX-License-Identifier: GPL-3.0-only

// Package linux implements platform.System on Linux: netlink for links and addresses, raw
// sockets for VRRP, AF_PACKET for frames from the virtual MAC.
package linux
