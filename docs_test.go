// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArchitectureNamesWhatExists looks up every file and name in docs/architecture.md. Names follow their file: `file`: `Name`, `Type.Method`.
func TestArchitectureNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	faults, names := architectureFaults(string(text))
	for _, fault := range faults {
		t.Error(fault)
	}
	if names < 100 {
		t.Errorf("only %d names were found", names)
	}
}

// TestArchitectureFaults checks that the test above finds faults.
func TestArchitectureFaults(t *testing.T) {
	faults, _ := architectureFaults("`engine/gone.go`, `engine`: `NoCore`\n`engine/core.go`: `Core.Gone`, `NewCore` and\n`Core.Stop`, `no name`. `make generate`, `make money`")
	want := []string{"engine/gone.go does not exist", "engine/core.go does not declare Core.Gone", `"no name" is neither a file nor a name`, "the Makefile has no target money"}
	if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, "NoCore") }) {
		t.Error("NoCore was not reported as missing")
	}
	for _, w := range want {
		if !slices.Contains(faults, w) {
			t.Errorf("%q was not found in %q", w, faults)
		}
	}
	if len(faults) != len(want)+1 {
		t.Errorf("faults %q", faults)
	}
}

var (
	inBackticks = regexp.MustCompile("`([^`]+)`")
	goName      = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$`)
)

// architectureFaults returns the names in backticks that do not exist, and the number of names.
func architectureFaults(text string) (faults []string, names int) {
	file := "" // the file that was named last
	for _, m := range inBackticks.FindAllStringSubmatch(text, -1) {
		said := m[1]
		target, isMake := strings.CutPrefix(said, "make ")
		_, err := os.Stat(said)
		switch {
		case isMake:
			if makefile, _ := os.ReadFile("Makefile"); !strings.Contains(string(makefile), "\n"+target+":") {
				faults = append(faults, "the Makefile has no target "+target)
			}
		case err == nil:
			file = said
		case strings.Contains(said, "/") || strings.HasSuffix(said, ".go"):
			faults = append(faults, said+" does not exist")
		case !goName.MatchString(said):
			faults = append(faults, fmt.Sprintf("%q is neither a file nor a name", said))
		case file == "" || !slices.Contains(declared(file), said):
			faults = append(faults, file+" does not declare "+said)
		default:
			names++
		}
	}
	return faults, names
}

// declared returns what a Go file declares: names, methods and fields as Type.Name.
func declared(file string) []string {
	if path.Ext(file) != ".go" {
		return nil
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	var names []string
	for _, d := range syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				name = typeName(d.Recv.List[0].Type) + "." + name
			}
			names = append(names, name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
					for _, m := range members(s.Type) {
						names = append(names, s.Name.Name+"."+m)
					}
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// members returns the fields of a struct or the methods of an interface.
func members(e ast.Expr) (names []string) {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
	}
	return names
}

// typeName returns the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	default:
		return ""
	}
}
