// SPDX-License-Identifier: GPL-3.0-only

// Package report builds the documents on the running state that the HTTP API returns and "| json"
// prints. Both use one engine.Snapshot, so that they always agree.
package report
