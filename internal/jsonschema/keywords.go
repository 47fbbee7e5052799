package jsonschema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// keywords are those of one schema. The annotations say nothing of values.
type keywords struct {
	always *bool // the schema true or false

	Ref                   string           `json:"$ref"`
	Defs                  map[string]*node `json:"$defs"`
	Type                  words            `json:"type"`
	Enum                  []any            `json:"enum"`
	Pattern               string           `json:"pattern"`
	Minimum               *float64         `json:"minimum"`
	Maximum               *float64         `json:"maximum"`
	UniqueItems           bool             `json:"uniqueItems"`
	Items                 *node            `json:"items"`
	Required              []string         `json:"required"`
	Properties            map[string]*node `json:"properties"`
	PatternProperties     map[string]*node `json:"patternProperties"`
	AdditionalProperties  *node            `json:"additionalProperties"`
	UnevaluatedProperties *node            `json:"unevaluatedProperties"`
	AllOf                 []*node          `json:"allOf"`
	AnyOf                 []*node          `json:"anyOf"`
	OneOf                 []*node          `json:"oneOf"`

	Schema      annotation `json:"$schema"`
	ID          annotation `json:"$id"`
	Title       annotation `json:"title"`
	Description annotation `json:"description"`
	Default     annotation `json:"default"`
	Deprecated  annotation `json:"deprecated"`
	Format      annotation `json:"format"`
}

// annotation is read over.
type annotation struct{}

func (*annotation) UnmarshalJSON([]byte) error { return nil }

// words are one string or several.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if b[0] != '"' {
		return json.Unmarshal(b, (*[]string)(w))
	}
	*w = words{""}
	return json.Unmarshal(b, &(*w)[0])
}

func (n *node) keywords() (*keywords, error) {
	n.once.Do(func() { n.kw, n.err = read(n.raw) })
	return n.kw, n.err
}

func read(text []byte) (*keywords, error) {
	k := &keywords{}
	if always := string(text) == "true"; always || string(text) == "false" {
		k.always = &always
		return k, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(k); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return k, nil
}

// target is what a $ref leads to: one of the schema's definitions.
func (s *Schema) target(ref string) (*node, error) {
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	if n := s.defs[name]; ok && n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("schema: $ref to %q, which is not among its $defs", ref)
}
