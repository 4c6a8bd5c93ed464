// SPDX-License-Identifier: GPL-3.0-only

// Package platform defines the operating system functions that the router needs: links and
// addresses, VRRP sockets, announcements. Packages linux and freebsd implement them on
// real kernels, package fake in memory.
package platform
