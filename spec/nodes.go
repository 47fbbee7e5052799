package spec

import (
	"iter"

	"go.yaml.in/yaml/v4"
)

// deref follows an alias to what it stands for.
func deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// entry is one key of a mapping with its value.
type entry struct {
	key   *yaml.Node
	value *yaml.Node // never an alias
}

// entries yields the keys of a mapping, its own before those merged with <<.
// Documents are free of alias cycles when this is called.
func entries(n *yaml.Node) iter.Seq2[string, entry] {
	return func(yield func(string, entry) bool) {
		eachEntry(deref(n), map[string]bool{}, yield)
	}
}

func eachEntry(n *yaml.Node, seen map[string]bool, yield func(string, entry) bool) bool {
	if n == nil || n.Kind != yaml.MappingNode {
		return true
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], deref(n.Content[i+1])
		key := deref(k)
		if key.Value == "<<" && key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			merged = append(merged, v)
			continue
		}
		if seen[key.Value] {
			continue
		}
		seen[key.Value] = true
		if !yield(key.Value, entry{k, v}) {
			return false
		}
	}
	for _, m := range merged {
		parts := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			parts = m.Content
		}
		for _, p := range parts {
			if !eachEntry(deref(p), seen, yield) {
				return false
			}
		}
	}
	return true
}

// get returns the value of a key, or nil.
func get(n *yaml.Node, key string) *yaml.Node {
	for k, e := range entries(n) {
		if k == key {
			return e.value
		}
	}
	return nil
}

// items yields the elements of a sequence, aliases followed; a scalar or a
// mapping counts as a sequence of one.
func items(n *yaml.Node) iter.Seq2[int, *yaml.Node] {
	return func(yield func(int, *yaml.Node) bool) {
		n = deref(n)
		if n == nil {
			return
		}
		if n.Kind != yaml.SequenceNode {
			yield(0, n)
			return
		}
		for i, c := range n.Content {
			if !yield(i, deref(c)) {
				return
			}
		}
	}
}

// scalar is the text of a scalar node, or "".
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// keys notes every name that stands before a value, at whatever depth. Aliases
// lead to nodes that stand elsewhere in the document.
func keys(n *yaml.Node, into map[string]bool) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			into[c.Value] = true
		}
		keys(c, into)
	}
}
