// SPDX-License-Identifier: GPL-3.0-only

// Package conf holds the configuration: File is the contents of a file (raw, unset values are nil),
// Config is its meaning (validated, with defaults), and Manager owns the running configuration, its
// candidates, commits and history.
package conf
