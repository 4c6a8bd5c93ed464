//go:build !linux

package process

import (
	"errors"
	"fmt"
	"runtime"
)

// SetThread gives the calling thread the priority, which is possible on Linux only.
func (r Realtime) SetThread() error {
	if r.Priority == 0 {
		return nil
	}
	return fmt.Errorf("real-time priority on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// SetMemory locks the memory of the process, which is possible on Linux only.
func (r Realtime) SetMemory() error {
	if !r.LockMemory {
		return nil
	}
	return fmt.Errorf("locking memory on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
