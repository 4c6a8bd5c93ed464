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

// recording is the file with this name in testdata/recorded.
func recording(name string) string { return filepath.Join("testdata", "recorded", name) }

// waivers lists, per accepted file, the recorded lines that were wrong, each with the correct line.
var waivers = map[string]map[string]string{
	"rvrrpd-proprietary.toml": { // level 4 was read as 5, without a warning
		"General.Debug = 5\n":     "General.Debug = 3\n",
		"Warnings = 3 elements\n": "Warnings = 4 elements\n",
	},
}

// TestAcceptedFiles checks that every configuration that a release has accepted keeps its meaning, and so do the files
// written from it.
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

// TestAcceptedPasswords checks that every form of a users line accepts its user's password and no other.
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

// keeps checks that a configuration has every recorded value, or its replacement. The configuration may have new settings.
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

// meaning returns a validated configuration with one line per value.
func meaning(c *conf.Config) string {
	var b strings.Builder
	system, _ := os.Hostname()
	walk(reflect.ValueOf(*c), "", func(path, value string) {
		if path == "General.Hostname" && value == fmt.Sprintf("%q", system) {
			value = "(the system's)"
		}
		if !strings.HasPrefix(path, "Warnings[") { // text for people
			fmt.Fprintf(&b, "%s = %s\n", path, value)
		}
	})
	return b.String()
}

// walk calls line for every value. Values that have names are written as names, not as numbers.
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
