// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package process

import (
	"errors"
	"fmt"
	"runtime"
)

func setThreads(int) error { return nil }

// setThread gives a thread a priority, which is possible only on Linux.
func setThread(_, priority int) error {
	if priority == 0 {
		return nil
	}
	return fmt.Errorf("real-time scheduling on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// SetMemory locks the memory of the process, which is possible only on Linux.
func (r Realtime) SetMemory() error {
	if !r.LockMemory {
		return nil
	}
	return fmt.Errorf("locking memory on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
