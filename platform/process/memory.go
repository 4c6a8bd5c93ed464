// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"os"
	"runtime/debug"
)

// gcPercent is how much garbage there may be, in percent of what is in use, before it is collected. A router makes
// garbage when it starts and for commits and queries only: adverts, which must not be delayed, make none. So it costs little
// to keep half of Go's default, which at 4,000 virtual routers is some 15 MB.
const gcPercent = 50

// SaveMemory has the garbage of this process collected sooner, unless the environment says when (GOGC). The
// runtime itself honors GOMEMLIMIT.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
