// SPDX-License-Identifier: GPL-3.0-only

// Package program runs programs of the administrator's for the router: without a shell, as another
// user, within a time, and only if nobody else could have changed them.
package program
