// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/completions"
)

// clogged is a client that does not read until released.
type clogged struct {
	bytes.Buffer
	writing chan<- struct{}
	reads   <-chan struct{}
}

func (c *clogged) Write(b []byte) (int, error) {
	select {
	case c.writing <- struct{}{}:
	default:
	}
	<-c.reads
	return c.Buffer.Write(b)
}

// TestCommandsOfAUserTakeTurns: a user whose sessions do not read their answers gets no more answers, and no other user
// waits for that.
func TestCommandsOfAUserTakeTurns(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	synctest.Test(t, func(t *testing.T) {
		env := *env
		env.Sessions = NewSessions()
		open := func(u User) *Session {
			s := New(&env, u)
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		reads, writing := make(chan struct{}), make(chan struct{}, 1)
		read := sync.OnceFunc(func() { close(reads) })
		defer read()
		statuses := make(chan Status, userCommands)
		for range userCommands {
			s := open(viewer)
			go func() {
				out := &clogged{writing: writing, reads: reads}
				statuses <- s.Execute(context.Background(), "show vrrp", IO{Out: out, Err: out})
			}()
			<-writing
		}
		start := time.Now()
		if out, status := run(t, open(viewer), "show version"); status != Failed || out != "% Too many commands of eve at once: 4 are already running\n" || time.Since(start) != turnWait {
			t.Errorf("one more after %v: status %d: %s", time.Since(start), status, out)
		}
		start = time.Now()
		other := viewer
		other.Name = "other"
		must(t, open(other), "show vrrp")
		must(t, open(admin), "show vrrp", "configure", "interface eth0 vrrp 1 priority 99", "show changes", "discard", "end")
		s := open(viewer)
		if s.Help("show ") == "" || len(s.Complete("sh")) == 0 || time.Since(start) != 0 {
			t.Errorf("others and completion waited for %v", time.Since(start))
		}
		waits := make(chan string)
		go func() {
			out, status := run(t, s, "show version")
			if status != Done {
				t.Errorf("status %d: %s", status, out)
			}
			waits <- out
		}()
		synctest.Wait()
		read()
		for range userCommands {
			if status := <-statuses; status != Done {
				t.Errorf("a slow client: status %d", status)
			}
		}
		if out := <-waits; !strings.HasPrefix(out, "vrrpsh") {
			t.Error(out)
		}
	})
}

// TestAnswersCostLittleMemory: a router has a thousand virtual routers; many sessions of a viewer request the largest output
// and do not read the answers.
func TestAnswersCostLittleMemory(t *testing.T) {
	var file strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&file, "[[vrouter]]\ngroup = %d\ninterface = \"eth%d\"\nvip = \"10.%d.%d.1/24\"\n", i%250+1, i/250, i/250, i%250+1)
	}
	env, _ := newEnv(t, file.String())
	const sessions, limit = 32, 20 << 20
	for _, line := range []string{
		"show vrrp brief", "show vrrp | json", "show vrrp explain | json", "show configuration revision 0 | json",
		"show vrrp | json" + strings.Repeat(" | last 1000", completions.MaxPipes-1),
		"show vrrp" + strings.Repeat(" | include (a|b|s){160}|s", completions.MaxPipes),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		reads, writing := make(chan struct{}), make(chan struct{}, sessions)
		var all sync.WaitGroup
		before := heap()
		for range sessions {
			s := newSession(t, env, viewer)
			all.Go(func() {
				out := &clogged{writing: writing, reads: reads}
				s.Execute(ctx, line, IO{Out: out, Err: out})
			})
		}
		for range userCommands {
			<-writing
		}
		used := heap() - before
		t.Logf("%s: %d kB", line, used>>10)
		if used > limit {
			t.Errorf("%s: %d kB", line, used>>10)
		}
		cancel()
		close(reads)
		all.Wait()
	}
}

// heap returns the amount of memory in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
