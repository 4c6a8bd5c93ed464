// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// allowed lists the packages of this module that each package may import. Imports
// go in one direction, from the wiring down to the pure core.
var allowed = map[string][]string{
	"engine/vrrp":           {},
	"platform":              {},
	"platform/feed":         {},
	"platform/printable":    {},
	"platform/regular":      {},
	"platform/recorded":     {},
	"platform/program":      {"platform/printable"},
	"completions":           {},
	"platform/frame":        {"platform"},
	"platform/runstate":     {"platform"},
	"platform/linux":        {"platform", "platform/frame", "platform/runstate"},
	"platform/freebsd":      {"platform", "platform/frame", "platform/runstate"},
	"platform/native":       {"platform", "platform/freebsd", "platform/linux"},
	"platform/journal":      {"platform/feed", "platform/printable", "platform/regular"},
	"platform/process":      {},
	"platform/fake":         {"engine", "engine/vrrp", "platform", "platform/frame"},
	"platform/platformtest": {"platform", "platform/frame"},
	"engine":                {"engine/vrrp"},
	"engine/report":         {"engine", "engine/vrrp"},
	"engine/driver/track":   {"engine", "platform", "platform/program"},
	"engine/driver/hook":    {"engine", "engine/vrrp", "platform/program"},
	"engine/driver":         {"engine", "engine/driver/hook", "engine/driver/track", "engine/vrrp", "platform", "platform/feed", "platform/journal", "platform/program"},
	"packaging":             {},
	"tools/mutants":         {},
	"engine/sniff":          {"engine/vrrp", "platform/frame"},
	"engine/sim":            {"engine", "engine/vrrp", "platform"},
	"conf":                  {"completions", "engine", "engine/vrrp", "platform/program"},
	"conf/commands":         {"completions", "conf", "engine", "engine/vrrp"},
	"shell":                 {"completions", "conf", "conf/commands", "engine", "engine/report", "engine/sniff", "engine/vrrp", "platform", "platform/feed", "platform/journal", "platform/printable", "platform/process"},
	"conf/login":            {"conf", "platform/process"},
	"api":                   {"api/metrics", "conf", "conf/login", "engine", "engine/report", "engine/vrrp", "platform/journal", "platform/process", "platform/regular"},
	"api/metrics":           {"engine", "engine/report", "engine/vrrp", "platform/process"},
	"shell/term":            {"platform/printable", "shell"},
	"shell/term/termtest":   {},
	"shell/remote":          {"conf/login", "platform/feed", "shell"},
	"shell/remote/sshd":     {"conf", "conf/login", "platform/program", "shell", "shell/remote"},
	"router/sim": {
		"api", "conf", "engine", "engine/driver", "engine/report", "engine/vrrp", "platform", "platform/fake", "platform/frame",
		"platform/process", "shell",
	},
	"router": {
		"api", "conf", "conf/login", "engine", "engine/driver", "engine/vrrp", "engine/report", "platform", "platform/journal", "platform/native", "platform/process",
		"platform/program", "shell", "shell/remote", "shell/remote/sshd",
	},
}

// sole lists libraries that only one package may import.
var sole = map[string]string{
	"github.com/c-bata/go-prompt":              "shell/term",
	"github.com/olekukonko/tablewriter":        "shell",
	"github.com/gorilla/mux":                   "api",
	"github.com/BurntSushi/toml":               "conf",
	"github.com/coreos/go-systemd/v22/daemon":  "platform/process",
	"github.com/coreos/go-systemd/v22/journal": "platform/journal",
	"github.com/google/nftables":               "platform/linux",
	"github.com/vishvananda/netlink":           "platform/linux",
}

// isClockless reports whether a package gets the time from its caller: the engine, except for what drives it.
func isClockless(dir string) bool {
	return (dir == "engine" || strings.HasPrefix(dir, "engine/")) && dir != "engine/driver" && !strings.HasPrefix(dir, "engine/driver/")
}

// readsClock are the functions of package time that a clockless package must not use.
var readsClock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

func TestImportsRunOneWay(t *testing.T) {
	for _, fault := range importFaults(sources(t)) {
		t.Error(fault)
	}
}

