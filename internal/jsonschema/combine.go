package jsonschema

import (
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// combined holds a value against the schemas that this one refers to.
func (c *check) combined(k *keywords, v any, at []string) (found faults) {
	for _, n := range c.all(k) {
		found = append(found, c.value(n, v, at)...)
	}
	if matched, broken := c.any(k.AnyOf, v, at); len(k.AnyOf) > 0 && matched == 0 {
		found = append(found, fault(at, &kind.Group{}, broken...))
	}
	if matched, broken := c.any(k.OneOf, v, at); len(k.OneOf) > 0 && matched != 1 {
		if matched > 1 {
			broken = nil
		}
		found = append(found, fault(at, &kind.OneOf{Matched: matched}, broken...))
	}
	if o, ok := v.(map[string]any); ok && k.UnevaluatedProperties != nil {
		found = append(found, c.unevaluated(k, o, at)...)
	}
	return found
}

// all are the schemas that a value must fit as well.
func (c *check) all(k *keywords) []*node {
	if k.Ref == "" {
		return k.AllOf
	}
	n, err := c.schema.target(k.Ref)
	if err != nil {
		c.err = err
		return k.AllOf
	}
	return append([]*node{n}, k.AllOf...)
}

func (c *check) any(of []*node, v any, at []string) (matched int, broken faults) {
	for _, n := range of {
		if found := c.value(n, v, at); len(found) > 0 {
			broken = append(broken, found...)
		} else {
			matched++
		}
	}
	return matched, broken
}

func (c *check) unevaluated(k *keywords, v map[string]any, at []string) (found faults) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if !c.evaluates(k, name) {
			found = append(found, c.value(k.UnevaluatedProperties, v[name], append(at, name))...)
		}
	}
	return found
}

// evaluates says whether a property is known here, or to a schema that must be
// fitted as well (JSON Schema 2020-12, section 11.3).
func (c *check) evaluates(k *keywords, name string) bool {
	if len(c.properties(k, name)) > 0 || k.AdditionalProperties != nil {
		return true
	}
	return slices.ContainsFunc(c.all(k), func(n *node) bool { return c.evaluates(c.keywords(n), name) })
}
