package engine_test

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/engine/vrrp"
)

// Another Master that goes on although it is outranked is told of once; one that gives up soon is not.
func TestAnotherMasterIsToldOfOnce(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(2, "eth0", "10.0.0.1/24"))
	vr := group("eth0", 51, "10.0.0.100")
	h.apply(config(vr))
	h.run(5 * time.Second)
	told := 0
	for i := range 10 {
		h.deliver(2, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
		for _, e := range h.out.Events {
			if strings.HasPrefix(e.Text, "10.0.0.9 also claims to be Master, with priority 50") {
				told++
				if i != 2 {
					t.Errorf("told of at advert %d", i+1)
				}
			}
		}
	}
	if told != 1 {
		t.Errorf("told of %d times", told)
	}
}
