// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

var (
	promptLine = regexp.MustCompile(`^r1(?:\([a-z-]+\*?\)|\[[a-z0-9 ]+\])?[#>] ?(.*)$`)
	askedLine  = regexp.MustCompile(`^\[asked\] .*⟵ (.*)$`)
)

// TestTranscripts replays sessions. A transcript shows a session as a terminal does: prompt, input, output. Input that
// ends with "?" or "⇥" asks for help or completion; the answers to questions follow "⟵".
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			name, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want), strings.Contains(name, "viewer"))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func replay(t *testing.T, transcript string, asViewer bool) string {
	t.Chdir(t.TempDir()) // so file names in output do not depend on the test's directory
	env, r := newEnvIn(t, sampleFile, "")
	env.Lab = &fakeLab{}
	r.change = func(s *engine.RouterStatus) {
		if s.Config.VRID == 1 {
			s.Counters.Dropped[vrrp.DropChecksum] = 7
			s.Counters.Dropped[vrrp.DropTTL] = 1
			s.Counters.Transitions[vrrp.CauseMasterDown] = 1
			s.Counters.Transitions[vrrp.CauseHigherPriority] = 1
			s.Dropped = []engine.DroppedAdvert{
				{Time: noon.Add(-time.Minute), Source: netip.MustParseAddr("10.9.0.1"), Reason: vrrp.DropTTL},
				{Time: noon.Add(-1500 * time.Millisecond), Source: netip.MustParseAddr("10.0.0.4"), Reason: vrrp.DropChecksum},
			}
			s.PeerForm, s.PeerFormKnown = vrrp.FormPseudoHeader, true
		}
		if s.Config.VRID == 2 {
			since, heard := noon.Add(-40*time.Second), noon.Add(-900*time.Millisecond)
			s.Rivals = []engine.Rival{
				{Addr: netip.MustParseAddr("10.0.0.9"), Kind: engine.RivalMaster, Priority: 50, Since: since, Heard: heard, Adverts: 40},
				{Addr: netip.MustParseAddr("10.0.0.2"), Kind: engine.RivalAddress, Priority: 100, Since: since, Heard: heard, Adverts: 38},
				{Addr: netip.MustParseAddr("10.0.0.7"), Kind: engine.RivalOwner, Priority: 255, Since: heard, Heard: heard, Adverts: 1},
				{Addr: netip.MustParseAddr("10.0.0.102"), Kind: engine.RivalARP, MAC: [6]byte{2, 0xbe, 0xef, 0, 0, 1}, Since: since, Heard: heard, Adverts: 12},
			}
		}
	}
	user := admin
	if asViewer {
		user = viewer
	}
	s := newSession(t, env, user)
	var inputs, answers []string
	var comments strings.Builder
	for line := range strings.Lines(transcript) {
		line = strings.TrimRight(line, "\n")
		if m := promptLine.FindStringSubmatch(line); m != nil {
			inputs = append(inputs, m[1])
		} else if m := askedLine.FindStringSubmatch(line); m != nil {
			answers = append(answers, m[1])
		} else if len(inputs) == 0 {
			comments.WriteString(line + "\n")
		}
	}
	out := new(display)
	out.WriteString(comments.String())
	out.answer = func(prompt string) (string, error) {
		if len(answers) == 0 {
			return "", fmt.Errorf("unexpected question %q", prompt)
		}
		a := answers[0]
		answers = answers[1:]
		fmt.Fprintf(out, "[asked] %s⟵ %s\n", prompt, a)
		return a, nil
	}
	for _, input := range inputs {
		fmt.Fprintln(out, strings.TrimRight(s.Prompt()+input, " "))
		switch {
		case strings.HasSuffix(input, "?"):
			out.WriteString(s.Help(strings.TrimSuffix(input, "?")))
		case strings.HasSuffix(input, "⇥"):
			for _, c := range s.Complete(strings.TrimSuffix(input, "⇥")) {
				fmt.Fprintf(out, "  %s\n", strings.TrimRight(fmt.Sprintf("%-20s %v %s", c.Text, c.Literal, c.Help), " "))
			}
		default:
			s.Execute(t.Context(), input, out.io(80))
		}
	}
	if s.Ended() {
		out.WriteString("[ended]\n")
	}
	return out.String()
}
