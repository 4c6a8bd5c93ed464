// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a script with these permissions, whatever the umask is, and returns its path.
func script(t *testing.T, dir, name string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrackingAndSyncGroupFaults(t *testing.T) {
	dir := t.TempDir()
	runs := func(name string, mode os.FileMode) string { return `script = ["` + script(t, dir, name, mode) + `"]` }
	const (
		router = "[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\n"
		object = "[[track]]\nname = \"a\"\n"
	)
	for name, tt := range map[string]struct{ file, want string }{
		"unknown object":    {router + `track = [{ object = "nothing" }]`, `x.toml:5: vrouter[0].track[0].object: "nothing" is not the name of a [[track]] object`},
		"not executable":    {object + runs("plain", 0o644), "x.toml:3: track[0].script[0]: "},
		"others can write":  {object + runs("open", 0o757), "can be changed by users other than its owner (mode 0757)"},
		"relative":          {object + `script = ["true"]`, `"true" is not an absolute path`},
		"missing":           {object + `script = ["/no/such/file"]`, "cannot be run: no such file or directory"},
		"unknown user":      {object + runs("good", 0o755) + "\nuser = \"nobody-such\"", "is not a user of this system"},
		"nothing tracked":   {object, "x.toml:1: track[0]: must have one of interface, route, script and file"},
		"two things":        {object + "interface = \"eth1\"\nfile = \"/a\"", "track[0].file: excludes interface"},
		"meaningless":       {object + "interface = \"eth1\"\nrise = 2", "track[0].rise: has no meaning for a tracked interface"},
		"no network":        {object + `route = "10.0.0.1/8"`, "is not a network: that is 10.0.0.0/8"},
		"twice":             {object + "interface = \"eth1\"\n" + object + "interface = \"eth2\"", `track[1].name: "a" is already the name of track[0]`},
		"decrement":         {object + "interface = \"eth1\"\n" + router + `track = [{ object = "a", decrement = 254 }]`, "track[0].decrement: 254 is out of range 1-253"},
		"weight and more":   {object + "file = \"/a\"\n" + router + `track = [{ object = "a", decrement = 1 }]`, "is not possible: the file says"},
		"conflicting group": {router + "sync_group = \"g\"\n" + strings.NewReplacer("51", "52", ".1\"", ".2\"").Replace(router) + "sync_group = \"g\"", `vrouter[1].sync_group: "g" already has vrouter[0] on eth0`},
		"hook":              {"[[notify]]\nevents = [\"never\"]\ncommand = [\"/bin/true\"]", `notify[0].events[0]: "never" is not "transition", "init"`},
		"hook of nobody":    {"[[notify]]\nname = \"n\"", "notify[0].command: is required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(&Origin{Name: "x.toml", Data: []byte(tt.file + "\n"), Format: TOML}, nil, "linux")
			if got := errorText(err); !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
