// SPDX-License-Identifier: GPL-3.0-only

// Package program runs the administrator's programs for the router: without a shell, as another
// user, with a time limit, and only if nobody else could have changed them.
package program
