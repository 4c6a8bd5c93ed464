// SPDX-License-Identifier: GPL-3.0-only

// Package feed gives values to readers without waiting for them: a reader that falls behind loses the oldest values.
package feed
