// SPDX-License-Identifier: GPL-3.0-only

// Package report builds the documents of the running state that the HTTP API returns
// and "| json" prints. They are made from one
// engine.Snapshot, so that both always agree.
package report
