package spec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

// TestSchemaCheck: what internal/jsonschema says of a document is what the
// library says in whose place it stands: of the same documents that they are
// right, and of the others the same place. The documents are made from the
// schema itself, right and wrong.
func TestSchemaCheck(t *testing.T) {
	var docs [][]byte
	var in bytes.Buffer
	g := newGenerator(t)
	for range 4000 {
		b, err := json.Marshal(g.value(g.schema, 0))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, b)
		in.Write(append(b, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-C", "../internal/tools/schema", "-buildvcs=false", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as all programs are built here
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := json.NewDecoder(bytes.NewReader(out))
	var theirs string
	if err := said.Decode(&theirs); err != nil || theirs != schema.Schema {
		t.Fatalf("not the same schema: update compose-go in internal/tools/schema too (%v)", err)
	}
	right := 0
	for _, doc := range docs {
		var want *string
		if err := said.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			right++
		}
		compareVerdicts(t, doc, want)
	}
	if right < 200 || right > len(docs)-200 {
		t.Errorf("%d of %d documents are right: a test of nothing", right, len(docs))
	}
}

func compareVerdicts(t *testing.T, doc []byte, want *string) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(doc, &m); err != nil {
		t.Fatal(err)
	}
	err := schema.Validate(m)
	if (err == nil) != (want == nil) {
		t.Errorf("%s\n got %v\nwant %v", doc, err, text(want))
	}
	if err == nil || want == nil {
		return
	}
	if got := err.Error(); depth(got) != depth(*want) {
		t.Errorf("%s\n got %v\nwant %v", doc, got, *want)
	}
}

// depth is what the library prefers one complaint by to another. Of several that
// are as deep it takes any.
func depth(complaint string) int {
	at, what, _ := strings.Cut(complaint, " ")
	if strings.HasPrefix(what, "additional properties") {
		at += ".x"
	}
	return strings.Count(at, ".")
}

func text(s *string) string {
	if s == nil {
		return "nothing"
	}
	return *s
}

// generator makes documents from a schema, most of its parts right.
type generator struct {
	rng    *rand.Rand
	schema map[string]any
	defs   map[string]any
}

func newGenerator(t *testing.T) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(1, 2))}
	if err := json.Unmarshal([]byte(schema.Schema), &g.schema); err != nil {
		t.Fatal(err)
	}
	g.defs = g.schema["$defs"].(map[string]any)
	return g
}

func (g *generator) value(n any, depth int) any {
	s, ok := n.(map[string]any)
	if !ok {
		return "x"
	}
	if ref, ok := s["$ref"].(string); ok {
		return g.value(g.defs[strings.TrimPrefix(ref, "#/$defs/")], depth)
	}
	if g.rng.IntN(60) == 0 && depth > 0 {
		return []any{nil, true, -1.5, 3.0, "", "x y", []any{"a", "a"}, map[string]any{"z": 1.0}}[g.rng.IntN(8)]
	}
	for _, choice := range []string{"oneOf", "anyOf"} {
		if of, ok := s[choice].([]any); ok {
			return g.value(of[g.rng.IntN(len(of))], depth)
		}
	}
	if of, ok := s["enum"].([]any); ok {
		return of[g.rng.IntN(len(of))]
	}
	return g.typed(s, depth)
}

func (g *generator) typed(s map[string]any, depth int) any {
	kind := s["type"]
	if several, ok := kind.([]any); ok {
		kind = several[g.rng.IntN(len(several))]
	}
	switch kind {
	case "string":
		return []any{"a", "b", "10", "1s", "x.y"}[g.rng.IntN(5)]
	case "number", "integer":
		return []any{1.0, 7.0, 1024.0, 0.0}[g.rng.IntN(4)]
	case "boolean":
		return g.rng.IntN(2) == 0
	case "null":
		return nil
	case "array":
		list := []any{}
		for range g.rng.IntN(3) {
			list = append(list, g.value(s["items"], depth+1))
		}
		return list
	default:
		return g.object(s, depth)
	}
}

func (g *generator) object(s map[string]any, depth int) map[string]any {
	out := map[string]any{}
	for _, part := range append([]any{s}, list(s["allOf"])...) {
		if ref, ok := part.(map[string]any)["$ref"].(string); ok {
			part = g.defs[strings.TrimPrefix(ref, "#/$defs/")]
		}
		p, _ := part.(map[string]any)
		props, _ := p["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(props)) {
			if depth == 0 && name == "services" || g.rng.IntN(len(props)/3+1) == 0 {
				out[name] = g.value(props[name], depth+1)
			}
		}
		patterns, _ := p["patternProperties"].(map[string]any)
		for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
			if v := patterns[pattern]; pattern != "^x-" {
				out[fmt.Sprintf("n%d", g.rng.IntN(9))] = g.value(v, depth+1)
			}
		}
	}
	if g.rng.IntN(50) == 0 {
		out["no_such"] = "x"
	}
	return out
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
