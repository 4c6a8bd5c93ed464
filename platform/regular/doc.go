// SPDX-License-Identifier: GPL-3.0-only

// Package regular reads files that may turn out to be something else, such as a pipe or a device.
package regular
