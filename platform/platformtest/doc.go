// Package platformtest holds the scenarios that every platform.System passes: on a real kernel
// in network namespaces, and on the one in memory.
package platformtest
