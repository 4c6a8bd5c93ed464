// SPDX-License-Identifier: GPL-3.0-only

// Package freebsd is platform.System on FreeBSD: VRRP through the Berkeley Packet Filter,
// interfaces by the route socket, addresses by ioctl.
//
// All logic compiles, and is tested, on every system; the calls of FreeBSD are in the files
// *_freebsd.go, behind the interface kernel. The layouts
// are those of 64-bit FreeBSD with little-endian byte order: amd64 and arm64.
package freebsd
