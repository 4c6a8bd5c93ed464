// SPDX-License-Identifier: GPL-3.0-only

package track

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform/program"
)

func TestRiseAndFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		results := strings.Split("1 0 0 1 0 0 0 1 1", " ")
		runs := 0
		run := func(context.Context, program.Program) (string, error) {
			ok := runs >= len(results) || results[runs] == "1"
			runs++
			if !ok {
				return "broken", errors.New("exit status 1")
			}
			return "", nil
		}
		var got []string
		w := New(Options{Run: run, Report: func(_ *engine.TrackObject, r engine.TrackResult) {
			state := "down"
			if r.Up {
				state = "up"
			}
			got = append(got, strings.TrimSuffix(state+": "+r.Reason, ": "))
		}})
		o := engine.TrackObject{Name: "a", Kind: engine.TrackScript, Interval: time.Second, Rise: 2, Fall: 3, Script: engine.Program{Command: []string{"/a"}}}
		w.Set([]engine.TrackObject{o})
		time.Sleep(3500 * time.Millisecond)
		w.Set([]engine.TrackObject{o, {Name: "b", Kind: engine.TrackInterface, Interface: "eth0"}}) // it stays up
		time.Sleep(6 * time.Second)
		w.Close(time.Second)
		want := "up,up: failing, 1 of 3: exit status 1 (broken),up: failing, 2 of 3: exit status 1 (broken),up," +
			"up: failing, 1 of 3: exit status 1 (broken),up: failing, 2 of 3: exit status 1 (broken),down: exit status 1 (broken)," +
			"down: succeeding again, 1 of 2,up"
		if s := strings.Join(got, ","); s != want || runs != 10 {
			t.Errorf("%d runs:\n%s\nwant\n%s", runs, s, want)
		}
	})
}

// TestProgramGoesOn checks that after a change of the interval or fall, the next result of the program does not
// count as the first.
func TestProgramGoesOn(t *testing.T) {
	for name, change := range map[string]func(*engine.TrackObject){
		"interval": func(o *engine.TrackObject) { o.Interval = 2 * time.Second },
		"fall":     func(o *engine.TrackObject) { o.Fall = 4 },
		"command":  func(o *engine.TrackObject) { o.Script.Command = []string{"/b"} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := true
				run := func(ctx context.Context, _ program.Program) (string, error) {
					time.Sleep(100 * time.Millisecond)
					if ctx.Err() != nil || !up {
						return "", errors.New("exit status 1")
					}
					return "", nil
				}
				last := engine.TrackResult{}
				w := New(Options{Run: run, Report: func(_ *engine.TrackObject, r engine.TrackResult) { last = r }})
				o := engine.TrackObject{Name: "a", Kind: engine.TrackScript, Interval: time.Second, Rise: 1, Fall: 3, Script: engine.Program{Command: []string{"/a"}}}
				w.Set([]engine.TrackObject{o})
				time.Sleep(1500 * time.Millisecond)
				up = false
				time.Sleep(time.Second)
				change(&o)
				w.Set([]engine.TrackObject{o})
				time.Sleep(500 * time.Millisecond) // the second failure
				if want := name != "command"; last.Up != want {
					t.Errorf("up: %t, want %t (%s)", last.Up, want, last.Reason)
				}
				time.Sleep(10 * time.Second)
				if last.Up {
					t.Error("it stays up")
				}
				w.Close(time.Second)
			})
		})
	}
}

// The end does not wait for a program that cannot be killed.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(context.Context, program.Program) (string, error) { time.Sleep(time.Hour); return "", nil }
		w := New(Options{Run: run, Report: func(*engine.TrackObject, engine.TrackResult) {}})
		w.Set([]engine.TrackObject{{Name: "a", Kind: engine.TrackScript, Interval: time.Second, Rise: 1, Fall: 1, Script: engine.Program{Command: []string{"/a"}}}})
		synctest.Wait()
		began := time.Now()
		w.Close(time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("the end took %v", took)
		}
		time.Sleep(time.Hour)
	})
}

func TestReadWeight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weight")
	for text, want := range map[string]int{"5": 5, " -253\n": -253, "+7": 7, "254": 0, "five": 0, "": 0, "1 2": 0} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readWeight(path)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	if _, err := readWeight(path + "-missing"); err == nil || err.Error() != "no such file or directory" {
		t.Errorf("missing: %v", err)
	}
	if _, err := readWeight(t.TempDir()); err == nil {
		t.Error("a directory was read")
	}
}
