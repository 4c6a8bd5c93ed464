// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Specimen returns a document with every field that this release writes. Another release reads it before a hand-over, to say
// whether it understands such documents. left points to the type of the document's System; nil: System is empty.
func Specimen(left any) ([]byte, error) {
	var h Handover
	fill(reflect.ValueOf(&h).Elem())
	h.Version, h.Needs, h.System = handoverVersion, handoverNeeds, nil
	if left != nil {
		fill(reflect.ValueOf(left).Elem())
		var err error
		if h.System, err = json.Marshal(left); err != nil {
			return nil, fmt.Errorf("specimen of a hand-over: %w", err)
		}
	}
	return json.Marshal(h)
}

// fill sets everything that v contains, so that no field is omitted: numbers become 1, lists get one element.
func fill(v reflect.Value) {
	if !v.CanSet() {
		return // unexported fields of times and addresses
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	default:
		if v.CanInt() {
			v.SetInt(1)
		} else if v.CanUint() {
			v.SetUint(1)
		}
	}
}
