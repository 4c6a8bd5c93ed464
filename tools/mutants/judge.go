// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// memoryLimit is the address space of the tests in KiB: a fault may make a loop that allocates without end.
const memoryLimit = 8 << 20

// buildLimit is how long the compiler may take for one package and what it imports.
const buildLimit = 5 * time.Minute

// A judge runs tests on mutants.
type judge struct {
	root, dir string
	by        []string // instead of the packages that the mutants name; flags for the tests may follow each
	limit     time.Duration
	contents  map[string][]string // the directories whose code each package's tests contain
	kept      []string            // the packages that had failures in their testdata before
}

// kind is what became of a mutant.
type kind string

const (
	caught   kind = "caught"
	late     kind = "timed out"
	survived kind = "SURVIVED"
	beyond   kind = "beyond" // the tests do not contain its code
	broken   kind = "BROKEN" // it does not fit the source
)

// verdict is what the tests say about a mutant.
type verdict struct {
	kind kind
	by   string // the package
	said string // the test that failed first, or an error
}

func (v verdict) because() string {
	switch {
	case v.kind == broken:
		return "\n    " + strings.ReplaceAll(v.said, "\n", "\n    ")
	case v.by == "":
		return ""
	default:
		return fmt.Sprintf(" [%s %s]", v.by, v.said)
	}
}

// judges returns the packages that judge a mutant.
func (j *judge) judges(s set) []string {
	if len(j.by) > 0 {
		return j.by
	}
	return s.by
}

// baseline runs the tests without any fault, and finds out what code they contain.
func (j *judge) baseline(sets []set) error {
	j.contents = make(map[string][]string)
	for _, s := range sets {
		for _, pkg := range j.judges(s) {
			if j.contents[pkg] != nil {
				continue
			}
			list := exec.Command("go", "list", "-deps", "-test", "-f", "{{.Dir}}", strings.Fields(pkg)[0])
			list.Dir, list.Stderr = j.root, os.Stderr
			out, err := list.Output()
			if err != nil {
				return fmt.Errorf("list what %s imports: %w", pkg, err)
			}
			j.contents[pkg] = strings.Split(string(out), "\n")
			j.keep(pkg)
			if v, text := j.test(pkg, ""); v.kind != survived {
				return fmt.Errorf("the tests of %s fail without any fault:\n%s", pkg, text)
			}
		}
	}
	return nil
}

// keep notes that the failures in a package's testdata are from before. The library rapid writes those that it finds there.
func (j *judge) keep(pkg string) {
	if _, err := os.Stat(j.found(pkg)); err == nil {
		j.kept = append(j.kept, pkg)
	}
}

// clean removes the failures that a mutant has left in a package's testdata.
func (j *judge) clean(pkg string) {
	if !slices.Contains(j.kept, pkg) {
		_ = os.RemoveAll(j.found(pkg))
		_ = os.Remove(filepath.Dir(j.found(pkg))) // unless there is something else
	}
}

// found returns where rapid writes the failures that it finds.
func (j *judge) found(pkg string) string {
	return filepath.Join(j.root, filepath.FromSlash(strings.Fields(pkg)[0]), "testdata", "rapid")
}

// judge runs the tests that judge a mutant, until the first that fails.
func (j *judge) judge(s set, m *mutant) verdict {
	overlay, err := j.overlay(s.file, m)
	if err != nil {
		return verdict{kind: broken, said: err.Error()}
	}
	v := verdict{kind: beyond}
	for _, pkg := range j.judges(s) {
		if !slices.Contains(j.contents[pkg], filepath.Join(j.root, path.Dir(s.file))) {
			continue
		}
		v, _ = j.test(pkg, overlay)
		j.clean(pkg)
		if v.kind != survived {
			return v
		}
	}
	return v
}

// overlay writes the file with the fault, and what the go command needs to use it in place of the file.
func (j *judge) overlay(file string, m *mutant) (string, error) {
	original := filepath.Join(j.root, filepath.FromSlash(file))
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	mutated, err := m.mutate(string(text))
	if err != nil {
		return "", err
	}
	replacement := filepath.Join(j.dir, "mutant.go")
	if err := os.WriteFile(replacement, []byte(mutated), 0o600); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(j.dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// test runs the tests of a package. Without an overlay there is no fault.
func (j *judge) test(pkg, overlay string) (verdict, string) {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit+j.limit)
	defer cancel()
	// vet would reject some faults before a test sees them.
	args := []string{"-c", `ulimit -v "$0"; exec go test "$@"`, fmt.Sprint(memoryLimit), "-p", "1", "-vet=off", "-failfast", "-timeout", j.limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "sh", append(args, strings.Fields(pkg)...)...)
	cmd.Dir = j.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	text := string(out)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return verdict{kind: survived}, text
	case ctx.Err() != nil || strings.Contains(text, "panic: test timed out"):
		return verdict{late, pkg, firstFailure(text)}, text
	case !errors.As(err, &exit):
		return verdict{broken, pkg, err.Error()}, text
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return verdict{broken, pkg, text}, text
	default:
		return verdict{caught, pkg, firstFailure(text)}, text
	}
}

// firstFailure names the first test that failed.
func firstFailure(text string) string {
	if m := failedTest.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	if at := strings.Index(text, "panic: "); at >= 0 {
		line, _, _ := strings.Cut(text[at:], "\n")
		return line
	}
	return ""
}