func TestNoClockInTheCore(t *testing.T) {
	for _, fault := range clockFaults(sources(t)) {
		t.Error(fault)
	}
}

// TestFaultsAreFound breaks each rule once.
func TestFaultsAreFound(t *testing.T) {
	tree := fstest.MapFS{}
	file := func(name, text string) { tree[name] = &fstest.MapFile{Data: []byte(text)} }
	file("engine/vrrp/up.go", "package vrrp\nimport _ \"vrrpsh/shell\"")
	file("engine/vrrp/up_test.go", "package vrrp\nimport _ \"vrrpsh/shell\"") // tests may
	file("api/file_freebsd.go", "package api\nimport _ \"github.com/BurntSushi/toml\"")
	file("shell/remote/a.go", "package remote\nimport _ \"vrrpsh/shell\"")
	file("common/a.go", "package common")
	file("engine/a.go", "package engine\nimport clock \"time\"\nvar _ = clock.Now()\nvar _ clock.Duration")
	file("engine/driver/a.go", "package driver\nimport \"time\"\nvar _ = time.Now()")
	file("engine/driver/track/a.go", "package track\nimport \"time\"\nvar _ = time.Now()")
	file("engine/sniff/a.go", "package sniff\nimport \"time\"\nvar _ = time.Now()")
	file("engine/testdata/a.go", "no Go")
	files := parse(t, tree)
	if got, want := strings.Join(importFaults(files), "\n"), strings.Join([]string{
		"api/file_freebsd.go must not import github.com/BurntSushi/toml: that is for conf",
		"common/a.go: the package has no place in the import order",
		"engine/vrrp/up.go must not import vrrpsh/shell",
	}, "\n"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
	if got, want := strings.Join(clockFaults(files), "\n"), "engine/a.go:3:9 reads the clock: time.Now\nengine/sniff/a.go:3:9 reads the clock: time.Now"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

// importFaults returns the imports that violate the order.
func importFaults(files []source) []string {
	var faults []string
	for _, f := range files {
		switch f.dir {
		case ".", "e2e", "e2e/lab", "e2e/uml":
			continue // the wiring and its external tests
		}
		may, known := allowed[f.dir]
		if !known {
			faults = append(faults, f.name+": the package has no place in the import order")
			continue
		}
		for imported := range f.imports() {
			if own, ok := strings.CutPrefix(imported, "vrrpsh/"); ok && !slices.Contains(may, own) {
				faults = append(faults, f.name+" must not import "+imported)
			}
			if only, limited := sole[imported]; limited && only != f.dir {
				faults = append(faults, f.name+" must not import "+imported+": that is for "+only)
			}
		}
	}
	return faults
}

// clockFaults returns the places in the clockless packages that read the clock.
func clockFaults(files []source) []string {
	var faults []string
	for _, f := range files {
		clock, imported := f.imports()["time"]
		if !imported || !isClockless(f.dir) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(readsClock, s.Sel.Name) {
				faults = append(faults, f.fset.Position(s.Pos()).String()+" reads the clock: time."+s.Sel.Name)
			}
			return true
		})
	}
	return faults
}

// source is a Go file of this module, for any system, except tests.
type source struct {
	name   string // relative to the module root, with slashes
	dir    string
	fset   *token.FileSet
	syntax *ast.File
}

// imports returns the local names of the file's imports.
func (f source) imports() map[string]string {
	names := map[string]string{}
	for _, spec := range f.syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has seen it
		}
		names[imported] = path.Base(imported)
		if spec.Name != nil {
			names[imported] = spec.Name.Name
		}
	}
	return names
}

func sources(t *testing.T) []source {
	t.Helper()
	files := parse(t, os.DirFS("."))
	if len(files) < 200 {
		t.Fatalf("only %d files were found", len(files))
	}
	return files
}

func parse(t *testing.T, tree fs.FS) []source {
	t.Helper()
	var files []source
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && (base == "testdata" || name != "." && strings.HasPrefix(base, ".")):
			return fs.SkipDir
		case d.IsDir(), !strings.HasSuffix(base, ".go"), strings.HasSuffix(base, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, source{name: name, dir: path.Dir(name), fset: fset, syntax: syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
