// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"path/filepath"
	"strings"
)

// ssh interprets the [ssh] table; c has the state directory and the users.
func (v *validator) ssh(c *Config) SSHConfig {
	s := SSHConfig{Listen: root(v, SSHListen), AuthorizedKeys: root(v, SSHAuthorizedKeys), HostKey: root(v, SSHHostKey)}
	if s.HostKey == "" {
		s.HostKey = filepath.Join(c.General.StateDir, DefaultHostKey)
	}
	if !strings.Contains(strings.ReplaceAll(s.AuthorizedKeys, "%%", ""), "%u") {
		v.warn("ssh.authorized_keys %s has no %%u: each key in it can log in as any user", quote(s.AuthorizedKeys))
	}
	if s.Listen != "" && len(c.API.Users) == 0 {
		v.warn("api.users is empty: nobody can log in over SSH")
	}
	return s
}

// badKeysPath returns what is wrong with the path of the authorized keys, or "".
func badKeysPath(s string) string {
	if !filepath.IsAbs(s) {
		return "is not an absolute path"
	}
	rest := strings.NewReplacer("%%", "", "%u", "").Replace(s)
	if strings.Contains(rest, "%") {
		return "has a percent sign that is neither %u, the user, nor %%, a percent sign"
	}
	return ""
}

// KeysOf returns the path of a user's authorized keys.
func (s SSHConfig) KeysOf(user string) string {
	return strings.NewReplacer("%%", "%", "%u", user).Replace(s.AuthorizedKeys)
}
