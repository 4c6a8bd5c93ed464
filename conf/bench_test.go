// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// manyGroups is what the docs call a large configuration: 16 interfaces with 250 groups each.
func manyGroups() *File {
	f := NewFile()
	Hostname.Set(f, "r1")
	Debug.Set(f, 1)
	var all []*Table
	for i := range 16 {
		for g := 1; g <= 250; g++ {
			v := RouterTable.New()
			Group.Set(v, g)
			Interface.Set(v, fmt.Sprintf("eth%d", i))
			VIP.Set(v, fmt.Sprintf("10.%d.0.%d/24", i, g))
			VIPs.Set(v, []string{fmt.Sprintf("10.%d.1.%d", i, g)})
			Version.Set(v, 3)
			Priority.Set(v, 200)
			Preemption.Set(v, true)
			AdvertiseInterval.Set(v, "1s")
			IfType.Set(v, "macvlan")
			Description.Set(v, "customer")
			all = append(all, v)
		}
	}
	VRouters.Set(f, all)
	return f
}

func BenchmarkParse4000(b *testing.B) {
	data := marshal(b, manyGroups(), TOML)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse("x.toml", data, TOML); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate4000(b *testing.B) {
	f := manyGroups()
	for b.Loop() {
		if _, err := Validate(f, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClone4000(b *testing.B) {
	f := manyGroups()
	for b.Loop() {
		f.Clone()
	}
}

func BenchmarkEqual4000(b *testing.B) {
	f := manyGroups()
	g := f.Clone()
	Priority.Set(VRouters.Value(g)[3999], 1)
	for b.Loop() {
		if f.Equal(g) {
			b.Fatal("equal")
		}
	}
}

func BenchmarkMarshal4000(b *testing.B) {
	f := manyGroups()
	for b.Loop() {
		marshal(b, f, TOML)
	}
}

// BenchmarkFaults4000 reads a configuration in which every group has a fault.
func BenchmarkFaults4000(b *testing.B) {
	f := manyGroups()
	for _, v := range VRouters.Value(f) {
		Priority.Set(v, 300)
	}
	data := marshal(b, f, TOML)
	for b.Loop() {
		if _, _, err := Load("x.toml", data, TOML); err == nil {
			b.Fatal("no error")
		}
	}
}

// BenchmarkCommitOneOf4000 measures a whole commit without the engine's part.
func BenchmarkCommitOneOf4000(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "r1.toml")
	if err := WriteFile(path, marshal(b, manyGroups(), TOML)); err != nil {
		b.Fatal(err)
	}
	m := started(b, Options{Path: path, StateDir: dir})
	n := 0
	for b.Loop() {
		n++
		c := m.Edit()
		Priority.Set(VRouters.Value(c.File)[2000], 1+n%254)
		if _, err := m.Commit(context.Background(), c, Info{User: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
}

func marshal(tb testing.TB, f *File, format Format) []byte {
	tb.Helper()
	data, err := Marshal(f, format)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
