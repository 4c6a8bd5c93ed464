// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package process

import "os"

// nameless returns a file in dir that vanishes with its last user.
func nameless(dir string, content []byte) (*os.File, error) { return unlinked(dir, content) }
