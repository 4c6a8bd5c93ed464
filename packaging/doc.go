// SPDX-License-Identifier: GPL-3.0-only

// Package packaging holds the systemd unit and the parts of the Debian package, and tests them.
package packaging
