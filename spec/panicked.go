package spec

import (
	"fmt"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/schema"
	"go.yaml.in/yaml/v4"
)

// panicked makes an error of a panic inside the library. It merges values before
// it holds them against the schema, and panics over those of a wrong type: the
// schema knows what is wrong with them.
func (s *scan) panicked(v any) error {
	for _, src := range s.all.files {
		for _, doc := range src.docs {
			if doc.Tag == "!reset" {
				return &Error{File: s.rep.show(src.file), Line: doc.Line, Column: doc.Column, Msg: "!reset takes the whole file away"}
			}
			model, ok := plainTree(doc).(map[string]any)
			if !ok {
				continue
			}
			if err := schema.Validate(model); err != nil {
				return fmt.Errorf("validating %s: %w", src.file, err)
			}
			if n, msg := unfit(doc); n != nil {
				return &Error{File: s.rep.show(src.file), Line: n.Line, Column: n.Column, Msg: printable(n.Value) + " " + msg}
			}
			if what := odd(model); what != "" {
				return fmt.Errorf("validating %s: %s", src.file, what)
			}
		}
	}
	return fmt.Errorf("the Compose library cannot cope with these files: %v", v)
}

// unfit finds a value of a type that the library has no room for, and says why.
func unfit(n *yaml.Node) (*yaml.Node, string) {
	if n.Kind == yaml.ScalarNode {
		switch decoded(*n).(type) {
		case uint64:
			return n, "is too large a number"
		case time.Time:
			return n, "is a date; in quotes it is text"
		}
	}
	for _, c := range n.Content {
		if found, why := unfit(c); found != nil {
			return found, why
		}
	}
	return nil, ""
}

// odd is what the schema lets through in a build's contexts and in limits: the
// path, and what is wrong with it.
func odd(model map[string]any) string {
	services, _ := model["services"].(map[string]any)
	for name, v := range services {
		service, _ := v.(map[string]any)
		build, _ := service["build"].(map[string]any)
		contexts, _ := build["additional_contexts"].(map[string]any)
		for key, value := range contexts {
			if _, ok := value.(string); !ok {
				return "services." + name + ".build.additional_contexts." + key + " must be a string"
			}
		}
		for where, limits := range map[string]any{".ulimits": service["ulimits"], ".build.ulimits": build["ulimits"]} {
			if what := oddLimit(limits); what != "" {
				return "services." + name + where + what
			}
		}
	}
	return ""
}

func oddLimit(limits any) string {
	all, _ := limits.(map[string]any)
	for key, limit := range all {
		if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") != "" {
			return fmt.Sprintf(" has no limit named %q", key)
		}
		ends, _ := limit.(map[string]any)
		for _, v := range []any{limit, ends["soft"], ends["hard"]} {
			if _, is := v.(float64); is {
				return "." + key + " must be a whole number of no more than 64 bits"
			}
		}
	}
	return ""
}

// plainTree is a node as the schema takes it, with variables as they are written.
func plainTree(n *yaml.Node) any {
	switch n = deref(n); {
	case n == nil:
		return nil
	case n.Kind == yaml.MappingNode:
		out := map[string]any{}
		for key, e := range entries(n) {
			out[key] = plainTree(e.value)
		}
		return out
	case n.Kind == yaml.SequenceNode:
		out := []any{}
		for _, item := range items(n) {
			out = append(out, plainTree(item))
		}
		return out
	default:
		return plainScalar(*n)
	}
}

func plainScalar(n yaml.Node) any {
	if v := decoded(n); !isTime(v) {
		return v
	}
	return 0 // not text, which the schema would take a date for
}

func isTime(v any) bool { _, is := v.(time.Time); return is }

func decoded(n yaml.Node) any {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		n.Tag = "" // !reset, !override
	}
	var v any
	if n.Decode(&v) != nil {
		return n.Value
	}
	return v
}
