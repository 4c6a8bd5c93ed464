// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	prompt "github.com/c-bata/go-prompt"
	runewidth "github.com/mattn/go-runewidth"
)

const (
	// maxSuggestions is how many rows suggestions take, and minSuggestions how many rows they need below the line; with less
	// room they are behind the line.
	maxSuggestions, minSuggestions = 6, 3
	// minSuggestionWidth is the least width, in columns, in which suggestions are useful.
	minSuggestionWidth = 12
	// maxWordWidth is the greatest width of a suggestion, in columns.
	maxWordWidth = 32
	// minHelpWidth is the least width in which the help of suggestions is displayed, in columns.
	minHelpWidth = 10
	// usualHelpWidth is for how much help suggestions move to the left, away from the word.
	usualHelpWidth = 20
	// popupCost is how many bytes displaying suggestions may take, so that a slow line follows the user. It limits the help.
	popupCost = 165
	// rowCost is how many bytes moving the cursor to the next row and erasing the rest of that row takes.
	rowCost = 11
	// maxUnanswered is after how many unanswered questions for the cursor's position the terminal is not asked again.
	maxUnanswered = 2
	// answerPatience is how long the end of the shell waits for an answer.
	answerPatience = 200 * time.Millisecond
)

const (
	askPosition = "\x1b[6n"
	menuColor   = "\x1b[36m"
	reverseOn   = "\x1b[7m"
	reverseOff  = "\x1b[27m"
)

// anchor is where the suggestions for a word are. They stay there while the word is typed.
type anchor struct {
	set       bool
	word      int // the place of the word in the line, in bytes
	x, behind int // the column of suggestions below the line, and behind it
}

// pops tells whether suggestions pop up. Over a serial line they would slow down typing.
func (t *terminal) pops() bool { return !t.serial && t.conv.Suggestions() }

// isSerial tells whether a terminal is at the end of a serial line.
func isSerial(f *os.File) bool {
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		name = f.Name()
	}
	return serialName(name) || strings.HasPrefix(os.Getenv("TERM"), "vt") // what getty assumes there
}

// serialName tells whether a device is a serial line: ttyS0, ttyUSB0, ttyAMA0, hvc0, cuau0, but not tty1, which is a screen.
func serialName(name string) bool {
	name = strings.TrimPrefix(name, "/dev/")
	rest, tty := strings.CutPrefix(name, "tty")
	return tty && rest != "" && (rest[0] >= 'A' && rest[0] <= 'Z' || rest[0] == 'u') ||
		strings.HasPrefix(name, "hvc") || strings.HasPrefix(name, "cua")
}

// fits tells whether there is room for suggestions. If the row of the cursor is unknown, it asks the terminal for it:
// without it, suggestions could scroll output away that the user reads.
func (t *terminal) fits() bool {
	if t.d.columns-1 < minSuggestionWidth {
		return false
	}
	if t.d.top < 0 {
		t.asks = !t.asked && t.unanswered < maxUnanswered
		return false
	}
	return true
}

// ask asks the terminal for the position of the cursor, which it answers as if the user had typed it.
func (t *terminal) ask() {
	if t.asks {
		t.asks, t.asked, t.stale, t.askedAt = false, true, false, t.d.at.y
		t.tty.write(askPosition)
	}
}

// outdate notes that the answer, if one is expected, will not be about the line that is drawn next.
func (t *terminal) outdate() {
	if t.asked && t.stale { // there is no answer
		t.asked = false
		t.unanswered++
	}
	t.stale = true
}

// awaitAnswer waits for an answer, which would otherwise be input of the program that uses the terminal next.
func (t *terminal) awaitAnswer() {
	ctx, cancel := context.WithTimeout(t.ctx, answerPatience)
	defer cancel()
	for t.asked {
		k, err := t.in.key(ctx)
		if err != nil {
			return
		}
		t.answered(k.text)
	}
}

// answered takes the terminal's answer to ask.
func (t *terminal) answered(sequence string) bool {
	body, ok := strings.CutPrefix(sequence, "\x1b[")
	row, _, _ := strings.Cut(strings.TrimSuffix(body, "R"), ";")
	n, err := strconv.Atoi(row)
	if !ok || !t.asked || !strings.HasSuffix(body, "R") || err != nil {
		return false
	}
	_, rows := t.tty.size()
	t.asked, t.unanswered = false, 0
	if t.stale {
		return true
	}
	t.d.top = max(0, min(n-1-t.askedAt, rows-1-t.d.end.y))
	return true
}

