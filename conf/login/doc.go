// SPDX-License-Identifier: GPL-3.0-only

// Package login checks the passwords of users who log in over a network, and slows password
// guessing. The API and the SSH server share one Gate, so that guesses count together.
package login
