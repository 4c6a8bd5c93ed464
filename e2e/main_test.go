// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"vrrpsh/e2e/lab"
)

// errNotYet is for conditions that need no further explanation.
var errNotYet = errors.New("not yet")

// bin is the vrrpsh under test.
var bin string

// parallelTests is how many labs run at once: as many as two cores can run without delays.
const parallelTests = 3

// missing is the reason why the tests cannot run here; "" if they can.
var missing string

// tools are the programs that the tests run, with their Debian packages.
var tools = map[string]string{
	"ip":                 "iproute2",
	"bridge":             "iproute2",
	"sysctl":             "procps",
	"curl":               "curl",
	"nft":                "nftables",
	"ssh":                "openssh-client",
	"/usr/sbin/sshd":     "openssh-server",
	"unshare":            "util-linux",
	"strace":             "strace",
	"tshark":             "tshark",
	"keepalived":         "keepalived",
	"vtysh":              "frr",
	"/usr/lib/frr/vrrpd": "frr",
	"/usr/lib/frr/zebra": "frr",
	"ansible-playbook":   "ansible",
	"expect":             "expect",

	"/usr/lib/python3/dist-packages/netmiko/__init__.py": "python3-netmiko",
}

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	flag.Parse()
	// The tests wait for routers most of the time.
	if err := flag.Set("test.parallel", strconv.Itoa(parallelTests)); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	missing = lab.Missing(tools)
	if missing != "" {
		fmt.Fprintln(os.Stderr, "e2e: the end-to-end tests cannot run:", missing)
		return m.Run()
	}
	dir, teardown, err := lab.Setup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer teardown()
	bin = os.Getenv("VRRPSH_BIN")
	if bin == "" {
		bin = filepath.Join(dir, "vrrpsh")
		build := exec.Command("go", "build", "-o", bin, "vrrpsh")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: build vrrpsh:", err)
			return 1
		}
	}
	return m.Run()
}

// require skips a test that cannot run here, or fails it if the environment requires the tests.
func require(t *testing.T) {
	t.Helper()
	switch {
	case missing == "":
	case os.Getenv("VRRPSH_E2E") == "require":
		t.Fatal("required, but cannot run: " + missing)
	default:
		t.Skip(missing)
	}
}

// parallel lets a test run in parallel with others: it mostly waits, and tolerates a busy machine.
func parallel(t *testing.T) {
	t.Helper()
	require(t)
	t.Parallel()
}
