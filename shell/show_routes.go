// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"strconv"

	"vrrpsh/engine/report"
	"vrrpsh/platform/printable"
)

// routeData lists the static routes.
func routeData(c *call) ([]report.Route, error) {
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	return report.Routes(snapshot), nil
}

func showRoutes(c *call) error {
	routes, err := routeData(c)
	if err != nil {
		return err
	}
	if len(routes) == 0 {
		c.advise("No static routes")
		return nil
	}
	rows := make([][]string, len(routes))
	for i, r := range routes {
		mtu, bound := "-", "any Master"
		if r.MTU > 0 {
			mtu = strconv.FormatUint(uint64(r.MTU), 10)
		}
		if r.VRID > 0 {
			bound = fmt.Sprintf("%s group %d", printable.Line(r.Interface), r.VRID)
		}
		state := r.State
		if r.Fault != "" {
			state += ": " + printable.Line(r.Fault)
		}
		rows[i] = []string{r.Prefix, r.NextHop, strconv.FormatUint(uint64(r.Metric), 10), mtu, bound, state}
	}
	return c.table([]column{
		left("Destination"), left("Next hop"), right("Metric"), right("MTU"), left("While"), left("State"),
	}, rows)
}
