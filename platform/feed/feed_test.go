// SPDX-License-Identifier: GPL-3.0-only

package feed

import (
	"slices"
	"sync"
	"testing"
)

func waiting[T any](c <-chan T) (list []T, open bool) {
	for {
		select {
		case v, ok := <-c:
			if !ok {
				return list, false
			}
			list = append(list, v)
		default:
			return list, true
		}
	}
}

func TestSlowReaderLosesTheOldest(t *testing.T) {
	var f Feed[int]
	quick, _ := f.Subscribe(5)
	slow, _ := f.Subscribe(2)
	f.Publish(1, 2, 3)
	f.Publish(4)
	if got, _ := waiting(quick); !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("the quick reader got %v", got)
	}
	if got, _ := waiting(slow); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("the slow reader got %v", got)
	}
}

func TestEnds(t *testing.T) {
	var f Feed[int]
	stopped, stop := f.Subscribe(1)
	other, stopOther := f.Subscribe(1)
	f.Publish(1)
	stop()
	stop()
	f.Publish(2)
	if got, open := waiting(stopped); open || !slices.Equal(got, []int{1}) {
		t.Errorf("after stop: %v, open %v", got, open)
	}
	f.End()
	stopOther()
	f.End()
	f.Publish(3)
	if got, open := waiting(other); open || !slices.Equal(got, []int{2}) {
		t.Errorf("after the end: %v, open %v", got, open)
	}
	late, stopLate := f.Subscribe(1)
	stopLate()
	if _, open := waiting(late); open {
		t.Error("a reader that starts after the end waits")
	}
}

// TestReaderMayBeQuicker has readers take values that Send is about to drop.
func TestReaderMayBeQuicker(t *testing.T) {
	const n = 20000
	c := make(chan int, 1)
	var readers sync.WaitGroup
	var lasts [2]int
	for i := range lasts {
		readers.Go(func() {
			last := -1
			for v := range c {
				if v <= last {
					t.Errorf("%d came after %d", v, last)
				}
				last = v
			}
			lasts[i] = last
		})
	}
	for v := range n {
		Send(c, v)
	}
	close(c)
	readers.Wait()
	if last := max(lasts[0], lasts[1]); last != n-1 {
		t.Errorf("the last value that a reader got is %d, want %d", last, n-1)
	}
}
