// SPDX-License-Identifier: GPL-3.0-only

// Package termtest is somebody at a terminal, for tests: a program runs on a pseudo-terminal, keys are typed, and
// what a user would see is looked at.
package termtest
