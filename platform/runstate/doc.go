// Package runstate keeps the run-state file of a System: what a run may have changed in the
// kernel, so that the run after a crash can take it back. What the file says is the
// System's own business; it has a meaning until the machine boots again.
package runstate
