// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestPasswordTwice(t *testing.T) {
	for _, test := range []struct {
		typed        []string
		want, prompt string
		err          error
	}{
		{[]string{"banana", "banana"}, "banana", "Password: Again: ", nil},
		{[]string{"banana", "Banana", "kiwi", "kiwi"}, "kiwi", "Password: Again: They differ.\nPassword: Again: ", nil},
		{[]string{"banana"}, "", "Password: Again: ", io.EOF},
		{nil, "", "Password: ", io.EOF},
	} {
		var prompts strings.Builder
		typed := test.typed
		got, err := twice(&prompts, func() (string, error) {
			if len(typed) == 0 {
				return "", io.EOF
			}
			s := typed[0]
			typed = typed[1:]
			return s, nil
		})
		if got != test.want || !errors.Is(err, test.err) || prompts.String() != test.prompt {
			t.Errorf("%q: %q, %v after %q", test.typed, got, err, prompts.String())
		}
	}
}

func TestPasswordFromPipe(t *testing.T) {
	for in, want := range map[string]string{"banana\nmore\n": "banana", "ba na na": "ba na na", "kiwi\r\n": "kiwi", "": ""} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, in)
		_ = w.Close()
		got, err := NewPassword(t.Context(), r, io.Discard)
		if got != want || (err != nil) != (in == "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		_ = r.Close()
	}
}
