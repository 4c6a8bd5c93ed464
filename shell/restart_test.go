// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"errors"
	"testing"

	"vrrpsh/conf"
)

func TestRestart(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	asked := 0
	var refuse error
	ask := func(context.Context) (string, error) {
		if refuse == nil {
			asked++
		}
		return "vrrpsh 2.0", refuse
	}
	for _, c := range []struct {
		name   string
		level  conf.Level
		ask    func(context.Context) (string, error)
		refuse error
		want   string
		status Status
		asked  int
	}{
		{"an operator", conf.Operator, ask, nil, "% Permission denied: this needs level 9 (administrator), yours is 5 (operator)\n", Failed, 0},
		{"the demo", conf.Administrator, nil, nil, "% This router cannot be restarted\n", Failed, 0},
		{"a bad file", conf.Administrator, ask, errors.New("r1.toml:3: wrong"), "% The router was not restarted: r1.toml:3: wrong\n", Failed, 0},
		{"an administrator", conf.Administrator, ask, nil, "Restarting as vrrpsh 2.0: the virtual routers keep running\n", Done, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, refuse = 0, c.refuse
			env.Restart = c.ask
			s := newSession(t, env, User{Name: "u", Level: c.level, Source: "console"})
			if out, status := run(t, s, "restart"); out != c.want || status != c.status || asked != c.asked {
				t.Errorf("status %d and %d requests, %q; want %d, %d, %q", status, asked, out, c.status, c.asked, c.want)
			}
		})
	}
}