// popupMenu returns the menu that displays the suggestions. text is the displayed line, and cut is the text after the cursor.
func (t *terminal) popupMenu(text, cut string) menu {
	if len(t.popup) == 0 || t.d.top < 0 {
		return menu{}
	}
	columns := t.d.columns
	_, rows := t.tty.size()
	end := position{}.after(text, columns).cursor("", columns)
	if !t.anchor.set || t.anchor.word != t.wordStart() {
		t.setAnchor()
	}
	// If the line has become longer, the terminal scrolls.
	room := rows - 1 - end.y - min(t.d.top, rows-1-end.y)
	if room >= min(len(t.popup), minSuggestions) {
		return menu{position{t.anchor.x, end.y + 1}, t.column(min(room, maxSuggestions), columns-1-t.anchor.x)}
	}
	if cut != "" {
		return menu{}
	}
	if x := end.x + 2; x > t.anchor.behind {
		t.anchor.behind = x
	}
	if width := columns - 1 - t.anchor.behind; width >= minSuggestionWidth {
		return menu{position{t.anchor.behind, end.y}, []item{{text: t.strip(width)}}}
	}
	return menu{}
}

// wordStart returns the place in the line where the word being typed begins.
func (t *terminal) wordStart() int {
	before := t.doc.TextBeforeCursor()
	return len(before) - len(lastWord(before))
}

// setAnchor decides where the suggestions for the word being typed are. The list is longest now.
func (t *terminal) setAnchor() {
	columns := t.d.columns
	widest, help := 0, 0
	for _, s := range t.popup {
		widest = max(widest, runewidth.StringWidth(s.Text))
		help = max(help, runewidth.StringWidth(s.Description))
	}
	start := t.wordStart()
	at := position{}.after(t.prefix+t.doc.Text[:start], columns).cursor("", columns)
	need := min(widest, maxWordWidth) + 2 + min(help, usualHelpWidth)
	t.anchor = anchor{set: true, word: start, x: max(0, min(at.x, columns-1-need)), behind: at.x + min(widest, maxWordWidth) + 2}
}

// window returns the part of the list to display in n rows, and how many suggestions are not in it.
func (t *terminal) window(n int) (from, to, hidden int) {
	if len(t.popup) > n {
		n-- // the last row tells that there are more
	}
	from = max(0, t.selected-n+1)
	to = min(len(t.popup), from+n)
	return from, to, len(t.popup) - (to - from)
}

// column lists suggestions and their help, one below the other.
func (t *terminal) column(rows, width int) []item {
	from, to, hidden := t.window(rows)
	words := 0
	for _, s := range t.popup[from:to] {
		words = max(words, min(runewidth.StringWidth(s.Text), maxWordWidth))
	}
	help := t.helpWidth(t.popup[from:to], words)
	var items []item
	for i, s := range t.popup[from:to] {
		text := runewidth.Truncate(s.Text, maxWordWidth, "…")
		if help > 0 && s.Description != "" {
			text = runewidth.FillRight(text, words+2) + runewidth.Truncate(s.Description, help, "…")
		}
		items = append(items, item{runewidth.Truncate(text, width, "…"), from+i == t.selected})
	}
	if hidden > 0 {
		items = append(items, item{text: runewidth.Truncate(fmt.Sprintf("… %d more", hidden), width, "")})
	}
	return items
}

// helpWidth returns how many columns of help popupCost leaves, 0 if they are too few.
func (t *terminal) helpWidth(list []prompt.Suggest, words int) int {
	longest := 0
	for _, s := range list {
		longest = max(longest, runewidth.StringWidth(s.Description))
	}
	for help := longest; help >= min(longest, minHelpWidth) && help > 0; help-- {
		cost := 2 * rowCost // the cursor's way there and back
		for _, s := range list {
			cost += rowCost + words + 2 + min(runewidth.StringWidth(s.Description), help)
		}
		if len(t.popup) > len(list) {
			cost += rowCost + len("… 99 more")
		}
		if cost <= popupCost {
			return help
		}
	}
	return 0
}

// strip lists suggestions in one row, beginning with the selected one.
func (t *terminal) strip(width int) string {
	width = min(width, popupCost/3)
	text := ""
	for n, s := range t.popup[max(0, t.selected):] {
		longer := runewidth.Truncate(s.Text, maxWordWidth, "…")
		if n > 0 {
			longer = text + ", " + longer
		}
		hidden := len(t.popup) - n - 1
		if full := longer + moreText(hidden); n > 0 && runewidth.StringWidth(full)+len("()") > width {
			return "(" + text + moreText(hidden+1) + ")"
		}
		text = longer
	}
	return "(" + text + moreText(max(0, t.selected)) + ")"
}

func moreText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", … %d more", n)
}
