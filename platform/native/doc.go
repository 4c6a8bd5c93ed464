// SPDX-License-Identifier: GPL-3.0-only

// Package native selects the platform.System of the operating system for which the program
// was built.
package native
