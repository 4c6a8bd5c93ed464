// SPDX-License-Identifier: GPL-3.0-only

// Package runstate keeps the run-state file of a System: the changes that a run may have made to the
// kernel, so that the run after a crash can undo them. Each System defines the
// content of its file, which is valid until the machine boots again.
package runstate
