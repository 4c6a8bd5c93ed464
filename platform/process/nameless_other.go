// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package process

import "os"

// nameless returns a file in dir that vanishes when its last descriptor is closed.
func nameless(dir string, content []byte) (*os.File, error) { return unlinked(dir, content) }
