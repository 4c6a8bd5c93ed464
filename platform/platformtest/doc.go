// SPDX-License-Identifier: GPL-3.0-only

// Package platformtest holds the scenarios that every platform.System must pass: on a real kernel
// in network namespaces, and on simulated ones.
package platformtest
