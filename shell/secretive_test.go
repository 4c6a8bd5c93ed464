// SPDX-License-Identifier: GPL-3.0-only

package shell

import "testing"

func TestDiscreet(t *testing.T) {
	for line, want := range map[string]string{
		"show vrrp brief":                                 "show vrrp brief",
		"interface eth0 vrrp 1 auth secret hush":          "interface eth0 vrrp 1 auth secret ****",
		"interface eth0 vrrp 1 auth simpel secret hush x": "interface eth0 vrrp 1 auth ****** ****** **** *",
		"api user x level 9 pas  hüsh 界":                  "api user x level 9 pas  **** **",
		"api SECRET \"a b\"":                              "api SECRET ** **",
		"api s TOPSECRET":                                 "api s *********",
		"api user bob level 11 p SECRET":                  "api user bob level 11 p ******",
		"ap usr bob lvl 3 hush":                           "ap *** *** *** * ****",
		"interface eth0 vrrp 1 a rfc2338-simple hush":     "interface eth0 vrrp 1 a rfc2338-simple ****",
		"api secret":                                      "api secret",
	} {
		if got := discreet(line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestSecretIn(t *testing.T) {
	for line, want := range map[string]bool{
		"auth rfc2338-simple secret hush":                  true,
		"au rfc s hush":                                    true,
		"interface eth0 vrrp 1 auth p0-t8-sha256 sec hush": true,
		"api secret hush":                                  true,
		"api user bob level 0 password hush":               true,
		"api user bob level 0 passwd hush":                 true,
		"api user bob level 0 password":                    false,
		"api s TOPSECRET":                                  true,
		"api user bob level 3 p PASSWORD":                  true,
		"api user bob level 3 h {{SHA256}}1e:00":           true,
		"a rfc2338-simple SECRET":                          true,
		"api user bob level 11 p SECRET":                   true,
		"api sercet hush":                                  true,
		"aut p0-t8-sha256 hush":                            true,
		"aapi secret hush":                                 true,
		"default auth p0-t8-sha256 secret hush":            true,
		"no auth p0-t8-sha256 secret hush":                 true,
		"api host 0.0.0.0:7080":                            false,
		"api user bob":                                     false,
		"description my secret hobby":                      false,
		"accept-mode":                                      false,
		"show vrrp | include auth x secret y":              false,
		"interface eth0 vrrp 1 track api decrement 5":      false,
		"no auth":               false,
		"show vrrp brief":       false,
		"show | include secret": false,
		"interface secure0":     false,
	} {
		if _, got := SecretIn(line); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}
