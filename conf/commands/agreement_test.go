// SPDX-License-Identifier: GPL-3.0-only

package commands_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
)

// place is where the tests set the keys of a table.
type place struct {
	schema *conf.Schema
	file   string // where the keys are added
	lines  []string
	path   string    // of the table in faults
	only   *conf.Key // nil: all but the advertisement interval, whose range depends on the version
}

const router = "[[vrouter]]\ngroup = 1\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\n"

var places = []place{
	{conf.Root, "", nil, "", nil},
	{conf.APIHost.Schema(), "[api]\n", nil, "api.", nil},
	{conf.SSHListen.Schema(), "[ssh]\n", nil, "ssh.", nil},
	{conf.RealtimePriority.Schema(), "[realtime]\n", nil, "realtime.", nil},
	{conf.MetricsEnabled.Schema(), "[metrics]\n", nil, "metrics.", nil},
	{conf.RouterTable, router, []string{"interface eth0 vrrp 1"}, "vrouter[0].", nil},
	{conf.RouterTable, router + "version = 2\n", []string{"interface eth0 vrrp 1"}, "vrouter[0].", conf.AdvertiseInterval.Key},
	{conf.RouterTable, router + "version = 3\n", []string{"interface eth0 vrrp 1"}, "vrouter[0].", conf.AdvertiseInterval.Key},
	{conf.RouterTable, strings.ReplaceAll(router, "10.0.0.1", "fe80::1"), []string{"interface eth0 vrrp 1 ipv6"}, "vrouter[0].", conf.AdvertiseInterval.Key},
	{conf.TimersAdvert.Schema(), router + "version = 2\n[vrouter.timers]\n", []string{"interface eth0 vrrp 1"}, "vrouter[0].timers.", nil},
	{conf.TimersAdvert.Schema(), router + "version = 3\n[vrouter.timers]\n", []string{"interface eth0 vrrp 1"}, "vrouter[0].timers.", nil},
	{conf.TrackTable, "[[track]]\nname = \"a\"\nscript = [\"/bin/true\"]\n", []string{"track a"}, "track[0].", nil},
	{conf.NotifyTable, "[[notify]]\nname = \"n\"\ncommand = [\"/bin/true\"]\n", []string{"notify n"}, "notify[0].", nil},
}

// samples returns values in, at and beyond the ranges of a type.
func samples(typ conf.Type) []any {
	switch typ := typ.(type) {
	case conf.Integer:
		list := []any{typ.Low - 1, typ.Low, typ.Low + 1, typ.High - 1, typ.High, typ.High + 1, -1, 0, 1 << 40}
		if typ.HighV3 > 0 {
			list = append(list, typ.HighV3, typ.HighV3+1)
		}
		return list
	case conf.Boolean:
		return []any{true, false}
	case conf.Choice:
		list := []any{"bogus", "x"}
		for _, w := range typ.All() {
			list = append(list, w.Word)
		}
		return list
	case conf.Duration:
		list := []any{"0s", "5ms", "10ms", "15ms", "99ms", "100ms", "1s", "1.5s", "41s", "40.95s", "255s", "256s", "5m", "5m1s", "1h", "1h1s", "24h", "24h1s", "-1s", "x", "1x"}
		for _, d := range []conf.Duration{typ} {
			list = append(list, d.Low.String(), d.High.String(), (d.High + 1).String(), (d.Low - 1).String())
		}
		return list
	case conf.Text:
		return []any{
			"a", "r1", "r2_x", "-a", "a.b", "a b", "/abs/path", "rel/path", "eth0", "eth0.100", "averylonginterfacename", "a/b", "..",
			"10.0.0.1", "10.0.0.1/24", "10.0.0.0/8", "224.0.0.18", "127.0.0.1", "0.0.0.0", "2001:db8::1", "2001:db8::/32", "::ffff:10.0.0.1",
			"0.0.0.0:7080", "[::1]:80", ":80", "host:0", "host:65536", "h_st:22", "host", "/keys/%u", "/keys/%x", "/" + strings.Repeat("a", 107),
			strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 256), strings.Repeat("a", 4097), "zwölf", "a|b", `q"uote`, "x y  z", "!", "nobody",
		}
	default:
		return nil
	}
}

var numbers = regexp.MustCompile(`\d[\w.]*-\d[\w.]*`)

