// SPDX-License-Identifier: GPL-3.0-only

// Package conf holds the configuration: File is what a file says (raw, unset values are nil),
// Config what it means (validated, with defaults), and Manager owns the running
// configuration, its candidates, commits and history.
package conf
