// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"vrrpsh/engine/sniff"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/process"
)

const (
	// monitorPause is how long the live table stays unchanged when nothing happens.
	monitorPause = time.Second
	// monitorRate is the minimum interval between two updates of the table.
	monitorRate = 200 * time.Millisecond
	// monitorShare is how many times longer the table stays unchanged than it takes to make it.
	monitorShare = 10
	// monitorRows is the maximum number of virtual routers in the table, which the user scrolls.
	monitorRows = 4000
)

// monitorVRRP displays a table that follows the virtual routers.
func monitorVRRP(c *call) error {
	if !c.interactive() || c.session.Plain() {
		return failed("\"monitor vrrp\" needs a terminal; \"show vrrp brief\" does not")
	}
	if len(c.inv.Pipes) > 0 {
		return failed("A live display cannot be piped")
	}
	events, stop := c.session.env.View.Subscribe()
	defer stop()
	last := "No events yet"
	for {
		begun := time.Now()
		text, err := c.monitorTable(last)
		if width := c.session.textWidth(0); width > 0 {
			text = truncateLines(text, width)
		}
		if err == nil {
			err = c.io.Show(text)
		}
		switch {
		case c.ctx.Err() != nil:
			return nil // the user has ended the command
		case err != nil:
			return err
		}
		rate := max(monitorRate, monitorShare*time.Since(begun))
		drawn := time.NewTimer(rate)
		idle := time.NewTimer(max(monitorPause, rate))
		select {
		case <-c.ctx.Done():
		case <-idle.C:
		case e, open := <-events:
			if !open {
				events = nil
				break
			}
			last = c.session.eventLine(&e)
			select { // one update shows all events of this interval
			case <-drawn.C:
			case <-c.ctx.Done():
			}
		}
		drawn.Stop()
		idle.Stop()
	}
}

// monitorTable formats the table.
func (c *call) monitorTable(last string) (string, error) {
	share, err := process.TakeShare(c.ctx)
	if err != nil {
		return "", err
	}
	defer share.Release()
	snapshot, routers, err := c.routers()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s   %s   %s, %d Master\n", c.session.hostname(),
		c.session.stamp(snapshot.Time), plural(len(routers), "virtual router"), mastersAmong(routers))
	fmt.Fprintf(&b, "%s\n\n", last)
	more := len(routers) - monitorRows
	table := *c
	table.out, table.io.Width = &b, c.session.columnsNow(c.io.Width)
	if err := table.brief(routers[:min(len(routers), monitorRows)]); err != nil {
		return "", err
	}
	if more > 0 {
		fmt.Fprintf(&b, "and %d more: select with \"interface\" and \"group\"\n", more)
	}
	return b.String(), nil
}

// monitorPackets displays the VRRP packets on an interface until the user ends the command.
func monitorPackets(c *call) error {
	c.noMore()
	iface := c.step.Value("interface")
	if c.session.env.Capture == nil {
		return c.monitorTap(iface)
	}
	var failure error
	printer := sniff.Printer{W: c.out, UTC: c.session.zone() == time.UTC}
	show := printer.Live(func(err error) { failure = err })
	err := c.session.env.Capture(c.ctx, iface, func(at time.Time, b []byte) {
		show(at, b)
		if err := c.flush(); err != nil && failure == nil {
			failure = err
		}
	})
	if c.ctx.Err() != nil {
		return nil
	}
	return errors.Join(err, failure)
}

// monitorTap displays only this router's packets.
func (c *call) monitorTap(iface string) error {
	if c.session.env.Tap == nil {
		return failed("Packets cannot be shown here")
	}
	packets, missed, stop := c.session.env.Tap.Tap(func(on string, _ vrrp.Family, _ uint8) bool { return on == iface })
	defer stop()
	var advert vrrp.Advertisement
	for {
		select {
		case <-c.ctx.Done():
			return nil
		case p, ok := <-packets:
			if !ok {
				return nil
			}
			if n := missed(); n > 0 {
				c.printf("%d packets are not shown: there are too many\n", n)
			}
			c.printf("%s\n", c.session.packetLine(&advert, &p))
			if err := c.flush(); err != nil {
				return nil
			}
		}
	}
}
