// SPDX-License-Identifier: GPL-3.0-only

// Package termtest is a user at a terminal, for tests: it runs a program on a pseudo-terminal, types keys, and
// looks at the screen as a user would see it.
package termtest
