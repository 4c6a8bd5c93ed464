// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Specimen returns a document with every field that this release writes, for another one to say whether it understands
// such documents before anything is handed over. What is left in the system is of the type that left points to; nil: nothing is.
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

// fill gives a value to everything that v leads to, so that nothing is left out: 1 to numbers, an element to lists.
func fill(v reflect.Value) {
	if !v.CanSet() {
		return // within times and addresses
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
