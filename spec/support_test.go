package spec

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

// property is one attribute that the Compose JSON schema declares.
type property struct {
	path  string         // as in the support table
	steps []string       // its segments
	node  map[string]any // its schema
}

// schemaWalk lists every property of the schema. A definition that refers to
// itself is entered once on each way down.
type schemaWalk struct {
	root  map[string]any
	found map[string]property
}

func newSchemaWalk(t testing.TB) *schemaWalk {
	t.Helper()
	w := &schemaWalk{found: map[string]property{}}
	if err := json.Unmarshal([]byte(schema.Schema), &w.root); err != nil {
		t.Fatal(err)
	}
	w.walk(w.root, nil, nil)
	return w
}

func (w *schemaWalk) def(node map[string]any) (map[string]any, string) {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node, ""
	}
	name := strings.TrimPrefix(ref, "#/$defs/")
	return w.root["$defs"].(map[string]any)[name].(map[string]any), name
}

// alternatives are a node and what it is combined from, references resolved.
func (w *schemaWalk) alternatives(node map[string]any) []map[string]any {
	node, _ = w.def(node)
	all := []map[string]any{node}
	for _, key := range []string{"oneOf", "anyOf", "allOf"} {
		subs, _ := node[key].([]any)
		for _, sub := range subs {
			all = append(all, w.alternatives(sub.(map[string]any))...)
		}
	}
	return all
}

func (w *schemaWalk) walk(node map[string]any, steps, active []string) {
	if _, name := w.def(node); name != "" {
		if slices.Contains(active, name) {
			return
		}
		active = append(slices.Clone(active), name)
	}
	for _, alt := range w.alternatives(node) {
		for key, sub := range w.children(alt) {
			next := append(slices.Clone(steps), key)
			if path := strings.Join(next, "."); key != "[]" {
				w.found[path] = property{path, next, sub}
			}
			w.walk(sub, next, active)
		}
	}
}

// children are the properties, the pattern "*" and the items "[]" of one alternative.
func (w *schemaWalk) children(alt map[string]any) map[string]map[string]any {
	kids := map[string]map[string]any{}
	for _, key := range []string{"patternProperties", "additionalProperties"} {
		sub, ok := alt[key].(map[string]any)
		if ok && key == "additionalProperties" {
			kids["*"] = sub
			continue
		}
		for pattern, s := range sub {
			if pattern != "^x-" {
				kids["*"], _ = s.(map[string]any)
			}
		}
	}
	props, _ := alt["properties"].(map[string]any)
	for name, sub := range props {
		kids[name] = sub.(map[string]any)
	}
	if items, ok := alt["items"].(map[string]any); ok {
		kids["[]"] = items
	}
	return kids
}

// build makes a value of node's schema that has leaf at the end of steps.
func (w *schemaWalk) build(node map[string]any, steps []string, leaf any) any {
	if len(steps) == 0 {
		return leaf
	}
	for _, alt := range w.alternatives(node) {
		sub, ok := w.children(alt)[steps[0]]
		if !ok || !w.leads(sub, steps[1:]) {
			continue
		}
		value := w.build(sub, steps[1:], leaf)
		if steps[0] == "[]" {
			return []any{value}
		}
		m := w.required(alt)
		m[nameFor(steps[0])] = value
		return m
	}
	return nil
}

// leads tells whether steps exist below node, so that build takes the right alternative.
func (w *schemaWalk) leads(node map[string]any, steps []string) bool {
	if len(steps) == 0 {
		return true
	}
	for _, alt := range w.alternatives(node) {
		if sub, ok := w.children(alt)[steps[0]]; ok && w.leads(sub, steps[1:]) {
			return true
		}
	}
	return false
}

func nameFor(step string) string {
	if step == "*" {
		return "web"
	}
	return step
}

func (w *schemaWalk) required(alt map[string]any) map[string]any {
	m := map[string]any{}
	names, _ := alt["required"].([]any)
	props, _ := alt["properties"].(map[string]any)
	for _, n := range names {
		if sub, ok := props[n.(string)].(map[string]any); ok {
			m[n.(string)] = w.value(sub)
		}
	}
	return m
}

// value makes a small valid value of a schema, never an empty one.
func (w *schemaWalk) value(node map[string]any) any {
	alts := w.alternatives(node)
	for _, alt := range alts {
		if enum, ok := alt["enum"].([]any); ok {
			return enum[0]
		}
	}
	for _, alt := range alts {
		switch kind := firstType(alt["type"]); kind {
		case "string":
			if alt["format"] == "duration" {
				return "2s"
			}
			return "x"
		case "integer", "number":
			return 1
		case "boolean":
			return true
		case "array":
			if items, ok := alt["items"].(map[string]any); ok {
				return []any{w.value(items)}
			}
			return []any{"x"}
		case "object":
			return w.object(alt)
		}
	}
	return "x"
}

func (w *schemaWalk) object(alt map[string]any) map[string]any {
	m := w.required(alt)
	kids := w.children(alt)
	names := make([]string, 0, len(kids))
	for name := range kids {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(m) == 0 {
			m[nameFor(name)] = w.value(kids[name])
		}
	}
	return m
}

func firstType(v any) string {
	if list, ok := v.([]any); ok {
		v = list[0]
	}
	s, _ := v.(string)
	return s
}

// governing finds the row that decides about a schema path.
func governing(rows map[string]support, below map[string]bool, steps []string) (support, bool) {
	for i := 1; i <= len(steps); i++ {
		path := strings.Join(steps[:i], ".")
		if own := strings.Join(steps[:i-1], "."); likeService(own) {
			if _, ok := rows[path]; !ok {
				return governing(rows, below, append([]string{"services", "*"}, steps[i-1:]...))
			}
		}
		row, ok := rows[path]
		switch {
		case steps[i-1] == "[]":
			continue
		case ok && (row.refused && row.needs == "" || !below[path]):
			return row, true
		case ok && i == len(steps):
			return row, true
		case !ok:
			return support{}, false
		}
	}
	return support{}, false
}
