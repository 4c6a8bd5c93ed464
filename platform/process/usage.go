// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"bytes"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// started is when this program began in this process.
var started = time.Now()

// Usage holds the resources that the process uses.
type Usage struct {
	Started    time.Time
	CPU        time.Duration // processor time, user and system
	Memory     uint64        // bytes that the runtime has obtained from the system
	Heap       uint64        // bytes in use
	Resident   uint64        // resident bytes of the whole process; 0: unknown
	OpenFiles  int           // file descriptors; 0: unknown
	Goroutines int
}

// Used returns the current usage.
func Used() Usage {
	// Unlike runtime.ReadMemStats this does not stop the program.
	m := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(m)
	u := Usage{
		Started: started, Memory: m[0].Value.Uint64() - m[1].Value.Uint64(), Heap: m[2].Value.Uint64(),
		Resident: resident(), OpenFiles: openFiles(), Goroutines: runtime.NumGoroutine(),
	}
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return u
}

// resident returns the resident bytes. The second field of Linux's statm is the number of resident pages.
func resident() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

func openFiles() int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return max(0, len(names)-1) // without d itself
}
