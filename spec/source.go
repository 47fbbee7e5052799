package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// source is one file as the user wrote it.
type source struct {
	file  string // absolute, or stdinName
	data  []byte
	docs  []*yaml.Node
	sizes map[*yaml.Node]int // nodes below, aliases counted where they are used
}

// parse reads the YAML documents of a file and refuses what no later stage
// should have to cope with: repeated keys, aliases to themselves, bombs.
func parse(file string, data []byte, rep *report) *source {
	s := &source{file: file, data: data, sizes: map[*yaml.Node]int{}}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		doc := &yaml.Node{}
		err := dec.Decode(doc)
		if errors.Is(err, io.EOF) {
			return s
		}
		if err != nil {
			rep.add(withTabHint(yamlError(rep.show(file), err), data))
			return nil
		}
		if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
			continue
		}
		root := doc.Content[0]
		w := &nodeWalk{src: s, rep: rep, active: map[*yaml.Node]bool{}}
		if _, err := w.size(root, "", 0); err != nil {
			rep.add(err)
			return nil
		}
		s.docs = append(s.docs, root)
	}
}

// A syntax error of the library reads "while … at line 2, column 3: found …".
const yamlPlace = `(?: at|,)? ?(?:<unknown position>|line (\d+))(?:[,:] ?column (\d+))?`

// yamlError moves the line out of the text of a syntax error.
func yamlError(file string, err error) *Error {
	e := &Error{File: file, Msg: err.Error()}
	if m := regexp.MustCompile(yamlPlace).FindStringSubmatch(e.Msg); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Column, _ = strconv.Atoi(m[2])
	}
	e.Msg = strings.ReplaceAll(regexp.MustCompile(yamlPlace).ReplaceAllString(e.Msg, ""), "::", ":")
	e.Msg = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(e.Msg, "go-"), "yaml: "))
	e.Msg = "not valid YAML: " + printable(strings.ReplaceAll(e.Msg, "\n", " "))
	return e
}

// withTabHint names the mistake behind the library's oddest message.
func withTabHint(e *Error, data []byte) *Error {
	text := bytes.Split(data, []byte("\n"))
	if e.Line > 0 && e.Line <= len(text) && bytes.HasPrefix(bytes.TrimLeft(text[e.Line-1], " "), []byte("\t")) {
		e.Hint = "indent with spaces, not with tabs"
	}
	return e
}

// nodeWalk measures a document and looks for structural mistakes.
type nodeWalk struct {
	src    *source
	rep    *report
	active map[*yaml.Node]bool // nodes on the way from the root to here
}

func (w *nodeWalk) at(n *yaml.Node, path, format string, args ...any) *Error {
	return &Error{
		File: w.rep.show(w.src.file), Line: n.Line, Column: n.Column,
		Path: path, Msg: fmt.Sprintf(format, args...),
	}
}

// size counts a node and all below it, as often as aliases repeat them.
func (w *nodeWalk) size(n *yaml.Node, path string, depth int) (int, *Error) {
	if n.Kind == yaml.AliasNode {
		if w.active[n.Alias] {
			return 0, w.at(n, path, "the alias *%s stands inside what it refers to, a cycle", printable(n.Value))
		}
		n = n.Alias
	}
	if size, ok := w.src.sizes[n]; ok {
		return size, nil
	}
	if depth > maxDepth {
		return 0, w.at(n, "", "nested deeper than %d levels", maxDepth)
	}
	w.active[n] = true
	defer delete(w.active, n)
	if err := w.keys(n, path); err != nil {
		return 0, err
	}
	total := 1
	for i, c := range n.Content {
		size, err := w.size(c, childPath(n, i, path), depth+1)
		if err != nil {
			return 0, err
		}
		if total += size; total > maxNodes {
			return 0, w.at(n, path, "more than %d YAML nodes, counting each alias where it is used", maxNodes)
		}
	}
	w.src.sizes[n] = total
	return total, nil
}

// keys refuses a key that stands twice in one mapping.
func (w *nodeWalk) keys(n *yaml.Node, path string) *Error {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode && k.Kind != yaml.AliasNode {
			return w.at(k, path, "a key must be a plain word, not a list or a mapping")
		}
		if first := seen[k.Value]; first != nil && k.Kind == yaml.ScalarNode {
			return w.at(k, join(path, k.Value), "defined twice, first in line %d", first.Line)
		}
		seen[k.Value] = k
	}
	return nil
}

func childPath(n *yaml.Node, i int, path string) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return fmt.Sprintf("%s[%d]", path, i)
	case n.Kind == yaml.MappingNode && i%2 == 1:
		return join(path, n.Content[i-1].Value)
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
