// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
	"vrrpsh/platform/platformtest"
)

var (
	claimed4 = netip.MustParseAddr("10.9.0.100")
	claimed6 = netip.MustParseAddr("fe80::100")
	evilMAC  = frame.MAC{0x02, 0xbe, 0xef, 0, 0, 1}
)

// claimant watches claims, and makes them.
type claimant struct {
	t     *testing.T
	h     *harness
	calls atomic.Int64

	mu   sync.Mutex
	told []platform.Claim
}

func watchClaims(t *testing.T, addrs ...netip.Addr) *claimant {
	t.Helper()
	h := newHarness(t)
	h.AddLink("up0", primary4, uplink6)
	must(t, inside(h.router, func() error { // as in kernels that allow less
		err := os.WriteFile("/proc/sys/net/core/optmem_max", []byte("20480"), 0)
		if errors.Is(err, fs.ErrNotExist) { // it belongs to the machine
			return nil
		}
		return err
	}))
	c := &claimant{t: t, h: h}
	ctx, cancel := context.WithCancel(t.Context())
	var err error
	var running sync.WaitGroup
	running.Go(func() {
		err = h.system.WatchClaims(ctx, addrs, func(batch []platform.Claim) {
			c.calls.Add(1)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.told = append(c.told, batch...)
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err != nil {
			t.Errorf("in the end: %v", err)
		}
	})
	for _, a := range []netip.Addr{addrs[0], addrs[len(addrs)-1]} {
		c.until(announcement(t, a, frame.MAC{2, 0, 0, 0, 0, 1}), a, frame.MAC{2, 0, 0, 0, 0, 1})
	}
	return c
}

func announcement(t *testing.T, a netip.Addr, mac frame.MAC) []byte {
	t.Helper()
	f, err := frame.AppendAnnouncement(nil, &platform.Announcement{MAC: mac, Addr: a})
	must(t, err)
	return f
}

// times returns how often a claim was told.
func (c *claimant) times(a netip.Addr, mac frame.MAC) (n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.told {
		if o.Addr == a && o.MAC == mac {
			n += o.Times
		}
	}
	return n
}

// until sends a frame until its claim is told.
func (c *claimant) until(f []byte, a netip.Addr, mac frame.MAC) {
	c.t.Helper()
	for end := time.Now().Add(platformtest.Patience); c.times(a, mac) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("the claim of %s is not told", a)
		}
		c.h.station.Send(f)
	}
}

// edited returns a changed frame; a Neighbor Advertisement gets its checksum again.
func edited(f []byte, edit func([]byte) []byte) []byte {
	f = edit(slices.Clone(f))
	if len(f) >= 14+40+4 && f[12] == 0x86 {
		b := f[14:]
		binary.BigEndian.PutUint16(b[42:], 0)
		sum := uint32(unix.IPPROTO_ICMPV6) + uint32(len(b)-40)
		for at := 8; at+1 < len(b); at += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[at:]))
		}
		for sum>>16 != 0 {
			sum = sum>>16 + sum&0xffff
		}
		binary.BigEndian.PutUint16(b[42:], ^uint16(sum))
	}
	return f
}

func tagged(f []byte, vlan byte) []byte {
	return slices.Concat(f[:12], []byte{0x81, 0, 0, vlan}, f[12:])
}

