// SPDX-License-Identifier: GPL-3.0-only

// Package fake is an operating system's network in memory: LANs with a learning
// switch, routers whose kernels a System changes, and hosts that ping. Tests use it
// in the virtual time of testing/synctest, the demonstration in real time.
//
// A Router is a machine with its kernel. A System is the router program's access to it,
// from Boot until Close or Kill. The changes of a killed System stay in the kernel
// until the next System recovers them.
package fake
