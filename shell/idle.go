// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// idle notices that a user has typed nothing for some time. A running command is not idle.
type idle struct {
	mu      sync.Mutex
	limit   time.Duration // 0: no limit
	end     func()
	timer   *time.Timer
	running int
}

// set makes end be called after a time without input; 0: never.
func (i *idle) set(limit time.Duration, end func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.limit, i.end = limit, end
	i.rewind()
}

// touch notes input.
func (i *idle) touch() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rewind()
}

// pause notes the start of a command, resume its end.
func (i *idle) pause() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running++
	i.rewind()
}

func (i *idle) resume() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
	i.rewind()
}

func (i *idle) rewind() {
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
	if i.limit > 0 && i.running == 0 {
		i.timer = time.AfterFunc(i.limit, i.end)
	}
}

// timeout sets the time without input after which the session ends.
func timeout(c *call) error {
	s := c.session
	minutes, _ := strconv.Atoi(c.step.Value("minutes")) // the grammar checks the range
	limit := time.Duration(minutes) * time.Minute
	s.idle.set(limit, func() { s.expel(fmt.Sprintf("The session ends: no input for %s", span(limit))) })
	return nil
}
