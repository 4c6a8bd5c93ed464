// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"cmp"
	"errors"
	"net"
	"slices"

	"vrrpsh/platform"
	"vrrpsh/platform/printable"
)

// maxNeighbors limits how many neighbours a command shows.
const maxNeighbors = 5000

// neighborRow is a neighbour in "show neighbors".
type neighborRow struct {
	Address   string `json:"address"`
	MAC       string `json:"mac,omitempty"`
	Interface string `json:"interface"`
	State     string `json:"state"`
}

// neighborData lists the neighbours that the command requests.
func neighborData(c *call) ([]neighborRow, error) {
	if c.session.env.Neighbors == nil {
		return nil, failed("The neighbours are not known here")
	}
	all, err := c.session.env.Neighbors()
	if errors.Is(err, platform.ErrUnsupported) {
		return nil, failed("The neighbours are not known on this platform: \"arp -an\" and \"ndp -an\" of the host show them")
	}
	if err != nil {
		return nil, err
	}
	onlyIPv4 := c.step.Command.ID == "show.arp" || c.step.Has("ip")
	all = slices.DeleteFunc(all, func(n platform.Neighbor) bool {
		return onlyIPv4 && !n.Addr.Is4() || c.step.Has("ipv6") && n.Addr.Is4() || !c.on(n.Interface)
	})
	slices.SortFunc(all, func(a, b platform.Neighbor) int {
		return cmp.Or(natural(a.Interface, b.Interface), a.Addr.Compare(b.Addr))
	})
	rows := make([]neighborRow, 0, len(all))
	for _, n := range all {
		row := neighborRow{Address: n.Addr.String(), Interface: n.Interface, State: n.State}
		if n.Known {
			row.MAC = net.HardwareAddr(n.MAC[:]).String()
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// on tells whether the command is about an interface: all, or the one that it names.
func (c *call) on(name string) bool {
	wanted := c.step.Value("interface")
	return wanted == "" || wanted == name
}

func showNeighbors(c *call) error {
	list, err := neighborData(c)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, n := range list[:min(len(list), maxNeighbors)] {
		rows = append(rows, []string{n.Address, cmp.Or(n.MAC, "unknown"), printable.Line(n.Interface), n.State})
	}
	err = c.table([]column{left("Address"), left("MAC address"), left("Interface"), left("State")}, rows)
	if more := len(list) - maxNeighbors; err == nil && more > 0 {
		c.printf("and %d more\n", more)
	}
	return err
}

// trafficRow are the counters of an interface in "show interfaces counters".
type trafficRow struct {
	Interface string    `json:"interface"`
	Received  countsRow `json:"received"`
	Sent      countsRow `json:"sent"`
}

type countsRow struct {
	Packets uint64 `json:"packets"`
	Octets  uint64 `json:"octets"`
	Errors  uint64 `json:"errors"`
	Dropped uint64 `json:"dropped"`
}

// trafficData lists the counters of the interfaces that the command requests.
func trafficData(c *call) ([]trafficRow, error) {
	if c.session.env.Traffic == nil {
		return nil, failed("The counters of interfaces are not known here")
	}
	all, err := c.session.env.Traffic()
	if errors.Is(err, platform.ErrUnsupported) {
		return nil, failed("The counters of interfaces are not known on this platform: \"netstat -i\" of the host shows them")
	}
	if err != nil {
		return nil, err
	}
	rows := []trafficRow{}
	for _, t := range all {
		if c.on(t.Interface) {
			rows = append(rows, trafficRow{t.Interface, countsRow(t.Received), countsRow(t.Sent)})
		}
	}
	if len(rows) == 0 && c.step.Value("interface") != "" {
		return nil, c.step.Misplaced("interface", "there is no such interface")
	}
	return rows, nil
}

func showCounters(c *call) error {
	rows, err := trafficData(c)
	if err != nil {
		return err
	}
	for _, t := range rows {
		c.printf("%s\n", printable.Line(t.Interface))
		for _, d := range []struct {
			name string
			n    countsRow
		}{{"Received", t.Received}, {"Sent", t.Sent}} {
			c.printf("  %-8s  %d packets, %d octets, %d errors, %d dropped\n", d.name, d.n.Packets, d.n.Octets, d.n.Errors, d.n.Dropped)
		}
	}
	return nil
}
