// SPDX-License-Identifier: GPL-3.0-only

// Package track finds out about tracked objects: it runs scripts, reads files and follows routes, each
// without anybody waiting for it. Interfaces are not its business: the Core knows them.
package track
