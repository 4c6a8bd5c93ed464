// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
)

// Of waiting requests only the newest of each virtual router is executed, and withdrawals come
// before installations.
func TestActuatorOrder(t *testing.T) {
	a := newActuator(stubSystem{})
	desired := func(vrid uint8, seq uint64, active bool) engine.Desired {
		return engine.Desired{Key: engine.Key{VRID: vrid}, Seq: seq, Present: true, Active: active}
	}
	a.desire([]engine.Desired{
		desired(1, 1, true), desired(2, 2, false), desired(3, 3, true), desired(4, 4, false), desired(5, 5, true),
	})
	a.desire([]engine.Desired{desired(1, 6, false), desired(4, 7, true)})
	if n := a.waiting(); n != 5 {
		t.Errorf("%d are waiting, want 5", n)
	}
	var got [][]uint64
	for {
		w, _, _ := a.next()
		batch := w.batch
		if len(batch) == 0 {
			break
		}
		var seqs []uint64
		for _, d := range batch {
			seqs = append(seqs, d.Seq)
		}
		got = append(got, seqs)
	}
	if diff := cmp.Diff([][]uint64{{2, 7, 6}, {3, 5}}, got); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestActuatorBatches(t *testing.T) {
	a := newActuator(stubSystem{})
	for i := range 1000 {
		a.desire([]engine.Desired{{Key: engine.Key{VRID: uint8(1 + i%250), Interface: string(rune('a' + i/250))}, Active: true}})
	}
	total := 0
	for {
		w, _, _ := a.next()
		batch := w.batch
		if len(batch) == 0 {
			break
		}
		if len(batch) > applyBatch {
			t.Errorf("a batch of %d", len(batch))
		}
		total += len(batch)
	}
	if total != 1000 {
		t.Errorf("%d were executed, want 1000", total)
	}
}
