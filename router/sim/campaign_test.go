// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"testing"
	"time"

	"vrrpsh/platform/fake"
)

// campaign is what is done while one call fails: two routers start, one commits, resigns, restarts without a hitch, is stopped
// and started again. After the first commit there is a pause, in which what has failed is to be mended.
func campaign(pause time.Duration) *Scenario {
	setting := func(machine, priority int, text string) string {
		s := setting{machine: machine, machines: 2}
		for i, m := range []member{
			{segment: segment{vrid: 1, version: 3, vips: virtualAddresses(0, 1, false, 2)}, preempt: true, macvlan: true},
			{segment: segment{vrid: 2, version: 2, vips: virtualAddresses(0, 2, false, 1)}, vmac: true},
			{segment: segment{vrid: 3, version: 3, vips: virtualAddresses(0, 3, true, 1), v6: true}, preempt: true, macvlan: machine == 0},
		} {
			m.priority, m.text = priority+i, text
			s.members = append(s.members, m)
		}
		s.routes = []static{{to: "172.16.0.0/24", via: "10.0.0.240"}}
		return s.toml()
	}
	at := func(d time.Duration, s Step) Step {
		s.At = Duration(d)
		return s
	}
	final := []string{setting(0, 200, "b"), setting(1, 100, "")}
	return &Scenario{
		Seed: 1, LANs: 1, Chaos: Duration(30*time.Second + pause), Rates: Rates{KernelTime: Duration(time.Millisecond)},
		Machines: []Machine{{Config: setting(0, 200, ""), Final: final[0]}, {Config: final[1], Final: final[1]}},
		Steps: []Step{
			at(6*time.Second, Step{Do: OpCommit, Text: setting(0, 50, "a")}),
			at(6*time.Second+pause, Step{Do: OpCommit, Text: setting(0, 200, "b"), For: Duration(time.Minute)}),
			at(8*time.Second+pause, Step{Do: OpConfirm}),
			at(12*time.Second+pause, Step{Do: OpResign, N: 2}),
			at(16*time.Second+pause, Step{Do: OpRestart, For: Duration(20 * time.Millisecond)}),
			at(20*time.Second+pause, Step{Do: OpStop}),
			at(26*time.Second+pause, Step{Do: OpStart}),
		},
	}
}

// TestEveryCallFailsOnce lets each call of the kernel and of the disk fail once, in a run of its own.
func TestEveryCallFailsOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	var steps []Step
	for _, c := range fake.Calls {
		steps = append(steps, Step{Do: OpCall, Name: string(c)}, Step{Do: OpCall, Name: string(c) + "!"})
	}
	for _, op := range diskOps {
		steps = append(steps, Step{Do: OpDisk, Name: string(op), Text: "EIO"})
	}
	const most = 6 // of each kind: those after are like those before
	runs := 0
	with := func(step Step) *Result {
		pause := 6 * time.Second
		if step.Do == OpCall {
			pause = 2 * mending
		}
		s := campaign(pause)
		s.Steps = append([]Step{step}, s.Steps...)
		return Run(s, false)
	}
	sound := with(Step{Do: OpCall, Name: "none", N: 1})
	if len(sound.Violations) > 0 {
		t.Fatal(sound.Violations)
	}
	for _, step := range steps {
		for step.N = 1; step.N <= most; step.N++ {
			r := with(step)
			if r.Stats.Faults == sound.Stats.Faults {
				break // there are no more such calls
			}
			runs++
			for _, v := range r.Violations {
				t.Errorf("%s: %s", step, v)
				break
			}
		}
	}
	t.Logf("%d calls have failed", runs)
	if runs < 100 {
		t.Errorf("only %d calls have failed", runs)
	}
}
