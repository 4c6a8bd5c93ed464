// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"strconv"
	"strings"
	"unicode/utf8"

	runewidth "github.com/mattn/go-runewidth"
)

// position is a column and a row, relative to the beginning of the prompt. x is the number of columns after the last
// character of a full row.
type position struct{ x, y int }

// after returns the position after text. A wide character that does not fit at the margin begins the next row.
func (p position) after(text string, columns int) position {
	for _, r := range text {
		w := runewidth.RuneWidth(r)
		if p.x+w > columns {
			p = position{0, p.y + 1}
		}
		p.x += w
	}
	return p
}

// cursor returns where the cursor is for text that continues with next.
func (p position) cursor(next string, columns int) position {
	r, _ := utf8.DecodeRuneInString(next)
	if p.x >= columns || next != "" && p.x+runewidth.RuneWidth(r) > columns {
		return position{0, p.y + 1}
	}
	return p
}

// before tells whether p comes before q.
func (p position) before(q position) bool { return p.y < q.y || p.y == q.y && p.x < q.x }

// drawing is the line being typed, with the suggestions, as the terminal displays it. Each change writes only what differs,
// so that a key costs few bytes on a slow line.
type drawing struct {
	tty     *tty
	columns int
	out     strings.Builder

	text   string   // the prompt and the line
	end    position // after text
	at     position // the cursor
	menu   menu
	top    int // the row of the terminal where the prompt begins, if it is known, otherwise -1
	colors bool
}

// menu is what is displayed below the line, or behind it.
type menu struct {
	at    position // of the first item; the others are below it
	items []item
}

// item is one line of a menu.
type item struct {
	text     string
	selected bool
}

// forget notes that the cursor is at the beginning of an empty line.
func (d *drawing) forget() {
	*d = drawing{tty: d.tty, columns: d.columns, colors: d.colors, top: -1}
}

// erase moves the cursor to the beginning of the prompt and erases the line. The width of the terminal may have changed:
// before and after are the line around the cursor.
func (d *drawing) erase(before, after string, columns int) {
	if d.text != "" {
		d.at = position{}.after(before, columns).cursor(after, columns)
	}
	d.move(position{})
	d.out.WriteString("\r\x1b[J")
	d.flush()
	d.columns = columns
	d.forget()
}

// update displays text with the cursor before its last bytes after, and a menu.
func (d *drawing) update(text, after string, m menu) {
	if d.text != text {
		d.line(text)
	}
	d.show(m)
	d.move(position{}.after(strings.TrimSuffix(text, after), d.columns).cursor(after, d.columns))
	d.flush()
}

// finish displays the whole text without a menu and moves the cursor to the next line.
func (d *drawing) finish(text string) {
	d.update(text, "", menu{})
	if text == "" || d.end.x > 0 {
		d.out.WriteString("\n")
	}
	d.flush()
	d.forget()
}

// line changes the displayed text.
func (d *drawing) line(text string) {
	same := commonBytes(d.text, text)
	old := d.end
	p := position{}.after(text[:same], d.columns)
	d.move(p.cursor("", d.columns))
	if d.at.y > p.y { // a full row
		p = d.at
	}
	for _, r := range text[same:] {
		switch w := runewidth.RuneWidth(r); {
		case p.x == d.columns:
			p = position{0, p.y + 1} // the terminal wraps
		case p.x+w > d.columns:
			d.out.WriteString("\x1b[K\n")
			p = position{0, p.y + 1}
		}
		d.out.WriteRune(r)
		p.x += runewidth.RuneWidth(r)
	}
	if p.x == d.columns {
		d.out.WriteString("\n") // terminals wrap only before the next character
		p = position{0, p.y + 1}
	}
	d.text, d.end, d.at = text, p, p
	switch {
	case p.before(old) && old.y > p.y, p.y > old.y && len(d.menu.items) > 0:
		d.out.WriteString("\x1b[J")
		d.menu = menu{}
	case p.before(old):
		d.out.WriteString("\x1b[K")
		if d.menu.at.y == p.y {
			d.menu = menu{}
		}
	}
	if _, rows := d.tty.size(); d.top >= 0 { // the terminal has scrolled
		d.top = min(d.top, rows-1-p.y)
	}
}

// commonBytes returns the length of the common beginning of two texts. It ends before a character that later ones combine with.
func commonBytes(a, b string) int {
	n, combined := 0, 0
	for n < len(a) && n < len(b) {
		r, size := utf8.DecodeRuneInString(a[n:])
		if !strings.HasPrefix(b[n:], a[n:n+size]) {
			break
		}
		if runewidth.RuneWidth(r) > 0 {
			combined = n
		}
		n += size
	}
	for _, rest := range []string{a[n:], b[n:]} {
		if r, _ := utf8.DecodeRuneInString(rest); rest != "" && runewidth.RuneWidth(r) == 0 {
			return combined
		}
	}
	return n
}

// show changes the displayed menu.
func (d *drawing) show(m menu) {
	old := d.menu.items
	if len(old) > 0 && (len(m.items) == 0 || m.at != d.menu.at) {
		d.move(d.end)
		d.out.WriteString("\x1b[J")
		old = nil
	} else if len(old) == 0 && len(m.items) > 0 {
		d.move(d.end)
		d.out.WriteString("\x1b[J") // the terminal may have been used before
	}
	d.menu = m
	colored := false
	for i, it := range m.items {
		if i < len(old) && old[i] == it {
			continue
		}
		d.move(position{m.at.x, m.at.y + i})
		if d.colors && !colored {
			d.out.WriteString(menuColor)
			colored = true
		}
		if it.selected && d.colors {
			d.out.WriteString(reverseOn + it.text + reverseOff)
		} else {
			d.out.WriteString(it.text)
		}
		d.at.x += runewidth.StringWidth(it.text)
		if i < len(old) && runewidth.StringWidth(old[i].text) > runewidth.StringWidth(it.text) {
			d.out.WriteString("\x1b[K")
		}
	}
	if colored {
		d.out.WriteString(plainText)
	}
	if n := len(m.items); n > 0 && n < len(old) {
		d.move(position{m.at.x + runewidth.StringWidth(m.items[n-1].text), m.at.y + n - 1})
		d.out.WriteString("\x1b[J")
	}
}

// move moves the cursor. It never scrolls the terminal.
func (d *drawing) move(to position) {
	d.csi(d.at.y-to.y, 'A')
	d.csi(to.y-d.at.y, 'B')
	switch back := d.at.x - to.x; {
	case to.x == 0 && back > 0:
		d.out.WriteByte('\r')
	case back > 0 && back < 4:
		d.out.WriteString(strings.Repeat("\b", back))
	default:
		d.csi(back, 'D')
		d.csi(-back, 'C')
	}
	d.at = to
}

// csi writes a control sequence with a number, unless it is less than 1.
func (d *drawing) csi(n int, final byte) {
	if n > 0 {
		d.out.WriteString("\x1b[" + strconv.Itoa(n) + string(final))
	}
}

// flush writes everything in one piece.
func (d *drawing) flush() {
	if d.out.Len() > 0 {
		d.tty.write(d.out.String())
		d.out.Reset()
	}
}
