package spec

import (
	"math/rand/v2"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// editor makes random variants of the files of a corpus.
type editor struct {
	*rand.Rand
	corpus []string
}

// text is one file with a few edits: of its tree, if it is a file that parses,
// and now and then of its bytes.
func (e *editor) text() string {
	text := pick(e, e.corpus)
	if out, ok := e.tree(text); ok && e.IntN(8) > 0 {
		text = out
		if e.IntN(8) > 0 {
			return text
		}
	}
	return e.bytes(text)
}

func pick[T any](e *editor, list []T) T { return list[e.IntN(len(list))] }

// tree edits the nodes of a file's first document.
func (e *editor) tree(text string) (string, bool) {
	var doc, other yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || yaml.Unmarshal([]byte(pick(e, e.corpus)), &other) != nil {
		return "", false
	}
	for range pick(e, []int{1, 1, 1, 2, 4}) {
		mine, theirs := nodes(&doc, nil), nodes(&other, nil)
		if len(mine) == 0 || len(theirs) == 0 {
			return "", false
		}
		e.edit(pick(e, mine), pick(e, mine), pick(e, theirs))
	}
	out, err := yaml.Marshal(&doc)
	return string(out), err == nil
}

// nodes lists all below n that may be edited. What an alias leads to is not
// followed: an edit could make a circle.
func nodes(n *yaml.Node, list []*yaml.Node) []*yaml.Node {
	for _, c := range n.Content {
		list = nodes(c, append(list, c))
	}
	return list
}

// edit changes n; a and b are other nodes, of the same file and of another.
func (e *editor) edit(n, a, b *yaml.Node) {
	switch e.IntN(8) {
	case 0: // another value
		*n = *e.value(n)
	case 1: // what stands elsewhere
		*n = *copied(a)
	case 2:
		*n = *copied(b)
	case 3:
		e.drop(n)
	case 4: // an item or a pair twice
		if i := e.item(n); i >= 0 {
			n.Content = append(n.Content, copied(n.Content[i]))
		}
	case 5: // as a list, or as the value of a name
		c := copied(n)
		if e.IntN(2) == 0 {
			*n = yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{c}}
		} else {
			*n = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{e.value(n), c}}
		}
	case 6: // two places swap
		x, y := *copied(n), *copied(a)
		*n, *a = y, x
	default: // an attribute of another file
		if n.Kind == yaml.MappingNode && b.Kind == yaml.MappingNode && len(b.Content) > 1 {
			n.Content = append(n.Content, copied(b.Content[0]), copied(b.Content[1]))
		} else {
			*n = *e.value(n)
		}
	}
}

func (e *editor) item(n *yaml.Node) int {
	if len(n.Content) == 0 {
		return -1
	}
	return e.IntN(len(n.Content))
}

// drop takes an item or a pair out, or only half a pair.
func (e *editor) drop(n *yaml.Node) {
	i := e.item(n)
	if i < 0 {
		return
	}
	to := i + 1
	if n.Kind == yaml.MappingNode {
		i -= i % 2
		to = i + 2
	}
	n.Content = slices.Delete(n.Content, i, min(to, len(n.Content)))
}

// value is a scalar of another kind, or the same one bent.
func (e *editor) value(n *yaml.Node) *yaml.Node {
	odd := []string{
		"", "null", "~", "true", "no", "0", "-1", "1.5", "9223372036854775808", "1e400", ".nan", ".inf", "0x1F", "0o17", "1s", "-1s", "1y",
		"9999999h", "64k", "-1b", "${A", "${A:-$B}", "$$", "${A?no}", "${A:+${B:-c}}", "/", "..", "./../x", "a:b:c:d", "::1", "1-", "65536", "80:80/sctp",
		"*", "<<", "services", "default", "service:web", "container:x", "host", "[]", "{}", "\x00", "\u2028", "\U0001F600", "2001-01-01", "!!binary aGk=",
		strings.Repeat("x", 300), "a=b", "=b", "a=", "@x", "x@sha256:1", "http://x/", "unix:///x", "npipe:x", "~/x", "C:\\x", "x-y",
	}
	v := pick(e, odd)
	if n.Kind == yaml.ScalarNode && n.Value != "" && e.IntN(3) == 0 {
		at := e.IntN(len(n.Value) + 1)
		v = n.Value[:at] + v + n.Value[at:]
	}
	out := &yaml.Node{Kind: yaml.ScalarNode, Value: v}
	if e.IntN(3) == 0 {
		out.Style = yaml.DoubleQuotedStyle
	}
	return out
}

func copied(n *yaml.Node) *yaml.Node {
	c := *n
	c.Anchor, c.Content = "", nil
	for _, child := range n.Content {
		c.Content = append(c.Content, copied(child))
	}
	return &c
}

// bytes takes out, doubles, or puts in what may mean something.
func (e *editor) bytes(text string) string {
	b := []byte(text)
	for range 1 + e.IntN(5) {
		if len(b) == 0 {
			return string(b)
		}
		from := e.IntN(len(b))
		to := min(len(b), from+1+e.IntN(30))
		switch e.IntN(4) {
		case 0:
			b = slices.Delete(b, from, to)
		case 1:
			b = slices.Insert(b, e.IntN(len(b)), slices.Clone(b[from:to])...)
		case 2:
			b[from] = byte(e.IntN(256))
		default:
			b = slices.Insert(b, from, []byte(pick(e, []string{":", ": ", "- ", "\n", "\t", "  ", "&a ", "*a", "<<: ", "!!int ", "!reset ", "!override ", "[", "}", "\"", "'", "#", "|", ">", "---\n", "${", "?", "%"}))...)
		}
	}
	return string(b)
}
