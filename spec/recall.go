package spec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Memo is what a Load has come to, with all that it depended on, to be kept
// and handed to a later Recall. It holds values of the environment and of env
// files: keep it as private as they are.
type Memo struct {
	stack *Stack
	extra []input // read after the scan
	sum   string
}

// input is a file that was read beside the stack files; data is nil if it was
// not there.
type input struct {
	path string
	data []byte
}

// noted is a Memo as it is kept. Whoever keeps it sees to it that only the
// same program reads it again.
type noted struct {
	Sum     string   `json:"sum"`
	Extra   []string `json:"extra,omitempty"` // files to read after those of the scan
	Stack   *Stack   `json:"stack"`
	Notices []string `json:"notices,omitempty"`
}

// Recall is Load, but for a stack that kept knows, none of whose inputs has
// changed since, it spares the work: the files are read and held against what
// was noted. kept gives by the stack's name what Memo.Bytes has given earlier,
// or nil. The Memo is nil where nothing new is to be kept.
func Recall(ctx context.Context, o Options, kept func(stack string) []byte) (*Stack, *Memo, error) {
	warm()
	rep := &report{}
	sc, name, err := open(rep, o)
	if err != nil {
		return nil, nil, err
	}
	if s := sc.recall(kept(name)); s != nil {
		return s, nil, nil
	}
	scanned := len(sc.guard.inputs)
	_, stack, err := sc.load(ctx, name)
	if stack != nil {
		stack.Sources = sc.sources(nil)
	}
	if err != nil || !sc.notable() {
		return stack, nil, err
	}
	return stack, &Memo{stack: stack, extra: sc.guard.inputs[scanned:], sum: sc.sum(sc.guard.inputs)}, nil
}

// Bytes is the form in which a Memo is kept. The stack must not have been
// changed since Recall.
func (m *Memo) Bytes() ([]byte, error) {
	n := noted{Sum: m.sum, Stack: m.stack, Notices: m.stack.Notices}
	for _, in := range m.extra {
		n.Extra = append(n.Extra, in.path)
	}
	return json.Marshal(n)
}

// recall gives the noted stack, or nil if it is not known to be the same still.
func (s *scan) recall(note []byte) *Stack {
	if len(note) == 0 || !s.notable() {
		return nil
	}
	var n noted
	if err := json.Unmarshal(note, &n); err != nil || n.Stack == nil {
		return nil
	}
	again := &guard{dir: s.guard.dir, trust: s.guard.trust}
	for _, path := range n.Extra {
		if _, err := again.read(path, false); err != nil && !notExist(err) {
			return nil // the full load says what is wrong with it
		}
	}
	if s.sum(slices.Concat(s.guard.inputs, again.inputs)) != n.Sum {
		return nil
	}
	n.Stack.Notices, n.Stack.Sources = n.Notices, s.sources(n.Extra)
	return n.Stack
}

// sources are the files that were read, or looked for, and those of extra.
func (s *scan) sources(extra []string) []string {
	out := append(slices.Collect(maps.Keys(s.parsed)), extra...)
	for _, in := range s.guard.inputs {
		out = append(out, in.path)
	}
	for i, name := range out {
		if !filepath.IsAbs(name) {
			out[i] = filepath.Join(s.dir, name)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(name string) bool { return filepath.Base(name) == stdinName })
}

// notable says whether the scan has seen all that a load depends on. Included
// files have environments of their own, standard input comes once, and values
// of the environment that a file shall hold are not to be kept.
func (s *scan) notable() bool {
	return !s.fromEnvironment && !slices.Contains(s.files, stdinName) && !slices.ContainsFunc(s.all.files, func(src *source) bool {
		return !literal(src) || slices.ContainsFunc(src.docs, func(doc *yaml.Node) bool { return get(doc, "include") != nil })
	})
}

// literal says whether the names of variables stand in the file as they are:
// none is written by escapes, and none that is passed through is composed.
func literal(src *source) bool {
	if bytes.Contains(src.data, []byte(`\x`)) || bytes.Contains(src.data, []byte(`\u`)) || bytes.Contains(src.data, []byte(`\U`)) {
		return false
	}
	for _, doc := range src.docs {
		for _, e := range entries(get(doc, "services")) {
			for _, list := range []*yaml.Node{get(e.value, "environment"), get(get(e.value, "build"), "args")} {
				for _, n := range items(list) {
					if name, _, _ := strings.Cut(n.Value, "="); strings.Contains(name, "$") {
						return false
					}
				}
			}
		}
	}
	return true
}

// sum identifies everything that a load of these files depends on: their
// content, that of further inputs, options, and the variables that are named
// anywhere in them.
func (s *scan) sum(inputs []input) string {
	h := sha256.New()
	host, _ := os.Hostname() // placement may be bound to it
	put(h, s.dir, s.guard.dir, fmt.Sprint(s.Trust, s.MaxReplicas), s.Store, s.ProjectName, host)
	put(h, s.files...)
	put(h, s.Profiles...)
	var texts [][]byte
	for _, path := range slices.Sorted(maps.Keys(s.parsed)) {
		put(h, path, string(s.parsed[path].data))
		texts = append(texts, s.parsed[path].data)
	}
	for _, in := range inputs {
		put(h, in.path, fmt.Sprint(in.data != nil), string(in.data))
		texts = append(texts, in.data)
	}
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		if matters(name, texts) {
			put(h, name, s.env[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// matters says whether a variable may have a bearing on the model: paths
// begin with ~, settings with their prefix, all others have to be named.
func matters(name string, texts [][]byte) bool {
	if name == "HOME" || strings.HasPrefix(name, "COMPOSE_") || strings.HasPrefix(name, "STACKUP_") {
		return true
	}
	return slices.ContainsFunc(texts, func(t []byte) bool { return bytes.Contains(t, []byte(name)) })
}

// put writes a list of texts so that no two lists give the same bytes.
func put(h hash.Hash, texts ...string) {
	_, _ = fmt.Fprintf(h, "%d;", len(texts))
	for _, t := range texts {
		_, _ = fmt.Fprintf(h, "%d:", len(t))
		_, _ = io.WriteString(h, t)
	}
}
