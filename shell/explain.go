package shell

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// explain answers in sentences why a virtual router is in its state, and what would change that.
func (c *call) explain(now time.Time, r *engine.RouterStatus) {
	for _, s := range explanation(now, r) {
		c.printf("  %s\n", s)
	}
}

// explained is the JSON form.
type explained struct {
	Interface string   `json:"interface"`
	Family    string   `json:"family"`
	Group     uint8    `json:"group"`
	State     string   `json:"state"`
	Sentences []string `json:"sentences"`
}

func explanations(s *engine.Snapshot, match func(*engine.RouterStatus) bool) []explained {
	list := make([]explained, 0)
	for _, r := range s.Routers {
		if match(r) {
			list = append(list, explained{
				Interface: r.Config.Interface, Family: strings.ToLower(r.Config.Family.String()), Group: r.Config.VRID,
				State: r.State.String(), Sentences: explanation(s.Time, r),
			})
		}
	}
	return list
}

func explanation(now time.Time, r *engine.RouterStatus) []string {
	var say []string
	switch {
	case r.Config.Shutdown:
		say = []string{"It is shut down: \"no shutdown\" starts it."}
	case r.State == vrrp.Initialize:
		say = []string{explainInit(r)}
	case r.State == vrrp.Backup:
		say = explainBackup(now, r)
	default:
		say = explainMaster(now, r)
	}
	say = append(say, explainDrops(r)...)
	if r.Fault != "" {
		say = append(say, "The kernel made trouble: "+printable(r.Fault)+".")
	}
	return say
}

func explainInit(r *engine.RouterStatus) string {
	iface := r.Config.Interface
	switch r.Cause {
	case vrrp.CauseNoLink:
		return fmt.Sprintf("It waits for the interface %s, which does not exist.", iface)
	case vrrp.CauseLinkDown:
		return fmt.Sprintf("It waits for the interface %s, which is down.", iface)
	case vrrp.CauseNoAddress:
		return fmt.Sprintf("It waits for an %s address on %s, to send adverts from.", r.Config.Family, iface)
	default:
		return fmt.Sprintf("It does not take part: %s.", r.Cause)
	}
}

func explainBackup(now time.Time, r *engine.RouterStatus) []string {
	p := &r.Config.Protocol
	own := priority(r)
	wait := left0(now, r.MasterDownAt)
	if !r.MasterAddr.IsValid() {
		return []string{
			fmt.Sprintf("It is Backup and has heard no Master: it becomes Master in %s ms, when the Master Down interval (%s) is over.", wait, arithmetic(r)),
		}
	}
	master := fmt.Sprintf("%s with priority %d", r.MasterAddr, r.MasterPriority)
	var say []string
	switch {
	case r.MasterPriority == vrrp.PriorityResign:
		say = append(say, fmt.Sprintf("The Master %s has resigned: this router becomes Master in %s ms, the Skew Time, unless another is faster.", r.MasterAddr, wait))
		return say
	case r.MasterPriority > own:
		say = append(say,
			fmt.Sprintf("It is Backup because the Master %s is higher than its own %d.", master, own),
			fmt.Sprintf("A priority above %d with preemption, or the end of that Master's adverts, would make it Master.", r.MasterPriority))
	case r.MasterPriority == own:
		say = append(say, fmt.Sprintf("It is Backup because the Master %s has the same priority and was there first%s.", master, higher(r)))
	case !p.Preempt:
		say = append(say,
			fmt.Sprintf("It is Backup although the Master %s is lower than its own %d, because preemption is off.", master, own),
			"\"preempt\" would let it take over.")
	case !r.PreemptAt.IsZero():
		say = append(say, fmt.Sprintf("It will take over from the Master %s in %s ms, when the preempt delay of %s is over.",
			master, left0(now, r.PreemptAt), p.PreemptDelay))
	default:
		say = append(say, fmt.Sprintf("It is about to take over from the Master %s: its own priority is %d and preemption is on.", master, own))
	}
	if !r.MasterDownAt.IsZero() {
		say = append(say, fmt.Sprintf("The last advert was heard %s ms ago. Without another it becomes Master in %s ms (%s).",
			millis(now.Sub(r.LastHeard).Round(time.Millisecond)), wait, arithmetic(r)))
	}
	return say
}

// higher tells which address would win if both were Master.
func higher(r *engine.RouterStatus) string {
	if r.Local.Primary.IsValid() && r.Local.Primary.Compare(r.MasterAddr) < 0 {
		return ", and its address is higher"
	}
	return ""
}

func explainMaster(now time.Time, r *engine.RouterStatus) []string {
	say := []string{fmt.Sprintf("It is Master for %s now: %s.", span(now.Sub(r.Since)), r.Cause)}
	if r.Local.Owner {
		return append(say, "It owns the virtual address, so that its priority is 255 and nobody can take over.")
	}
	say = append(say, fmt.Sprintf("A router that sends adverts with a priority above %d, or with %d from an address above %s, would take over.",
		priority(r), priority(r), text0(r.Local.Primary)))
	if !r.Installed {
		say = append(say, "The kernel has not confirmed its addresses yet.")
	}
	return say
}

func text0(a netip.Addr) string {
	if !a.IsValid() {
		return "its own"
	}
	return a.String()
}

// explainDrops tells of discarded packets that mean a wrong configuration somewhere.
func explainDrops(r *engine.RouterStatus) []string {
	var say []string
	for _, d := range dropHints {
		if n := r.Counters.Dropped[d.reason]; n > 0 {
			say = append(say, fmt.Sprintf("%d adverts were discarded because of %s: %s.", n, d.reason, d.hint))
		}
	}
	return say
}

var dropHints = []struct {
	reason vrrp.DropReason
	hint   string
}{
	{vrrp.DropTTL, "they came through another router, or were forged"},
	{vrrp.DropVersion, "a peer uses the other protocol version"},
	{vrrp.DropChecksum, "they were damaged, or a peer forms the checksum otherwise"},
	{vrrp.DropOwn, "something sends this router's packets back, or uses its address"},
	{vrrp.DropAuthType, "a peer uses another type of authentication"},
	{vrrp.DropAuth, "a peer has another secret"},
	{vrrp.DropInterval, "a peer has another advertisement interval"},
	{vrrp.DropAddressList, "a peer has other virtual addresses"},
}