// TestFilesAndCommandsAgree gives every key values in, at and beyond its range, in TOML, in JSON and as a command. The three accept the
// same values and refuse the others with the same range. An accepted value is unchanged after it is shown and read again.
func TestFilesAndCommandsAgree(t *testing.T) {
	tried := 0
	for _, p := range places {
		for _, k := range p.schema.Keys() {
			if p.only != nil && k != p.only || p.only == nil && k == conf.AdvertiseInterval.Key {
				continue
			}
			if k.Effect == conf.Identifies || k == conf.TrackInterface.Key || k == conf.TrackRoute.Key || k == conf.TrackFile.Key || k == conf.VIP.Key {
				continue // set by the mode or by makers
			}
			for _, v := range samples(k.Type) {
				tried++
				p.try(t, k, v)
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d values were tried", tried)
	}
}

func (p place) try(t *testing.T, k *conf.Key, v any) {
	if k == conf.AuthType.Key { // is set together with a secret
		p.file += "auth_secret = \"x\"\n"
	}
	literal, err := json.Marshal(v) // a basic string in TOML looks the same for these
	if err != nil {
		t.Fatal(err)
	}
	text := p.file + k.Name + " = " + string(literal) + "\n"
	file, inTOML := load(t, text, conf.TOML, p.path+k.Name)
	without, err := conf.Parse("x", []byte(p.file), conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	k.SetRaw(table(p.schema, without), v)
	asJSON, err := conf.Marshal(without, conf.JSON)
	if err != nil {
		t.Fatal(err)
	}
	_, inJSON := load(t, string(asJSON), conf.JSON, p.path+k.Name)
	if inTOML != inJSON {
		t.Errorf("%s = %s: %q in TOML, %q in JSON", k.Path(), literal, inTOML, inJSON)
	}

	e := newEditor(t, p.file)
	e.must(p.lines...)
	typed := e.edit(line(k, v))
	switch {
	case typed != nil && isEarlier(k, v): // accepted in files for compatibility with the earlier daemon
	case (typed == nil) != (inTOML == ""):
		t.Errorf("%s: as a command: %v; %s in a file: %q", line(k, v), typed, literal, inTOML)
	case typed != nil:
		if r := numbers.FindString(inTOML); r != "" && !strings.Contains(typed.Error(), r) {
			t.Errorf("%s: as a command: %v; in a file: %q", line(k, v), typed, inTOML)
		}
	default:
		var was, is bytes.Buffer
		commands.Of(file).Write(&was, commands.Reveal)
		e.draft.Write(&is, commands.Reveal)
		if was.String() != is.String() {
			t.Errorf("%s gives\n%s, in a file\n%s", line(k, v), is.String(), was.String())
		}
		again := newEditor(t, "")
		for l := range strings.Lines(is.String()) {
			if l = strings.TrimSpace(l); l != "!" {
				again.must(l)
			}
		}
		if meaning(t, again.draft.File()) != meaning(t, file) {
			t.Errorf("%s: shown as\n%sit has another meaning", line(k, v), is.String())
		}
	}
}

// isEarlier tells whether only the earlier daemon accepted a value.
func isEarlier(k *conf.Key, v any) bool {
	n, number := v.(int)
	typ, ok := k.Type.(conf.Integer)
	return ok && number && typ.Also != nil && typ.Also(n)
}

// line returns the command that gives a key a value.
func line(k *conf.Key, v any) string {
	if b, ok := v.(bool); ok {
		if b {
			return k.CommandWords()
		}
		return "no " + k.CommandWords()
	}
	word := conf.FormatValue(v)
	if _, rest := k.Type.(conf.Text); rest || strings.ContainsAny(word, " ") {
		word = completions.Quote(word)
	}
	if k == conf.AuthType.Key {
		word += " secret x"
	}
	return k.CommandWords() + " " + word
}

// load reads a file and returns the fault that lies in one key itself.
func load(t *testing.T, text string, format conf.Format, path string) (*conf.File, string) {
	t.Helper()
	file, err := conf.Parse("x", []byte(text), format)
	if err == nil {
		_, err = conf.Validate(file, nil)
		var faults conf.Faults
		if errors.As(err, &faults) {
			for _, f := range faults {
				if f.Path == path && !crossing(f.Problem) {
					return file, f.Value + " " + f.Problem
				}
			}
		}
		return file, ""
	}
	return file, strings.TrimPrefix(err.Error(), "x:"+strconv.Itoa(strings.Count(text, "\n"))+": ")
}

// crossing tells whether a fault lies in a combination with other keys, which commands do not check.
func crossing(problem string) bool {
	return strings.Contains(problem, "for version 3 with IPv4") || strings.Contains(problem, "is required with") ||
		strings.Contains(problem, "is not possible with")
}

// table returns the table of a schema in a file.
func table(s *conf.Schema, f *conf.File) *conf.Table {
	if s.Holder() == nil {
		return f
	}
	if s == conf.TimersAdvert.Schema() {
		f = conf.VRouters.Value(f)[0]
	}
	switch v := s.Holder().Raw(f).(type) {
	case *conf.Table:
		return v
	case []*conf.Table:
		return v[0]
	default:
		return nil
	}
}

// meaning returns a file's validated configuration, or a note that there is none.
func meaning(t *testing.T, f *conf.File) string {
	t.Helper()
	cfg, err := conf.Validate(f, nil)
	if err != nil {
		return "invalid"
	}
	return fmt.Sprintf("%+v", *cfg)
}
