// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// sender is a packet socket bound to one interface.
type sender struct{ fd int }

// sender opens a packet socket on an interface of a namespace. It is closed with the lab.
func (l *Lab) sender(n *Namespace, ifname string) sender {
	l.tb.Helper()
	var s sender
	err := n.Do(func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		// Protocol 0: it receives nothing.
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index})
	})
	if err != nil {
		l.tb.Fatalf("open packet socket on %s %s: %v", n.Role, ifname, err)
	}
	l.atClose(func() { _ = unix.Close(s.fd) })
	return s
}

func (s sender) send(frame []byte) error {
	_, err := unix.Write(s.fd, frame)
	return err
}

// Deliver sends a frame to a router as if it came from its switch port, independently of the MACs that the
// switch has learned.
func (l *Lab) Deliver(n *Namespace, frame []byte) {
	l.tb.Helper()
	if err := l.sender(l.Bridge, n.Role).send(frame); err != nil {
		l.tb.Fatalf("deliver to %s: %v", n.Role, err)
	}
}

// Inject sends a frame from a namespace's eth0.
func (l *Lab) Inject(n *Namespace, frame []byte) {
	l.tb.Helper()
	if err := l.sender(n, "eth0").send(frame); err != nil {
		l.tb.Fatalf("inject from %s: %v", n.Role, err)
	}
}

// Junk sends frames, in turn and at a constant rate, until it is stopped.
type Junk struct {
	count  atomic.Int64
	quit   chan struct{}
	wait   sync.WaitGroup
	halted sync.Once
}

// Junk starts sending frames from the host at a rate per second.
func (l *Lab) Junk(rate int, frames [][]byte) *Junk {
	l.tb.Helper()
	return l.JunkFrom(l.Host, "eth0", rate, frames)
}

// JunkFrom is Junk from an interface of any namespace.
func (l *Lab) JunkFrom(n *Namespace, ifname string, rate int, frames [][]byte) *Junk {
	l.tb.Helper()
	s := l.sender(n, ifname)
	j := &Junk{quit: make(chan struct{})}
	j.wait.Add(1)
	go func() {
		defer j.wait.Done()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		start := time.Now()
		for {
			select {
			case <-j.quit:
				return
			case <-tick.C:
			}
			due := int64(time.Since(start).Seconds() * float64(rate))
			// A delayed sender catches up, but not with a flood.
			if behind := due - j.count.Load(); behind > int64(rate)/10 {
				start = start.Add(time.Duration(behind) * time.Second / time.Duration(rate))
				continue
			}
			for j.count.Load() < due {
				if s.send(frames[int(j.count.Load())%len(frames)]) == nil {
					j.count.Add(1)
				} else {
					break
				}
			}
		}
	}()
	l.atClose(j.Stop)
	return j
}

// Stop ends the sending.
func (j *Junk) Stop() {
	j.halted.Do(func() { close(j.quit) })
	j.wait.Wait()
}

// Sent returns how many frames were sent.
func (j *Junk) Sent() int { return int(j.count.Load()) }

// JunkAdverts returns one frame of each kind that a router must discard: for the VRID of a virtual router with this
// version, which in VRRPv2 uses simple authentication with another secret, and for the next VRID.
func JunkAdverts(version, vrid uint8, interval time.Duration) [][]byte {
	base := Forged{
		MAC: net.HardwareAddr{0x02, 0, 0, 0, 0, 0x66}, Src: netip.MustParseAddr("192.0.2.66"),
		Version: version, VRID: vrid, Priority: 255, Interval: interval, VIP: netip.MustParseAddr(VIP),
	}
	if version == 2 {
		base.AuthType, base.Secret = 1, "wrong"
	}
	variant := func(change func(*Forged)) []byte {
		f := base
		change(&f)
		return f.Frame()
	}
	frames := [][]byte{
		variant(func(f *Forged) { f.BadChecksum = true }),
		variant(func(f *Forged) { f.TTL = 254 }),
		variant(func(f *Forged) { f.Truncate = 6 }),
		variant(func(f *Forged) { f.Type = 2 }),
		variant(func(f *Forged) { f.BadChecksum, f.MAC = true, VirtualMAC(vrid) }),
		variant(func(f *Forged) { f.VRID++ }),
		variant(func(f *Forged) { f.Truncate = 19 }),     // one octet is left
		variant(func(f *Forged) { f.Fragment = 0x2000 }), // the first fragment, with More Fragments
		variant(func(f *Forged) { f.Fragment = 1 }),      // a later fragment
	}
	if version == 2 {
		frames = append(frames,
			base.Frame(),
			variant(func(f *Forged) { f.AuthType = 0 }),
			variant(func(f *Forged) { f.Priority = 0 }))
	} else {
		frames = append(frames, variant(func(f *Forged) { f.Version = 2 }))
	}
	return frames
}

// String describes the junk.
func (j *Junk) String() string { return fmt.Sprintf("%d frames of junk", j.Sent()) }
