// Package fake is an operating system's network in memory: LANs with a learning
// switch, routers whose kernels a System changes, and hosts that ping. It serves
// the tests, where it works in the virtual time of testing/synctest, and the
// demonstration, where it runs in real time.
//
// A Router is a machine with its kernel. A System is the router program's hold on it,
// from Boot until Close or Kill; what a killed System left in the kernel stays there
// until the next one recovers it.
package fake
