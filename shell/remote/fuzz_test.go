// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
)

// FuzzFrames reads frames that a client of the control socket may send: a frame that is read can be written and read again, and
// anything else ends the stream with an error that says so.
func FuzzFrames(f *testing.F) {
	for _, text := range []string{
		`{"op":"execute","id":1,"line":"show vrrp","width":80,"can_ask":true}` + "\n", `{"op":"answer","id":7,"text":"yes"}` + "\n{\"op\":\"close\"}\n",
		"[]\n", `{"op":7}` + "\n", "show vrrp\n", `{"op":"resize","columns":-1,"rows":99999999999}` + "\n", "\n", `{"op":"complete"`, `{"op":"out","data":"////"}` + "\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bufio.NewReader(bytes.NewReader(raw))
		for {
			got, err := readFrame(r, maxFrame)
			var malformed *malformedError
			var long frameTooLongError
			switch {
			case err == nil:
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &malformed), errors.As(err, &long):
				return
			default:
				t.Fatalf("unexpected kind of error: %v", err)
			}
			written, err := encode(got)
			if err != nil {
				continue // encoding can lengthen a frame, and then it is too long for the other side
			}
			again, err := readFrame(bufio.NewReader(bytes.NewReader(written)), maxFrame)
			if err != nil {
				t.Fatalf("%s: %v", written, err)
			}
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(again)
			if !bytes.Equal(a, b) {
				t.Fatalf("%s, read again %s", a, b)
			}
		}
	})
}