// TestWhatIsAClaim sends all kinds of messages about watched addresses.
func TestWhatIsAClaim(t *testing.T) {
	c := watchClaims(t, claimed4, claimed6)
	up0 := c.h.link("up0").Attrs()
	arp, na := announcement(t, claimed4, evilMAC), announcement(t, claimed6, evilMAC)
	set := func(at int, v ...byte) func([]byte) []byte {
		return func(f []byte) []byte { copy(f[at:], v); return f }
	}
	const override, solicited = 0x20, 0x40
	cases := []struct {
		name  string
		frame []byte
		claim bool
	}{
		{"gratuitous ARP request", arp, true},
		{"ARP reply", edited(arp, set(21, 2)), true},
		{"ARP reply to this host", edited(edited(arp, set(21, 2)), set(0, up0.HardwareAddr...)), true},
		{"ARP request for another address", edited(arp, set(38, 10, 9, 0, 1)), true},
		{"without a VLAN, but with a priority", tagged(arp, 0), true},
		{"ARP probe", edited(arp, set(28, 0, 0, 0, 0)), false},
		{"ARP request of another host for the address", edited(arp, set(28, 10, 9, 0, 7)), false},
		{"ARP reply to another host", edited(edited(arp, set(21, 2)), set(0, 2, 0, 0, 0, 9, 9)), false},
		{"of another VLAN", tagged(arp, 7), false},
		{"of two VLANs", tagged(tagged(arp, 7), 8), false},
		{"truncated ARP header", arp[:14+8+10], false},
		{"truncated ARP addresses", arp[:14+18], false},
		{"ARP for another hardware", edited(arp, set(14, 0, 6)), false},
		{"ARP with long addresses", edited(arp, set(18, 8)), false},
		{"Neighbor Advertisement", na, true},
		{"Neighbor Advertisement with the override flag", edited(na, set(14+40+4, override)), true},
		{"Neighbor Advertisement without it", edited(na, set(14+40+4, 0)), true},
		{"solicited Neighbor Advertisement", edited(na, set(14+40+4, solicited)), true},
		{"Neighbor Advertisement with a priority", tagged(na, 0), true},
		{"Neighbor Advertisement of another VLAN", tagged(na, 7), false},
		{"Neighbor Advertisement from another link", edited(na, set(14+7, 64)), false},
		{"Neighbor Advertisement with a wrong checksum", set(14+42, 0x12, 0x34)(slices.Clone(na)), false},
		{"Neighbor Advertisement for an address that only ends like it", edited(na, set(14+40+8+4, 1)), false},
		{"Neighbor Solicitation", edited(na, set(14+40, 135)), false},
		{"Neighbor Advertisement without a MAC address", edited(na, func(f []byte) []byte {
			f[14+5] -= 8
			return f[:len(f)-8]
		}), false},
		{"truncated Neighbor Advertisement", edited(na, func(f []byte) []byte {
			f[14+5] = 20
			return f[:14+40+20]
		}), false},
		{"Neighbor Advertisement with an option of length 0", edited(na, set(14+40+25, 0)), false},
		{"Neighbor Advertisement with an option that is too long", edited(na, set(14+40+25, 9)), false},
	}
	var want, all []string
	for i, k := range cases {
		mac := evilMAC
		mac[5] = byte(i + 16)
		f := slices.Clone(k.frame)
		replaced := false
		for at := 6; at+6 <= len(f); at++ { // wherever the MAC address is, but as the sender of the frame
			if at != 6 && slices.Equal(f[at:at+6], evilMAC[:]) {
				copy(f[at:], mac[:])
				replaced = true
			}
		}
		if k.claim && !replaced {
			t.Fatalf("%s: the frame is %x", k.name, k.frame)
		}
		if k.name != "Neighbor Advertisement with a wrong checksum" && f[12] == 0x86 {
			f = edited(f, func(f []byte) []byte { return f })
		}
		if f[12] == 0x81 && slices.Contains(f[16:18], 0x86) { // the checksum is behind the tag
			f = tagged(edited(slices.Concat(f[:12], f[16:]), func(f []byte) []byte { return f }), f[15])
		}
		c.h.station.Send(f)
		if k.claim {
			want = append(want, k.name)
		}
		time.Sleep(claimPause / 4)
	}
	last := frame.MAC{2, 0, 0, 0, 0, 2}
	c.until(announcement(t, claimed4, last), claimed4, last)
	c.until(announcement(t, claimed6, last), claimed6, last)
	for i, k := range cases {
		mac := evilMAC
		mac[5] = byte(i + 16)
		n := c.times(claimed4, mac) + c.times(claimed6, mac)
		if n > 0 {
			all = append(all, k.name)
		}
		if n > 1 {
			t.Errorf("%s is told %d times", k.name, n)
		}
	}
	if !slices.Equal(want, all) {
		t.Errorf("told are %q, want %q", all, want)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.told {
		if o.Link != up0.Index || o.Addr != claimed4 && o.Addr != claimed6 {
			t.Errorf("told is %+v", o)
		}
	}
}

// TestClaimsOfVLANs has an interface of a VLAN: its claims are its own.
func TestClaimsOfVLANs(t *testing.T) {
	c := watchClaims(t, claimed4, claimed6)
	if err := c.h.r.LinkAdd(vlanOn(c.h, "up0.7", 7)); errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("this kernel has no VLANs")
	} else {
		must(t, err)
	}
	must(t, c.h.r.LinkSetUp(c.h.link("up0.7")))
	for _, a := range []netip.Addr{claimed4, claimed6} {
		c.until(tagged(announcement(t, a, evilMAC), 7), a, evilMAC)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.told {
		if o.MAC == evilMAC && o.Link != c.h.link("up0.7").Attrs().Index {
			t.Errorf("told is %+v", o)
		}
	}
}

// TestManyClaimedAddresses has more addresses than a filter compares.
func TestManyClaimedAddresses(t *testing.T) {
	var addrs []netip.Addr
	for i := range 2*claimAddresses + 500 {
		addrs = append(addrs, netip.AddrFrom4([4]byte{192, 168, byte(i >> 8), byte(i)}))
	}
	for i := range 2*claimAddresses + 500 {
		addrs = append(addrs, netip.AddrFrom16([16]byte{0xfe, 0x80, 12: 0xff, 14: byte(i >> 8), 15: byte(i)}))
	}
	c := watchClaims(t, addrs...)
	for i := 0; i < len(addrs); i += 29 {
		c.until(announcement(t, addrs[i], evilMAC), addrs[i], evilMAC)
	}
	for _, at := range []int{254, 255, 256, claimAddresses - 1, claimAddresses, 2 * claimAddresses, len(addrs) - 1} {
		c.until(announcement(t, addrs[at], evilMAC), addrs[at], evilMAC)
	}
}

// TestFloodOfClaims sends 100,000 forged messages, as fast as it can: what is read of them is bounded.
func TestFloodOfClaims(t *testing.T) {
	c := watchClaims(t, claimed4, claimed6)
	for _, a := range []netip.Addr{claimed4, claimed6} {
		f := announcement(t, a, evilMAC)
		calls, began := c.calls.Load(), time.Now()
		const count = 100_000
		for i := range count {
			at := 22 // of an ARP message
			if a.Is6() {
				at = 6 // of the frame: that of the option is covered by the checksum
			}
			binary.BigEndian.PutUint16(f[at+4:], uint16(i))
			c.h.station.Send(f)
		}
		took := time.Since(began)
		time.Sleep(2 * claimPause)
		limit := int64(took/claimPause) + 4
		if n := c.calls.Load() - calls; n == 0 || n > limit {
			t.Errorf("%s: %d calls in %s, want %d at most", a, n, took, limit)
		}
		c.mu.Lock()
		read := uint64(0)
		for _, o := range c.told {
			if o.Addr == a {
				read += o.Times
			}
		}
		c.mu.Unlock()
		if read == 0 || read > uint64(limit*claimBatch) {
			t.Errorf("%s: %d claims were read in %s", a, read, took)
		}
		t.Logf("%s: of %d claims in %s %d were read, in %d calls", a, count, took.Round(time.Millisecond), read, c.calls.Load()-calls)
		last := frame.MAC{2, 0, 0, 0, 0, 2}
		c.until(announcement(t, a, last), a, last)
	}
}

// TestClaimsAreFilteredInTheKernel holds that a socket receives nothing but the messages about its addresses.
func TestClaimsAreFilteredInTheKernel(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4, uplink6)
	for _, k := range []struct {
		open  func([]netip.Addr) (claimSocket, error)
		addr  netip.Addr
		other netip.Addr
	}{
		{openARP, claimed4, netip.MustParseAddr("10.9.0.101")},
		{openNeighbors, claimed6, netip.MustParseAddr("fe80::101")},
	} {
		var c claimSocket
		must(t, inside(h.router, func() (err error) {
			c, err = k.open([]netip.Addr{k.addr})
			return err
		}))
		defer func() { _ = c.file.Close() }()
		raw, err := c.file.SyscallConn()
		must(t, err)
		must(t, c.file.SetReadDeadline(time.Now().Add(platformtest.Patience)))
		for range 10 {
			h.station.Send(announcement(t, k.other, evilMAC))
		}
		h.station.Send(announcement(t, k.addr, evilMAC))
		must(t, raw.Read(func(fd uintptr) bool {
			b, oob := make([]byte, 2048), make([]byte, 256)
			got, err := c.read(int(fd), b, oob)
			if errors.Is(err, unix.EAGAIN) {
				return false
			}
			if err != nil || got.Addr != k.addr || got.MAC != evilMAC {
				t.Errorf("received %+v, %v", got, err)
			}
			if got, err := c.read(int(fd), b, oob); !errors.Is(err, unix.EAGAIN) {
				t.Errorf("also received %+v, %v", got, err)
			}
			return true
		}))
	}
}

func vlanOn(h *harness, name string, id int) *netlink.Vlan {
	a := attrs(name)
	a.ParentIndex = h.link("up0").Attrs().Index
	return &netlink.Vlan{LinkAttrs: a, VlanId: id}
}
