// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"fmt"

	runewidth "github.com/mattn/go-runewidth"
)

// search finds an earlier line while the user types a part of it (Ctrl-R). Ctrl-R again finds the
// match before, Enter executes the line, Ctrl-G or Ctrl-C restores the original line, and any other
// key edits the found line.
func (t *terminal) search() []byte {
	t.erase()
	what, found, at := "", "", len(t.hist.lines)
	accept := true
	for {
		t.drawSearch(what, found)
		k, err := t.in.key(t.ctx)
		if err != nil || k.control(ctrlG) || k.control(ctrlC) {
			accept = false
			break
		}
		switch {
		case k.kind == keyText, k.kind == keyQuestion:
			what += k.text
			at = t.find(what, &found, at+1)
			continue
		case k.control(ctrlR):
			at = t.find(what, &found, at)
			continue
		case k.control(ctrlH), k.control(backspace):
			if r := []rune(what); len(r) > 0 {
				what = string(r[:len(r)-1])
			}
			at = t.find(what, &found, len(t.hist.lines))
			continue
		case k.enter() && found != "":
			t.queued = append(t.queued, func() []byte { return t.hand(endEnter) })
		case !k.enter():
			t.in.unread(k.raw)
		}
		break
	}
	t.tty.write("\r\x1b[J")
	if !accept || found == "" {
		return t.change(nil)
	}
	t.overflow = false
	return t.change(setText(found))
}

// find searches for a line that contains what before index from. If there is none, the match does not change.
func (t *terminal) find(what string, found *string, from int) int {
	if what == "" {
		*found = ""
		return len(t.hist.lines)
	}
	line, i := t.hist.older(what, from)
	if i < 0 {
		t.bell()
		return from
	}
	*found = line
	return i
}

func (t *terminal) drawSearch(what, found string) {
	s := fmt.Sprintf("(reverse-i-search)`%s': %s", what, found)
	t.tty.write("\r\x1b[J" + runewidth.Truncate(s, t.d.columns-1, ""))
}
