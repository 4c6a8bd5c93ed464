package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed are the packages of this module that each package may import: imports
// run one way, from the wiring down to the pure core.
var allowed = map[string][]string{
	"engine/vrrp":           {},
	"platform":              {},
	"platform/program":      {},
	"completions":           {},
	"platform/frame":        {"platform"},
	"platform/runstate":     {"platform"},
	"platform/linux":        {"platform", "platform/frame", "platform/runstate"},
	"platform/freebsd":      {"platform", "platform/frame", "platform/runstate"},
	"platform/native":       {"platform", "platform/freebsd", "platform/linux"},
	"platform/journal":      {},
	"platform/process":      {},
	"platform/fake":         {"engine", "engine/vrrp", "platform", "platform/frame"},
	"platform/platformtest": {"platform", "platform/frame"},
	"engine":                {"engine/vrrp"},
	"engine/report":         {"engine", "engine/vrrp"},
	"engine/driver/track":   {"engine", "platform", "platform/program"},
	"engine/driver/hook":    {"engine", "engine/vrrp", "platform/program"},
	"engine/driver":         {"engine", "engine/driver/hook", "engine/driver/track", "engine/vrrp", "platform", "platform/journal", "platform/program"},
	"packaging":             {},
	"engine/sniff":          {"engine/vrrp", "platform/frame"},
	"engine/sim":            {"engine", "engine/vrrp", "platform"},
	"conf":                  {"completions", "engine", "engine/vrrp", "platform/program"},
	"conf/commands":         {"completions", "conf", "engine", "engine/vrrp"},
	"shell":                 {"completions", "conf", "conf/commands", "engine", "engine/report", "engine/sniff", "engine/vrrp", "platform/journal", "platform/process"},
	"conf/login":            {"conf"},
	"api":                   {"api/metrics", "conf", "conf/login", "engine", "engine/report", "engine/vrrp", "platform/journal", "platform/process"},
	"api/metrics":           {"engine", "engine/report", "engine/vrrp", "platform/process"},
	"shell/term":            {"shell"},
	"shell/term/termtest":   {},
	"shell/remote":          {"shell"},
	"shell/remote/sshd":     {"conf", "conf/login", "shell", "shell/remote"},
	"router": {
		"api", "conf", "conf/login", "engine", "engine/driver", "engine/vrrp", "engine/report", "platform", "platform/journal", "platform/native", "platform/process",
		"platform/program", "shell", "shell/remote", "shell/remote/sshd",
	},
}

// libraries that only one package may import.
var sole = map[string]string{
	"github.com/c-bata/go-prompt":             "shell/term",
	"github.com/olekukonko/tablewriter":       "shell",
	"github.com/gorilla/mux":                  "api",
	"github.com/BurntSushi/toml":              "conf",
	"github.com/coreos/go-systemd/v22/daemon": "platform/process",
	"github.com/google/nftables":              "platform/linux",
	"github.com/vishvananda/netlink":          "platform/linux",
}

// clockless are the packages that get the time from their caller.
var clockless = []string{"engine", "engine/vrrp", "engine/report", "engine/sim"}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, "vrrpsh/")
		if name == "vrrpsh" || name == "e2e" || name == "e2e/lab" {
			continue // the wiring, and its tests from outside
		}
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s has no place in the import order", name)
			continue
		}
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, "vrrpsh/"); ok && !slices.Contains(may, own) {
				t.Errorf("%s must not import %s", name, own)
			}
			if only, limited := sole[imported]; limited && only != name {
				t.Errorf("%s must not import %s: that is for %s", name, imported, only)
			}
		}
	}
}

func TestNoClockInTheCore(t *testing.T) {
	for _, name := range clockless {
		out, err := exec.Command("grep", "-rnE", "--include=*.go", "--exclude=*_test.go",
			"--exclude-dir=driver", `time\.(Now|Since|Until|After|AfterFunc|New[A-Z]|Sleep|Tick)\b`, name).Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatal(err)
		}
		if len(out) > 0 {
			t.Errorf("%s reads the clock:\n%s", name, out)
		}
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list
		case err != nil:
			t.Fatal(err)
		}
		list = append(list, p)
	}
}
