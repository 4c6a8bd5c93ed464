// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestUsed(t *testing.T) {
	debug.FreeOSMemory() // what other tests have left
	before := Used()
	kept := make([]byte, 32<<20)
	for i := range kept {
		kept[i] = byte(i)
	}
	files := make([]*os.File, 5)
	for i := range files {
		f, err := os.Open(".")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	end := make(chan struct{})
	defer close(end)
	for range 9 {
		go func() { <-end }()
	}
	for deadline := time.Now().Add(10 * time.Second); Used().CPU == before.CPU && time.Now().Before(deadline); {
	}
	after := Used()
	if after.Heap < before.Heap+uint64(len(kept))/2 || after.Memory < after.Heap || after.Goroutines < before.Goroutines+9 || after.CPU <= before.CPU {
		t.Errorf("%+v after %+v", after, before)
	}
	if after.Started != before.Started || after.Started.After(time.Now()) {
		t.Errorf("started %s, then %s", before.Started, after.Started)
	}
	if runtime.GOOS == "linux" && (after.Resident < before.Resident+uint64(len(kept))/2 || after.OpenFiles < before.OpenFiles+5) {
		t.Errorf("%+v after %+v", after, before)
	}
	runtime.KeepAlive(kept)
}
