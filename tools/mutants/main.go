// SPDX-License-Identifier: GPL-3.0-only

// Command mutants says what the tests catch: it makes one fault at a time and runs the tests that should find it.
//
// The faults are chosen by hand: see the files engine.go, driver.go and so on. "go test -overlay" compiles them
// in, so that the source tree stays as it is. It ends with status 1 if a fault survives that must be caught, if a fault no
// longer fits the source, or if tests fail without any fault.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A set is the mutants of one file.
type set struct {
	file    string
	by      []string // the packages whose tests judge the mutants, in this order
	mutants []mutant
}

// A mutant is a fault in a file: old, which occurs there exactly once, becomes new.
type mutant struct {
	fault    string // in words
	old, new string
	must     bool // the tests must catch it
}

// mutate returns the text of a file with the fault.
func (m *mutant) mutate(text string) (string, error) {
	switch n := strings.Count(text, m.old); {
	case m.old == m.new:
		return "", fmt.Errorf("it changes nothing")
	case n != 1:
		return "", fmt.Errorf("the text to replace occurs %d times, not once:\n%s", n, m.old)
	}
	return strings.Replace(text, m.old, m.new, 1), nil
}

// tally counts verdicts.
type tally struct{ caught, late, survived, beyond, broken, escaped int }

func main() {
	root := flag.String("root", "..", "the `directory` of the module")
	by := flag.String("by", "", "judge by these `packages` alone, such as './engine,./router/sim -sim.n=250'; then nothing must be caught")
	only := flag.String("only", "", "only mutants whose file or fault matches this `pattern`")
	must := flag.Bool("must", false, "only mutants that must be caught")
	every := flag.Int("every", 1, "only each `nth` of them, for a sample")
	least := flag.Int("least", 0, "fail with a score below this `percentage`")
	limit := flag.Duration("limit", 2*time.Minute, "the time limit for the tests of one package")
	flag.Parse()

	if err := run(*root, *by, *only, *must, *every, *least, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(root, by, only string, must bool, every, least int, limit time.Duration) error {
	chosen, err := choose(only, must, every)
	if err != nil {
		return err
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	j := judge{root: root, dir: dir, limit: limit}
	if by != "" {
		j.by = strings.Split(by, ",")
	}
	if err := j.baseline(chosen); err != nil {
		return err
	}
	var t tally
	began := time.Now()
	for _, s := range chosen {
		for i := range s.mutants {
			m := &s.mutants[i]
			v := j.judge(s, m)
			t.count(v, m.must && by == "")
			note := ""
			if m.must {
				note = " (must be caught)"
			}
			fmt.Printf("%-9s %s: %s%s%s\n", v.kind, s.file, m.fault, note, v.because())
		}
	}
	fmt.Printf("\n%s in %s\n", t.String(), time.Since(began).Round(time.Second))
	switch {
	case t.broken > 0:
		return fmt.Errorf("%d mutants do not fit the source", t.broken)
	case t.escaped > 0:
		return fmt.Errorf("%d mutants survived that must be caught", t.escaped)
	case t.score() < least:
		return fmt.Errorf("the score is below %d %%", least)
	}
	return nil
}

// choose returns each nth of the mutants that match a pattern and, unless must is false, must be caught.
func choose(pattern string, must bool, every int) ([]set, error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	var chosen []set
	n := 0
	for _, s := range all() {
		s.mutants = slices.DeleteFunc(slices.Clone(s.mutants), func(m mutant) bool {
			if !match.MatchString(s.file+": "+m.fault) || must && !m.must {
				return true
			}
			n++
			return n%max(every, 1) != 0
		})
		if len(s.mutants) > 0 {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no mutant matches %q", pattern)
	}
	return chosen, nil
}

// all returns every mutant.
func all() []set { return slices.Concat(protocol, engine, driver, conf, linux) }

func (t *tally) count(v verdict, must bool) {
	switch v.kind {
	case caught:
		t.caught++
	case late:
		t.late++
	case survived:
		t.survived++
		if must {
			t.escaped++
		}
	case beyond:
		t.beyond++
	case broken:
		t.broken++
	}
}

// score is the percentage of caught mutants. A test that never ends has found the fault, too.
func (t *tally) score() int {
	judged := t.caught + t.late + t.survived
	if judged == 0 {
		return 0
	}
	return 100 * (t.caught + t.late) / judged
}

func (t *tally) String() string {
	judged := t.caught + t.late + t.survived
	text := fmt.Sprintf("%d of %d mutants caught (%d by a time limit), %d survived: score %d %%",
		t.caught+t.late, judged, t.late, t.survived, t.score())
	if t.beyond > 0 {
		text += fmt.Sprintf("; %d more are in code that these tests do not contain", t.beyond)
	}
	return text
}
