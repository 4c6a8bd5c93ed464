// Package freebsd is platform.System on FreeBSD: VRRP through the Berkeley Packet Filter,
// interfaces by the route socket, addresses by ioctl.
//
// Everything that decides something compiles, and is tested, on every system; what calls
// FreeBSD is in kernel_freebsd.go and its neighbors, behind the interface kernel. The layouts
// are those of 64-bit FreeBSD with little-endian byte order: amd64 and arm64.
package freebsd
