// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"time"

	"vrrpsh/engine"
)

// binding ties a key to a field of the validated virtual router.
type binding struct {
	set func(*engine.VirtualRouter, any) // from a value of the key's type; nil: separate code sets the field
	get func(*engine.VirtualRouter) any  // for comparisons; nil: the key alone has no effect
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

// toNumber ties an integer to a field.
func toNumber[F integer](at func(*engine.VirtualRouter) *F) binding {
	return binding{
		set: func(r *engine.VirtualRouter, v any) { *at(r) = F(v.(int)) },
		get: func(r *engine.VirtualRouter) any { return *at(r) },
	}
}

// toField ties a string or a boolean to a field of that type.
func toField[F comparable](at func(*engine.VirtualRouter) *F) binding {
	return binding{
		set: func(r *engine.VirtualRouter, v any) { *at(r) = v.(F) },
		get: func(r *engine.VirtualRouter) any { return *at(r) },
	}
}

// toMeaning ties a value to a field that holds its meaning.
func toMeaning[T any, F comparable](at func(*engine.VirtualRouter) *F, meaning func(T) F) binding {
	return binding{
		set: func(r *engine.VirtualRouter, v any) { *at(r) = meaning(v.(T)) },
		get: func(r *engine.VirtualRouter) any { return *at(r) },
	}
}

// named returns the meaning of a word: the value whose String is the word, or else the first value.
func named[F fmt.Stringer](all ...F) func(string) F {
	return func(word string) F {
		for _, v := range all {
			if v.String() == word {
				return v
			}
		}
		return all[0]
	}
}

// toDuration ties a duration to a field.
func toDuration(at func(*engine.VirtualRouter) *time.Duration) binding {
	return binding{
		set: func(r *engine.VirtualRouter, v any) { *at(r), _ = time.ParseDuration(v.(string)) }, // already checked
		get: func(r *engine.VirtualRouter) any { return *at(r) },
	}
}

// compared ties a key to the value that is compared; separate code sets the field.
func compared(get func(*engine.VirtualRouter) any) binding { return binding{get: get} }
