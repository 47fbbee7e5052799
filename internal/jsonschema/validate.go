package jsonschema

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Validate holds a value, as encoding/json reads it into an any, against the
// schema. It returns a *ValidationError if the value breaks it, and another
// error if the schema is not understood.
func (s *Schema) Validate(v any) error {
	c := &check{schema: s}
	found := c.value(s.root, v, nil)
	switch {
	case c.err != nil:
		return c.err
	case len(found) == 0:
		return nil
	default:
		return &ValidationError{ErrorKind: &kind.Group{}, Causes: found}
	}
}

// check is one validation. err is the first thing that was not understood.
type check struct {
	schema *Schema
	err    error
}

type faults = []*ValidationError

func fault(at []string, k ErrorKind, causes ...*ValidationError) *ValidationError {
	return &ValidationError{InstanceLocation: slices.Clone(at), ErrorKind: k, Causes: causes}
}

func (c *check) keywords(n *node) *keywords {
	k, err := n.keywords()
	if err != nil {
		c.err = err
		return &keywords{}
	}
	return k
}

// value stops at a value of the wrong type: nothing else can be said of it.
func (c *check) value(n *node, v any, at []string) (found faults) {
	k := c.keywords(n)
	if k.always != nil {
		if *k.always {
			return nil
		}
		return faults{fault(at, &kind.FalseSchema{})}
	}
	got := typeOf(v)
	if len(k.Type) > 0 && !slices.ContainsFunc(k.Type, func(want string) bool { return is(v, got, want) }) {
		return faults{fault(at, &kind.Type{Got: got, Want: slices.Clone(k.Type)})}
	}
	if len(k.Enum) > 0 && !slices.ContainsFunc(k.Enum, func(want any) bool { return reflect.DeepEqual(want, v) }) {
		return faults{fault(at, &kind.Enum{Got: v, Want: k.Enum})}
	}
	switch v := v.(type) {
	case map[string]any:
		found = c.object(k, v, at)
	case []any:
		found = c.list(k, v, at)
	case string:
		found = c.text(k, v, at)
	case float64:
		found = number(k, v, at)
	}
	return append(found, c.combined(k, v, at)...)
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	default:
		return fmt.Sprintf("%T", v)
	}
}

func is(v any, got, want string) bool {
	if f, ok := v.(float64); ok && want == "integer" {
		return f == math.Trunc(f)
	}
	return got == want
}

func (c *check) text(k *keywords, v string, at []string) faults {
	if k.Pattern == "" || c.matches(k.Pattern, v) {
		return nil
	}
	return faults{fault(at, &kind.Pattern{Got: v, Want: k.Pattern})}
}

func number(k *keywords, v float64, at []string) (found faults) {
	rat := func(f float64) *big.Rat { return new(big.Rat).SetFloat64(f) }
	if k.Minimum != nil && v < *k.Minimum {
		found = append(found, fault(at, &kind.Minimum{Got: rat(v), Want: rat(*k.Minimum)}))
	}
	if k.Maximum != nil && v > *k.Maximum {
		found = append(found, fault(at, &kind.Maximum{Got: rat(v), Want: rat(*k.Maximum)}))
	}
	return found
}

func (c *check) list(k *keywords, v []any, at []string) (found faults) {
	if k.UniqueItems {
		found = twins(v, at)
	}
	if k.Items == nil {
		return found
	}
	for i, item := range v {
		found = append(found, c.value(k.Items, item, append(at, strconv.Itoa(i)))...)
	}
	return found
}

// twins finds the first two items that are equal.
func twins(v []any, at []string) faults {
	for j := range v {
		for i := range j {
			if reflect.DeepEqual(v[i], v[j]) {
				return faults{fault(at, &kind.UniqueItems{First: i, Second: j})}
			}
		}
	}
	return nil
}

func (c *check) object(k *keywords, v map[string]any, at []string) (found faults) {
	var missing, unknown []string
	for _, name := range k.Required {
		if _, ok := v[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		found = append(found, fault(at, &kind.Required{Missing: missing}))
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		known := c.properties(k, name)
		for _, n := range known {
			found = append(found, c.value(n, v[name], append(at, name))...)
		}
		if len(known) > 0 || k.AdditionalProperties == nil {
			continue
		}
		if a := c.keywords(k.AdditionalProperties).always; a != nil && !*a {
			unknown = append(unknown, name)
			continue
		}
		found = append(found, c.value(k.AdditionalProperties, v[name], append(at, name))...)
	}
	if len(unknown) > 0 {
		found = append(found, fault(at, &kind.AdditionalProperties{Properties: unknown}))
	}
	return found
}

// properties are the schemas that a property is held against.
func (c *check) properties(k *keywords, name string) (out []*node) {
	if n := k.Properties[name]; n != nil {
		out = append(out, n)
	}
	for pattern, n := range k.PatternProperties {
		if c.matches(pattern, name) {
			out = append(out, n)
		}
	}
	return out
}

func (c *check) matches(pattern, text string) bool {
	known, ok := c.schema.patterns.Load(pattern)
	if !ok {
		re, err := regexp.Compile(pattern)
		if err != nil {
			c.err = err
			return false
		}
		known, _ = c.schema.patterns.LoadOrStore(pattern, re)
	}
	return known.(*regexp.Regexp).MatchString(text)
}
