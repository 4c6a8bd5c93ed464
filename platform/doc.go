// Package platform says what the router needs of an operating system: links and
// addresses, VRRP sockets, announcements. Packages linux and freebsd implement it on
// real kernels, package fake in memory.
package platform
