// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"strings"
	"testing"

	"vrrpsh/conf"
)

func TestListening(t *testing.T) {
	for name, c := range map[string]struct {
		toml, api, ssh string
		missing        []conf.Missing
	}{
		"an empty file": {"", "off", "off", nil},
		"both":          {"[api]\nhost = \"127.0.0.1:7080\"\n[ssh]\nlisten = \"127.0.0.1:22\"\n", "http://127.0.0.1:7080", "127.0.0.1:22", nil},
		"both refused": {
			"[api]\nhost = \"127.0.0.1:7080\"\n[ssh]\nlisten = \"127.0.0.1:22\"\n", "cannot listen on 127.0.0.1:7080", "cannot listen on 127.0.0.1:22",
			[]conf.Missing{{Part: "api"}, {Part: "ssh"}},
		},
	} {
		_, config, err := conf.Load("f.toml", []byte(c.toml), conf.TOML)
		if err != nil {
			t.Fatal(err)
		}
		if api, ssh := listening(config, c.missing); !strings.HasPrefix(api, c.api) || !strings.HasPrefix(ssh, c.ssh) {
			t.Errorf("%s: API %q, SSH %q; want %q, %q", name, api, ssh, c.api, c.ssh)
		}
	}
}
