// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// captured accepts Ethernet frames with VRRP. It also accepts every frame with a VLAN tag or an IPsec Authentication
// Header, without looking behind them.
var captured = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IP, SkipFalse: 3},
	bpf.LoadAbsolute{Off: 14 + 9, Size: 1}, // Protocol
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.ProtocolAH, SkipTrue: 5},
	bpf.Jump{Skip: 3},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_8021Q, SkipTrue: 3},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipFalse: 3},
	bpf.LoadAbsolute{Off: 14 + 6, Size: 1}, // Next Header
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.Protocol, SkipFalse: 1},
	bpf.RetConstant{Val: keepAll},
	bpf.RetConstant{Val: keepNone},
}

// Capture calls fn with every VRRP frame that an interface receives or sends. It returns nil when ctx ends.
// The frame is valid only during the call.
func Capture(ctx context.Context, name string, fn func(at time.Time, b []byte)) error {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("capture on %s: %w", name, platform.ErrNoLink)
	}
	filter, err := bpf.Assemble(captured)
	if err != nil {
		return err
	}
	conn, err := packet.Listen(link, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if err != nil {
		return fmt.Errorf("capture on %s: %w", name, err)
	}
	defer func() { _ = conn.Close() }()
	// Also receive adverts to groups that this host has not joined.
	if err := conn.SetPromiscuous(true); err != nil {
		return fmt.Errorf("capture on %s: %w", name, err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	b := make([]byte, keepAll)
	for {
		n, _, err := conn.ReadFrom(b)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENETDOWN): // the socket receives again when the interface is up
		case err != nil:
			return fmt.Errorf("capture on %s: %w", name, err)
		default:
			fn(time.Now(), b[:n])
		}
	}
}
