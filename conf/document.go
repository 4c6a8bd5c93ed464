// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// JSONSchema returns the JSON Schema (draft 2020-12) of the table for the API's OpenAPI document.
func (s *Schema) JSONSchema() map[string]any {
	properties := map[string]any{}
	var required []any
	for _, k := range s.keys {
		p := k.Type.schema()
		if k.Help != "" {
			p["description"] = k.Help
		}
		if k.Default != nil {
			p["default"] = k.Default
		}
		if k.Secret != Public {
			p["description"] = k.Help + `; shown as "` + Mask + `"`
		}
		properties[k.Name] = p
		if k.Absent == "required" {
			required = append(required, k.Name)
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		schema["required"] = required
	}
	return schema
}

// GeneralSchema is JSONSchema for the keys of the table alone, without the tables below it.
func (s *Schema) GeneralSchema() map[string]any {
	schema := s.JSONSchema()
	for _, k := range s.keys {
		if k.Type.below() != nil {
			delete(schema["properties"].(map[string]any), k.Name)
		}
	}
	return schema
}

// Table returns the rows of docs/configuration.md for the keys of the table, and of the tables that are written inline.
func (s *Schema) Table() string {
	var b strings.Builder
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	s.rows(&b)
	return b.String()
}

func (s *Schema) rows(b *strings.Builder) {
	for _, k := range s.keys {
		if s.holder == nil && k.Type.below() != nil {
			continue // has its own chapter
		}
		meaning := k.meaning()
		if k.Since != "" {
			meaning += "; since " + k.Since
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Path(), k.Type.Doc(), k.absence(), meaning)
		if below := k.Type.below(); below != nil {
			below.rows(b)
		}
	}
}

// meaning returns the description of the key for documents.
func (k *Key) meaning() string {
	if k.Doc == "" {
		return k.Help
	}
	return k.Doc
}

// absence returns what omitting the key means.
func (k *Key) absence() string {
	if k.Absent != "" || k.Default == nil {
		return k.Absent
	}
	if _, number := k.Default.(int); number {
		return FormatValue(k.Default)
	}
	return literalTOML(k.Default)
}

// literalTOML formats a value as TOML.
func literalTOML(v any) string {
	var w tomlWriter
	w.value(v)
	return w.buf.String()
}

// markdown matches code, emphasis, references to other places in the documents, and links.
var markdown = regexp.MustCompile("`([^`]+)`|\\*([^*]+)\\*|[,;] see (?:below|\\[[^]]+\\]\\([^)]*\\))|\\[([^]]+)\\]\\([^)]*\\)")

// plain returns a text without its Markdown. Emphasized text is a placeholder: it becomes capitals.
func plain(text string) string {
	return markdown.ReplaceAllStringFunc(text, func(found string) string {
		m := markdown.FindStringSubmatch(found)
		return m[1] + strings.ToUpper(m[2]) + m[3]
	})
}

// commentWidth is the maximum width of comments in the reference.
const commentWidth = 110

// Reference returns reference.toml: every key with its default or an example, and its meaning.
func Reference() []byte {
	var b bytes.Buffer
	comment(&b, Root.Intro)
	b.WriteByte('\n')
	Root.reference(&b, "")
	return b.Bytes()
}

// comment writes a text as wrapped comment lines.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > commentWidth {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

func (s *Schema) reference(b *bytes.Buffer, path string) {
	for _, k := range s.keys {
		below := k.Type.below()
		switch {
		case below == nil, path != "" && below.Intro == "": // written inline
			k.reference(b)
		case below.Intro == "": // only contains other tables
			below.reference(b, join(path, k.Name))
		default:
			header := "[" + join(path, k.Name) + "]"
			if _, list := k.Type.(SubTables); list {
				header = "[" + header + "]"
			}
			b.WriteByte('\n')
			comment(b, below.Intro)
			b.WriteString(header + "\n")
			below.reference(b, join(path, k.Name))
		}
	}
}

// sentence capitalizes the first letter of a text.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// namesWords reports whether a text mentions every word of a choice.
func (k *Key) namesWords(text string) bool {
	return !slices.ContainsFunc(k.Type.(Choice).Words, func(w Word) bool { return !strings.Contains(text, strconv.Quote(w.Word)) })
}

// explanation returns the reference's text for a key, including the keys of tables that are written
// inline.
func (k *Key) explanation() string {
	text := k.meaning()
	of := k.Type.Doc()
	_, choice := k.Type.(Choice)
	switch {
	case strings.HasPrefix(of, "integer"), strings.HasPrefix(of, "duration "):
		text += ". " + sentence(of)
	case choice && !k.namesWords(text):
		text += ": " + of
	}
	switch {
	case k.Absent == "", k.Absent == "required", k.Absent == "none":
	case strings.HasPrefix(k.Absent, "required"):
		text += ". " + sentence(k.Absent)
	default:
		text += ". Not set: " + k.Absent
	}
	if below := k.Type.below(); below != nil {
		for _, k := range below.keys {
			text += ". " + k.Name + ": " + k.explanation()
		}
	}
	return text
}

// sample returns a value for the reference: the example, or else the default.
func (k *Key) sample() any {
	if k.Example != nil {
		return k.Example
	}
	return k.Default
}

// reference writes a key of the reference, commented out unless it is valid together with all other
// keys.
func (k *Key) reference(b *bytes.Buffer) {
	comment(b, sentence(plain(k.explanation()))+".")
	value, commented := k.sample(), k.Dependent || k.Default == nil && k.Absent != "required" && !k.Shown
	if below := k.Type.below(); below != nil {
		example := below.New()
		for _, k := range below.keys {
			example.put(k, k.sample())
		}
		value = example
		if _, list := k.Type.(SubTables); list {
			value = []*Table{example}
		}
	}
	if commented {
		b.WriteByte('#')
	}
	b.WriteString(k.Name + " = " + literalTOML(value) + "\n")
}
