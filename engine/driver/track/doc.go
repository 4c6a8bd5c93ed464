// SPDX-License-Identifier: GPL-3.0-only

// Package track watches tracked objects: it runs scripts, reads files and follows routes. No caller
// waits for this. It does not watch interfaces: the Core knows them.
package track
