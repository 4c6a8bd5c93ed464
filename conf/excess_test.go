// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExcessEnds checks that a malicious file costs little: the number of faults, values and tables is bounded, and messages are short.
func TestExcessEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		format Format
		last   string // of the lines
		lines  int
	}{
		"empty tables":                        {`{"vrouter":[` + strings.Repeat("{},", maxTables-1) + `{}]}`, JSON, "there are more faults than these 100", maxFaults + 1},
		"too many tables":                     {`{"vrouter":[` + strings.Repeat("{},", maxTables) + `{}]}`, JSON, "vrouter: 65537 tables are more than 65536", 1},
		"too many values":                     {`{"vrouter":[` + strings.Repeat("{},", maxValues) + `{}]}`, JSON, "there are more than 524288 values", 1},
		"tables in TOML":                      {strings.Repeat("[[vrouter]]\n", maxValues+1), TOML, "there are more than 524288 values", 1},
		"elements in TOML":                    {"notify = [" + strings.Repeat("1,", maxValues) + "1]\n", TOML, "there are more than 524288 values", 1},
		"unknown keys":                        {strings.Repeat("\n", 3) + manyKeys(1000), TOML, "there are more faults than these 100", maxFaults + 1},
		"a number":                            {"debug = " + strings.Repeat("1", 1000) + "\n", TOML, "", 1},
		"dotted keys":                         {nestedKeys(maxValues/8 + 1), TOML, "there are more than 524288 values", 1},
		"dotted keys after a byte order mark": {"\xef\xbb\xbf" + nestedKeys(maxValues/8+1), TOML, "there are more than 524288 values", 1},
		"a table in tables":                   {"[a.a.a.a.a.a.a]\na.a = 1\n", TOML, "values nest deeper than 8 levels", 1},
		"a list in tables":                    {"[a.a.a.a.a.a]\na = [[[1]]]\n", TOML, "values nest deeper than 8 levels", 1},
		"a long key":                          {strings.Repeat("a", maxPath) + " = 1\n", TOML, "a key is longer than 256 bytes with the tables that lead to it", 1},
		"a long quoted key":                   {`"` + strings.Repeat("\u00e4", maxPath/2) + "\" = 1\n", TOML, "a key is longer than 256 bytes with the tables that lead to it", 1},
		"a long key in JSON":                  {`{"` + strings.Repeat("a", maxPath+1) + `":1}`, JSON, "a key is longer than 256 bytes with the tables that lead to it", 1},
		"keys in a long table":                {"[" + strings.Repeat("a", maxPath-10) + "]\n" + strings.Repeat("a=1\n", maxPaths/maxPath*11/10), TOML, "are longer than 32 MiB in all", 1},
		"elements of a long key in JSON":      {`{"` + strings.Repeat("a", maxPath-10) + `":[` + strings.Repeat("1,", maxPaths/maxPath*11/10) + `1]}`, JSON, "are longer than 32 MiB in all", 1},
		"a number in JSON":                    {`{"debug": ` + strings.Repeat("9", 1<<20) + `}`, JSON, "... is not an integer", 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Load("x", []byte(tt.text), tt.format)
			lines := strings.Split(errorText(err), "\n")
			if err == nil {
				lines = nil
			}
			if len(lines) != tt.lines {
				t.Fatalf("%d lines, want %d; the first: %.200s", len(lines), tt.lines, errorText(err))
			}
			for _, l := range lines {
				if len(l) > 300 {
					t.Errorf("a line of %d bytes: %.300s", len(l), l)
				}
			}
			if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], tt.last) {
				t.Errorf("the last line is %q, want %q at its end", lines[len(lines)-1], tt.last)
			}
		})
	}
}

// nestedKeys returns n keys that do not exist, of maxDepth parts each.
func nestedKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("k.", maxDepth-1) + "k" + strconv.Itoa(i) + " = 1\n")
	}
	return b.String()
}

// TestTimeIsProportional checks that the time to read a file grows as its size does: eight times the elements must not take as much time
// as if each was compared with each, which is 64 times.
func TestTimeIsProportional(t *testing.T) {
	const small, large, most = 2048, 8 * 2048, 24
	router := "[[vrouter]]\ngroup = 1\ninterface = \"e\"\nvip = \"10.0.0.1\"\n"
	address := func(i int) string { return fmt.Sprintf("\"10.%d.%d.%d\",", i>>16+1, i>>8&255, i&255) }
	for name, text := range map[string]func(n int) string{
		"unicast peers": func(n int) string {
			return router + "vips = [" + repeated(n, address) + "]\nunicast_peers = [" + repeated(n, func(i int) string { return address(i + n) }) + "]\n"
		},
		"static routes": func(n int) string {
			return repeated(3*n, func(i int) string {
				return fmt.Sprintf("[[protocols.static]]\nroute = \"10.0.0.0/8\"\nnh = \"10.%d.%d.1\"\n", i>>8, i&255)
			})
		},
		"routes of virtual routers": func(n int) string {
			return repeated(n, func(i int) string {
				return fmt.Sprintf("[[vrouter]]\ngroup = 1\ninterface = \"e%d\"\nvip = \"10.0.0.1\"\n", i)
			}) + repeated(n, func(i int) string {
				return fmt.Sprintf("[[protocols.static]]\nroute = \"10.%d.%d.0/24\"\nnh = \"10.0.0.1\"\ninterface = \"e%d\"\ngroup = 1\n", i>>8, i&255, n-1)
			})
		},
		"virtual routers": func(n int) string { return strings.Repeat(router, n) },
		"users": func(n int) string {
			return "[api]\nusers = [" + strings.Repeat("\"{{SHA256}}u:1:aaaa:bb\",", n) + "]\n"
		},
		"keys": manyKeys,
	} {
		t.Run(name, func(t *testing.T) {
			one, eight := processorTime(t, text(small)), processorTime(t, text(large))
			if ratio := eight.Seconds() / one.Seconds(); ratio > most {
				t.Errorf("%v for %d elements, %v for %d: %.0f times as much, want at most %d", one, small, eight, large, ratio, most)
			}
		})
	}
}

func repeated(n int, element func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(element(i))
	}
	return b.String()
}

// processorTime returns how much processor time it takes to read a text: the least of several times, so that other work
// does not count.
func processorTime(t *testing.T, text string) time.Duration {
	t.Helper()
	least := time.Duration(math.MaxInt64)
	for range 2 {
		runtime.GC()
		before := used(t)
		_, _, _ = Load("x", []byte(text), TOML)
		least = min(least, used(t)-before)
	}
	return max(least, time.Millisecond)
}

func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// manyKeys returns keys that do not exist.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key" + strings.Repeat("x", i%7) + "_" + strings.Repeat("1", i/7+1) + " = 1\n")
	}
	return b.String()
}

// TestWarningsEnd checks that the number of warnings is bounded.
func TestWarningsEnd(t *testing.T) {
	f := NewFile()
	var routers []*Table
	for i := 1; i <= 250; i++ {
		r := RouterTable.New()
		Group.Set(r, i)
		Interface.Set(r, "eth0")
		VIP.Set(r, "10.0.0."+FormatValue(i))
		AcceptPing.Set(r, true)
		routers = append(routers, r)
	}
	VRouters.Set(f, routers)
	cfg, err := Validate(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cfg.Warnings); n != maxFaults+1 || cfg.Warnings[n-1] != "150 more warnings" {
		t.Errorf("%d warnings, the last %q", n, cfg.Warnings[n-1])
	}
}
