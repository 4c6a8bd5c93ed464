// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/completions"
)

func TestPipes(t *testing.T) {
	const text = "a 1\n b 2\n  c 3\n b 4\nd 5\n b 6\n"
	for _, tc := range []struct{ pipes, want string }{
		{"include b", " b 2\n b 4\n b 6\n"},
		{"include ^[ad]|3", "a 1\n  c 3\nd 5\n"},
		{"grep B", ""},
		{"grep -i B", " b 2\n b 4\n b 6\n"},
		{"grep -v b", "a 1\n  c 3\nd 5\n"},
		{"grep -iv B", "a 1\n  c 3\nd 5\n"},
		{"grep -v -i B", "a 1\n  c 3\nd 5\n"},
		{"grep -i -v B", "a 1\n  c 3\nd 5\n"},
		{"exclude b", "a 1\n  c 3\nd 5\n"},
		{"begin b 4", " b 4\nd 5\n b 6\n"},
		{"begin nothing", ""},
		{"section b 2", "a 1\n b 2\n  c 3\n"},
		{"section c", "a 1\n b 2\n  c 3\n"},
		{"section b [46]", "a 1\n b 4\nd 5\n b 6\n"},
		{"section a", "a 1\n b 2\n  c 3\n b 4\n"},
		{"section b", "a 1\n b 2\n  c 3\n b 4\nd 5\n b 6\n"},
		{"count", "Count: 6 lines\n"},
		{"include d | count", "Count: 1 line\n"},
		{"include nothing | count", "Count: 0 lines\n"},
		{"last 2", "d 5\n b 6\n"},
		{"last 100", text},
		{"exclude b | last 1", "d 5\n"},
		{"last 3 | include b", " b 4\n b 6\n"},
		{"no-more", text},
		{"begin b | exclude c | last 4 | count", "Count: 4 lines\n"},
	} {
		t.Run(tc.pipes, func(t *testing.T) {
			inv, perr := grammar(false).Parse(completions.Exec, completions.Administrator, "show clock | "+tc.pipes)
			if perr != nil {
				t.Fatal(perr)
			}
			var out bytes.Buffer
			c, err := newChain(inv.Pipes, &out, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(text); i += 4 { // writes that do not end at line ends
				if _, err := io.WriteString(c, text[i:min(i+4, len(text))]); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
