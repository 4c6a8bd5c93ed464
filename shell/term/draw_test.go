// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	runewidth "github.com/mattn/go-runewidth"
)

// TestEditingAtTheMargin types, deletes and moves at random in a line of several rows, and compares the screen with the line.
func TestEditingAtTheMargin(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			columns := 20 + int(seed%3)
			u := start(t, setup{cols: uint16(columns), rows: 12})
			u.Send("quiet\r") // suggestions come and go by how fast keys arrive
			u.Prompt("r1# ")
			u.Send("\x0c")
			random := rand.New(rand.NewPCG(seed, 1))
			alphabet := []rune("abcdef 日本語é")
			line, at := []rune("say "), 4
			u.Send("say ")
			for step := range 60 {
				keys := ""
				for range 1 + random.IntN(4) {
					switch k := random.IntN(10); {
					case k < 6 && len(line) < 70:
						r := alphabet[random.IntN(len(alphabet))]
						line = slices.Insert(line, at, r)
						at++
						keys += string(r)
					case k == 6 && at > 0:
						at--
						line = slices.Delete(line, at, at+1)
						keys += "\x7f"
					case k == 7 && at > 0:
						at--
						keys += "\x02"
					case k == 8 && at < len(line):
						at++
						keys += "\x06"
					case k == 9 && step%7 == 0:
						at = random.IntN(2) * len(line)
						keys += map[bool]string{true: "\x01", false: "\x05"}[at == 0]
					}
				}
				u.Send(keys)
				want, before := layout("r1# "+string(line), len("r1# ")+at, columns)
				u.Until(fmt.Sprintf("step %d: %q", step, string(line)), func() bool {
					b, _ := u.Screen.CursorLine()
					return strings.ReplaceAll(b, "\x00", "") == before && slices.Equal(u.Screen.Visible()[:len(want)], want) && u.Screen.Visible()[len(want)] == ""
				})
			}
		})
	}
}

// layout returns the rows that a line takes, without trailing spaces, and what its row has before the cursor.
func layout(line string, cursor, columns int) (rows []string, before string) {
	row, used := "", 0
	runes := []rune(line)
	for i, r := range append(runes, ' ') { // the cursor may be behind the line
		if used+runewidth.RuneWidth(r) > columns {
			rows = append(rows, row)
			row, used = "", 0
		}
		if i == cursor {
			before = row
		}
		if i < len(runes) {
			row += string(r)
			used += runewidth.RuneWidth(r)
		}
	}
	rows = append(rows, row)
	for i, r := range rows {
		rows[i] = strings.TrimRight(r, " ")
	}
	return rows, before
}
