package spec

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// position is a place in a file.
type position struct {
	file         string
	line, column int
}

// sources are the files of a load, in merge order, with what extends what.
type sources struct {
	files []*source
	bases map[string][]base // by service
}

// base is a service that another one extends, however indirectly.
type base struct {
	src     *source
	service string
}

// find returns where the attribute at path was written: the last file that has
// it, else the service extended, else the nearest enclosing key.
func (ss *sources) find(path string) position {
	var at position
	best := -1
	for i := len(ss.files) - 1; i >= 0; i-- {
		if p, used := ss.files[i].find(path); used > best {
			best, at = used, p
		}
	}
	if best < len(path) {
		if p, used := ss.findBase(path); used > best {
			best, at = used, p
		}
	}
	if best <= 0 && len(ss.files) > 0 {
		return position{file: ss.files[0].file}
	}
	return at
}

// findBase looks for an attribute of a service in the services it extends.
func (ss *sources) findBase(path string) (at position, best int) {
	best = -1
	for name, bases := range ss.bases {
		own := "services." + name
		rest, ok := strings.CutPrefix(path, own+".")
		if !ok {
			continue
		}
		for _, b := range bases {
			theirs := "services." + b.service
			p, used := b.src.find(theirs + "." + rest)
			if used -= len(theirs) - len(own); used > best && used > len(own)+1 {
				best, at = used, p
			}
		}
	}
	return at, best
}

// find looks in one file, the last document first.
func (s *source) find(path string) (at position, best int) {
	best = -1
	for j := len(s.docs) - 1; j >= 0; j-- {
		if n, used := lookup(s.docs[j], nil, path, 0); used > best {
			best, at = used, position{s.file, n.Line, n.Column}
		}
	}
	return at, best
}

// lookup follows path below n as far as it goes. It returns the key (or list
// item) reached and how much of the path was used. Keys may contain dots, so
// each key of the mapping is tried against the text.
func lookup(n, key *yaml.Node, path string, used int) (*yaml.Node, int) {
	if key == nil {
		key = n
	}
	best, most := key, used
	try := func(v, k *yaml.Node, taken int) {
		rest := strings.TrimPrefix(path[taken:], ".")
		total := used + len(path) - len(rest)
		b, m := k, total
		if rest != "" {
			b, m = lookup(v, k, rest, total)
		}
		if m > most {
			best, most = b, m
		}
	}
	n = deref(n)
	switch n.Kind {
	case yaml.MappingNode:
		for k, e := range entries(n) {
			if taken, ok := startsWith(path, k); ok {
				try(e.value, e.key, taken)
			}
		}
	case yaml.SequenceNode:
		lookupItem(n, path, try)
	default: // a scalar ends the way
	}
	return best, most
}

// lookupItem tries the items of a list: by index, or by the name that a short
// form starts with (A=1, db:/data, front).
func lookupItem(n *yaml.Node, path string, try func(v, k *yaml.Node, taken int)) {
	index, taken, ok := leadingIndex(path)
	if ok && index < len(n.Content) {
		try(n.Content[index], n.Content[index], taken)
	}
	for i, c := range n.Content {
		v := deref(c)
		switch {
		case v.Kind == yaml.ScalarNode && !ok:
			name, _, _ := strings.Cut(v.Value, "=")
			if taken, hit := startsWith(path, name); hit && name != "" {
				try(v, c, taken)
			}
		case ok && i != index && v.Kind == yaml.MappingNode && len(path) > taken:
			try(v, c, taken) // merged or expanded lists: the index may be off
		}
	}
}

// startsWith tells whether path begins with the whole segment key.
func startsWith(path, key string) (int, bool) {
	if !strings.HasPrefix(path, key) {
		return 0, false
	}
	rest := path[len(key):]
	return len(key), rest == "" || rest[0] == '.' || rest[0] == '['
}

// leadingIndex reads [3] or 3 at the start of a path.
func leadingIndex(path string) (index, taken int, ok bool) {
	var text string
	if strings.HasPrefix(path, "[") {
		end := strings.IndexByte(path, ']')
		if end < 0 {
			return 0, 0, false
		}
		text, taken = path[1:end], end+1
	} else {
		text, _, _ = strings.Cut(path, ".")
		taken = len(text)
	}
	index, err := strconv.Atoi(text)
	return index, taken, err == nil && index >= 0
}
