// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// byteOrderMark is what some editors put before a text; a parser may ignore it (RFC 8259 section 8.1).
var byteOrderMark = []byte("\ufeff")

// parseJSON reads a JSON object. Unlike encoding/json it refuses duplicate keys, of which one would
// be lost silently.
func parseJSON(data []byte) (map[string]any, *Fault) {
	data = bytes.TrimPrefix(data, byteOrderMark)
	d := jsonReader{dec: json.NewDecoder(bytes.NewReader(data))}
	d.dec.UseNumber()
	v, fault := d.value("", 0)
	if fault == nil {
		if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
			fault = &Fault{Problem: "syntax error: there is text after the end of the object"}
		}
	}
	if fault != nil {
		if fault.line == 0 && fault.Path == "" {
			fault.line = 1 + bytes.Count(data[:min(int(d.dec.InputOffset()), len(data))], []byte("\n"))
		}
		return nil, fault
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &Fault{Problem: "is not a JSON object"}
	}
	return m, nil
}

type jsonReader struct {
	dec  *json.Decoder
	read extent
}

func (d *jsonReader) token() (json.Token, *Fault) {
	t, err := d.dec.Token()
	if errors.Is(err, io.EOF) {
		return nil, &Fault{Problem: "syntax error: unexpected end of file"}
	}
	if err != nil {
		return nil, &Fault{Problem: syntaxError(err.Error())}
	}
	return t, nil
}

func (d *jsonReader) value(path string, depth int) (any, *Fault) {
	if problem := d.read.add(len(path), depth); problem != "" {
		return nil, &Fault{Problem: problem}
	}
	t, fault := d.token()
	if fault != nil {
		return nil, fault
	}
	switch t {
	case json.Delim('{'):
		return d.object(path, depth)
	case json.Delim('['):
		return d.array(path, depth)
	default:
		return t, nil
	}
}

func (d *jsonReader) object(path string, depth int) (any, *Fault) {
	m := map[string]any{}
	for d.dec.More() {
		t, fault := d.token()
		if fault != nil {
			return nil, fault
		}
		key := t.(string) // the decoder accepts only strings here
		at := join(path, bareKey(key))
		if _, twice := m[key]; twice {
			return nil, &Fault{Path: at, Problem: "occurs twice"}
		}
		if m[key], fault = d.value(at, depth+1); fault != nil {
			return nil, fault
		}
	}
	_, fault := d.token()
	return m, fault
}

func (d *jsonReader) array(path string, depth int) (any, *Fault) {
	list := []any{}
	for d.dec.More() {
		v, fault := d.value(nth(path, len(list)), depth+1)
		if fault != nil {
			return nil, fault
		}
		list = append(list, v)
	}
	_, fault := d.token()
	return list, fault
}
