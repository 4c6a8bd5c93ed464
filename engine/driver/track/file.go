// SPDX-License-Identifier: GPL-3.0-only

package track

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"vrrpsh/engine"
)

// file reads the weight of an object at every interval.
func (w *Watcher) file(ctx context.Context, o *engine.TrackObject) {
	var last engine.TrackResult
	for first := true; ; first = false {
		r := engine.TrackResult{Up: true}
		weight, err := readWeight(o.File)
		if err != nil {
			r.Up, r.Reason = false, err.Error()
		}
		r.Weight = weight
		w.report(ctx, o, &last, first, r)
		if !Pause(ctx, o.Interval) {
			return
		}
	}
}

// weightLen is more than the length of any weight with the space around it.
const weightLen = 64

// readWeight reads an integer. It refuses a file that is not regular, because reading could block.
func readWeight(name string) (int, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return 0, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, weightLen))
	if err != nil {
		return 0, errors.New("cannot be read")
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < -engine.MaxWeight || n > engine.MaxWeight {
		return 0, fmt.Errorf("does not hold an integer from %d to %d", -engine.MaxWeight, engine.MaxWeight)
	}
	return n, nil
}
