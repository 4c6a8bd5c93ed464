// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/program"
	"vrrpsh/platform/recorded"
)

// TestRecordedHandoverIsRead checks that nothing in a document that a release handed over is lost.
func TestRecordedHandoverIsRead(t *testing.T) {
	documents, err := filepath.Glob("testdata/handover/*.json")
	if err != nil || len(documents) == 0 {
		t.Fatal(documents, err)
	}
	for _, path := range documents {
		t.Run(filepath.Base(path), func(t *testing.T) {
			doc, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			h, err := driver.ReadHandover(doc, nil)
			if err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			checkKept(t, doc, again)
		})
	}
}

// TestRecordedHandoverGoesOn checks that a router continues from a document that a release handed over just as that release did,
// and without a transition.
func TestRecordedHandoverGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		other := lab.Sibling()
		run := func(_ context.Context, p program.Program) (string, error) {
			if p.Command[0] == "/usr/local/bin/check" {
				return "", errors.New("exit status 2")
			}
			return "", nil
		}
		router := func(n byte) *node {
			prefix := func(b byte) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, b, 0, n}), 24) }
			r := lab.AddRouter(fmt.Sprintf("r%d", n), prefix(0), netip.MustParsePrefix(fmt.Sprintf("fe80::%d/64", n)))
			r.AddLink(other, "eth1", prefix(1))
			return start(t, r, driver.Options{System: r.Boot(), Run: run})
		}
		r1, r2 := router(1), router(2)
		applyFile(t, r2, "r2.toml")
		sleep(5 * time.Second)
		applyFile(t, r1, "r1.toml")
		sleep(10 * time.Second)
		must(t, r1.Resign(t.Context(), engine.Key{Interface: "eth0", Family: vrrp.IPv6, VRID: 53}))
		sleep(5 * time.Second)
		must(t, r1.Unplug("eth1"))
		sleep(5 * time.Second)
		must(t, r1.Plug("eth1"))
		sleep(7700 * time.Millisecond)
		must(t, r1.DelAddr("eth0", netip.MustParsePrefix("10.0.0.100/24"))) // and it is restored
		sleep(2 * time.Second)

		kernel := r1.Links()
		events, stop := r2.Subscribe()
		defer stop()
		doc := recorded.Content(t, "testdata/handover/fake.json", r1.handOver())
		if _, err := driver.ReadHandover(doc, nil); err != nil {
			t.Fatal(err)
		}
		r1 = r1.restartWith(run, doc)
		mine, stopMine := r1.Subscribe()
		defer stopMine()
		got := told(t, r1.snapshot())
		checkKept(t, recorded.Content(t, "testdata/handover/fake.told", got), got)

		sleep(10 * time.Second)
		must(t, r2.stop())
		for e := range events { // ends with r2
			if e.Kind == engine.EventTransition && time.Since(e.Time) > time.Second {
				t.Errorf("r2: %s: %s to %s (%s)", e.Key, e.From, e.To, e.Cause)
			}
		}
		for len(mine) > 0 {
			if e := <-mine; e.Kind == engine.EventTransition && time.Since(e.Time) > time.Second {
				t.Errorf("r1: %s: %s to %s (%s)", e.Key, e.From, e.To, e.Cause)
			}
		}
		for i, now := range r1.Links() {
			if i >= len(kernel) || now.Index != kernel[i].Index || now.MAC != kernel[i].MAC {
				t.Errorf("the kernel has %+v, had %+v", now, kernel)
			}
		}
	})
}

// applyFile applies a configuration file.
func applyFile(t *testing.T, n *node, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "handover", name))
	if err != nil {
		t.Fatal(err)
	}
	_, c, err := conf.Load(name, data, conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Apply(t.Context(), c.Engine); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// told returns what users see of a state.
func told(t *testing.T, s *engine.Snapshot) []byte {
	t.Helper()
	b, err := json.MarshalIndent(map[string]any{
		"groups": report.Details(s, nil), "links": report.Links(s), "routes": report.Routes(s), "tracks": report.Tracks(s),
		"started": s.Started,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// checkKept checks that one JSON document has everything that another one has. It may have more fields.
func checkKept(t *testing.T, was, is []byte) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal(was, &a), json.Unmarshal(is, &b)); err != nil {
		t.Fatal(err)
	}
	for _, lost := range differences("", a, b) {
		t.Error(lost)
	}
}

func differences(path string, was, is any) (found []string) {
	switch w := was.(type) {
	case map[string]any:
		m, ok := is.(map[string]any)
		if !ok {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			found = append(found, differences(path+"."+key, w[key], m[key])...)
		}
		return found
	case []any:
		list, ok := is.([]any)
		if ok && len(list) > len(w) && zeros(w) && zeros(list) { // counters by number, which are handed over by name
			return nil
		}
		if !ok || len(list) != len(w) {
			return []string{fmt.Sprintf("%s had %d elements and has %d", path, len(w), len(list))}
		}
		for i := range w {
			found = append(found, differences(fmt.Sprintf("%s[%d]", path, i), w[i], list[i])...)
		}
		return found
	default:
		if was == is {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s was %v and is %v", path, was, is)}
}

// zeros reports whether a list contains only the number 0.
func zeros(list []any) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return v != 0.0 })
}
