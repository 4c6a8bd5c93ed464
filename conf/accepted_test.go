// SPDX-License-Identifier: GPL-3.0-only

package conf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/platform/recorded"
)

// accepted returns the configurations in testdata/accepted.
func accepted(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.toml", "*.json"} {
		list, err := filepath.Glob(filepath.Join("testdata", "accepted", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) < 15 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

func formatOf(path string) conf.Format {
	if filepath.Ext(path) == ".json" {
		return conf.JSON
	}
	return conf.TOML
}

// recording is the file in testdata/recorded with this name.
func recording(name string) string { return filepath.Join("testdata", "recorded", name) }

// waivers are the lines of recorded meanings that were wrong, and what is right, by the accepted file.
var waivers = map[string]map[string]string{
	"rvrrpd-proprietary.toml": { // its level 4 was read as 5, without a warning
		"General.Debug = 5\n":     "General.Debug = 3\n",
		"Warnings = 3 elements\n": "Warnings = 4 elements\n",
	},
}

// TestAcceptedFiles holds that every configuration that a release has accepted keeps its meaning, also in the files that
// are written of it.
func TestAcceptedFiles(t *testing.T) {
	for _, path := range accepted(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			file, origin, err := conf.ReadFile(path, formatOf(path))
			if err != nil {
				t.Fatal(err)
			}
			config, err := conf.Validate(file, origin)
			if err != nil {
				t.Fatal(err)
			}
			keeps(t, recorded.Content(t, recording(name+".meaning"), meaning(config)), config, waivers[name])
			for _, format := range []conf.Format{conf.TOML, conf.JSON} {
				written, err := conf.Marshal(file, format)
				if err != nil {
					t.Fatal(err)
				}
				want := recorded.Content(t, recording(name+".as."+format.String()), string(written))
				if diff := cmp.Diff(want, string(written)); diff != "" {
					t.Errorf("as %s (-recorded +written):\n%s", format, diff)
				}
				_, again, err := conf.Load(name, []byte(want), format)
				if err != nil {
					t.Fatalf("as %s: %v", format, err)
				}
				keeps(t, meaning(config), again, nil)
			}
		})
	}
}

// TestAcceptedPasswords holds that every form of a users line lets its user in, and nobody else.
func TestAcceptedPasswords(t *testing.T) {
	data, err := os.ReadFile("testdata/accepted/users.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, config, err := conf.Load("users.toml", data, conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.API.Users) != 6 {
		t.Errorf("%d users", len(config.API.Users))
	}
	for _, u := range config.API.Users {
		if !u.Verify("banana") || u.Verify("Banana") {
			t.Errorf("%s: the password is not what it was", u)
		}
	}
}

// keeps checks that a configuration has every value that was recorded, or the one in its place. It may have gained settings.
func keeps(t *testing.T, want string, c *conf.Config, instead map[string]string) {
	t.Helper()
	got := make(map[string]bool)
	for line := range strings.Lines(meaning(c)) {
		got[line] = true
	}
	for line := range strings.Lines(want) {
		if right, wrong := instead[line]; wrong {
			line = right
		}
		if !got[line] {
			t.Errorf("the meaning was %s", line)
		}
	}
	if t.Failed() {
		t.Logf("it is now\n%s", meaning(c))
	}
}

// meaning returns a validated configuration, a line for each value.
func meaning(c *conf.Config) string {
	var b strings.Builder
	system, _ := os.Hostname()
	walk(reflect.ValueOf(*c), "", func(path, value string) {
		if path == "General.Hostname" && value == fmt.Sprintf("%q", system) {
			value = "(the system's)"
		}
		if !strings.HasPrefix(path, "Warnings[") { // prose
			fmt.Fprintf(&b, "%s = %s\n", path, value)
		}
	})
	return b.String()
}

// walk calls line for every value, with names and not numbers where a value has a name.
func walk(v reflect.Value, path string, line func(path, value string)) {
	switch x := v.Interface().(type) {
	case conf.User:
		line(path, fmt.Sprintf("%s level %d %x", x.Name, x.Level, x.Fingerprint()))
		return
	case engine.HookEvents:
		line(path, strings.Join(x.Names(), " "))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if strings.HasPrefix(v.Type().PkgPath(), "net/") {
			line(path, fmt.Sprint(v.Interface()))
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), line)
		}
	case reflect.Slice:
		line(path, fmt.Sprintf("%d elements", v.Len()))
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), line)
		}
	case reflect.String:
		line(path, fmt.Sprintf("%q", v.String()))
	default:
		line(path, fmt.Sprint(v.Interface()))
	}
}
