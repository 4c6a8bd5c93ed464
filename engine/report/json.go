// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
)

// WriteJSON writes an indented document. It encodes a list one element at a time to save memory.
func WriteJSON(w io.Writer, document any) error {
	list := reflect.ValueOf(document)
	if list.Kind() != reflect.Slice || list.Len() == 0 || list.Type().Elem().Kind() == reflect.Uint8 {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(document)
	}
	var element bytes.Buffer
	e := json.NewEncoder(&element)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", "  ")
	between := "[\n  "
	for i := range list.Len() {
		element.Reset()
		element.WriteString(between)
		if err := e.Encode(list.Index(i).Addr().Interface()); err != nil {
			return err
		}
		element.Truncate(element.Len() - 1) // the newline
		if _, err := w.Write(element.Bytes()); err != nil {
			return err
		}
		between = ",\n  "
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
