// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestTranscripts replays the scripts in testdata and compares what the router
// does with what is written there.
//
// A line that is not indented is an event, at the time since the start that it
// begins with; the indented lines below are the actions that followed. The events are
//
//	TIME up ADDRESS [owner]
//	TIME down CAUSE
//	TIME advert ADDRESS PRIORITY [KEY=VALUE...]
//	TIME timer                       once, however late
//	TIME run                         every timer on the way to TIME
//	TIME installed | refused | resign | retry | unsent | sent
//	TIME configure [KEY=VALUE...]    what differs from the first line
//	TIME status
//
// and the first line is "router" with the configuration. A line that starts with # is a comment.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("transcript (-want +got), -update accepts it:\n%s", diff)
			}
		})
	}
}

// replay executes a script and returns it with the router's actions.
func replay(t *testing.T, script string) []byte {
	t.Helper()
	p := player{t: t}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			continue // an earlier answer
		}
		fmt.Fprintln(&p.out, line)
		if line != "" && line[0] != '#' {
			p.do(line)
		}
	}
	return p.out.Bytes()
}

// A player executes the lines of a script.
type player struct {
	t   *testing.T
	cfg Config
	r   *Router
	out bytes.Buffer
}

func (p *player) do(line string) {
	p.t.Helper()
	word := strings.Fields(line)
	if word[0] == "router" {
		p.cfg = p.configure(base(V3), word[1:])
		p.r = New(p.cfg)
		return
	}
	now := at(p.duration(word[0]))
	arg := word[2:]
	switch word[1] {
	case "up":
		p.step(now, Event{Kind: EventUp, Local: Local{Primary: netip.MustParseAddr(arg[0]), Owner: len(arg) > 1}})
	case "down":
		p.step(now, Event{Kind: EventDown, Cause: p.cause(strings.Join(arg, " "))})
	case "advert":
		p.advert(now, arg)
	case "timer":
		p.step(now, Event{Kind: EventTimer})
	case "run":
		for d := p.r.Deadline(); !d.IsZero() && !d.After(now); d = p.r.Deadline() {
			p.step(d, Event{Kind: EventTimer})
		}
	case "installed":
		p.step(now, Event{Kind: EventInstalled})
	case "refused":
		p.step(now, Event{Kind: EventRefused})
	case "resign":
		p.step(now, Event{Kind: EventResign})
	case "retry":
		p.step(now, Event{Kind: EventRetry})
	case "unsent":
		p.step(now, Event{Kind: EventUnsent})
	case "sent":
		p.step(now, Event{Kind: EventSent})
	case "configure":
		cfg := p.configure(p.cfg, arg)
		p.step(now, Event{Kind: EventConfigure, Config: &cfg})
	case "status":
		p.status()
	default:
		p.t.Fatalf("unknown event: %s", line)
	}
}

// advert delivers a packet as a peer with the router's configuration would send it,
// but for the given settings, through all receive checks.
func (p *player) advert(now time.Time, arg []string) {
	p.t.Helper()
	priority, err := strconv.ParseUint(arg[1], 10, 8)
	if err != nil {
		p.t.Fatal(err)
	}
	peer := p.configure(p.cfg, arg[2:])
	form := FormPseudoHeader
	if peer.Checksum == ChecksumRFC9568 {
		form = FormMessage
	}
	var a Advertisement
	drop := Decode(&a, packet(&peer, netip.MustParseAddr(arg[0]), uint8(priority), form), p.cfg.Family, p.cfg.Version)
	var tolerated Tolerated
	if drop == DropNone {
		drop, tolerated = p.r.Check(&a)
	}
	if drop != DropNone {
		p.printf("dropped: %v", drop)
		return
	}
	if tolerated != (Tolerated{}) {
		p.printf("tolerated: %+v", tolerated)
	}
	p.step(now, Event{Kind: EventAdvert, Advert: &a})
}

func (p *player) step(now time.Time, ev Event) {
	for _, a := range p.r.Step(now, ev, nil) {
		switch a.Kind {
		case ActionSend:
			p.printf("%v send %s", now.Sub(epoch), hex.EncodeToString(p.r.Message(a.Priority)))
		case ActionTransition:
			p.printf("%v %v -> %v: %v", now.Sub(epoch), a.From, a.To, a.Cause)
		case ActionInstall, ActionWithdraw, ActionAnnounce:
			p.printf("%v %v", now.Sub(epoch), a.Kind)
		}
	}
}

func (p *player) status() {
	s := p.r.Status()
	p.printf("%v since %v: %v", s.State, s.Since.Sub(epoch), s.Cause)
	p.printf("priority %d, Master %v with %d", s.Priority, s.MasterAddr, s.MasterPriority)
	p.printf("Master_Adver_Interval %v, Skew_Time %v, Master_Down_Interval %v",
		s.MasterAdverInterval, s.SkewTime, s.MasterDownInterval)
	for _, timer := range []struct {
		name string
		at   time.Time
	}{{"Master_Down_Timer", s.MasterDownAt}, {"Adver_Timer", s.NextAdvertAt}, {"preempt delay", s.PreemptAt}} {
		if !timer.at.IsZero() {
			p.printf("%s ends at %v", timer.name, timer.at.Sub(epoch))
		}
	}
}

func (p *player) printf(format string, args ...any) {
	fmt.Fprintf(&p.out, "    "+format+"\n", args...)
}

// configure returns cfg with settings replaced.
func (p *player) configure(cfg Config, settings []string) Config {
	p.t.Helper()
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		switch key {
		case "version":
			cfg.Version = Version(p.number(value))
		case "vrid":
			cfg.VRID = uint8(p.number(value))
		case "priority":
			cfg.Priority = uint8(p.number(value))
		case "interval":
			cfg.Interval = p.duration(value)
		case "preempt":
			cfg.Preempt = value == "true"
		case "preempt-delay":
			cfg.PreemptDelay = p.duration(value)
		case "lenient":
			cfg.Lenient = value == "true"
		case "addresses":
			cfg.Addresses = nil
			for a := range strings.SplitSeq(value, ",") {
				cfg.Addresses = append(cfg.Addresses, netip.MustParseAddr(a))
			}
			cfg.Family = FamilyOf(cfg.Addresses[0])
		case "auth":
			cfg.AuthType = map[string]AuthType{"simple": AuthSimple, "p0": AuthP0, "p1": AuthP1}[value]
		case "secret":
			cfg.Secret = value
		case "checksum":
			cfg.Checksum = map[string]ChecksumMode{"rfc5798": ChecksumRFC5798, "rfc9568": ChecksumRFC9568}[value]
		case "repeat":
			cfg.Announce.Repeat = p.number(value)
		case "delay":
			cfg.Announce.Delay = p.duration(value)
		case "refresh":
			cfg.Announce.Refresh = p.duration(value)
		default:
			p.t.Fatalf("unknown setting: %s", s)
		}
	}
	return cfg
}

func (p *player) number(s string) int {
	p.t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *player) duration(s string) time.Duration {
	p.t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *player) cause(s string) Cause {
	p.t.Helper()
	for c, name := range causeNames {
		if name == s {
			return Cause(c)
		}
	}
	p.t.Fatalf("unknown cause: %q", s)
	return CauseNone
}
