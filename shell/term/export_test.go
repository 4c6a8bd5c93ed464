// SPDX-License-Identifier: GPL-3.0-only

package term

// IoctlGetTermios is the request that reads a terminal's settings.
const IoctlGetTermios = ioctlGetTermios

// SerialName is serialName.
var SerialName = serialName
