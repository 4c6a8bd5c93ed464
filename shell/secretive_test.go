package shell

import "testing"

func TestDiscreet(t *testing.T) {
	for line, want := range map[string]string{
		"show vrrp brief":                                 "show vrrp brief",
		"interface eth0 vrrp 1 auth secret hush":          "interface eth0 vrrp 1 auth secret ****",
		"interface eth0 vrrp 1 auth simpel secret hush x": "interface eth0 vrrp 1 auth simpel ****** **** *",
		"api user x level 9 pas  hüsh 界":                  "api user x level 9 pas  **** **",
		"api SECRET \"a b\"":                              "api SECRET ** **",
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
		"no auth":                                          false,
		"show vrrp brief":                                  false,
		"show | include secret":                            false,
		"interface secure0":                                false,
	} {
		if _, got := SecretIn(line); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}
