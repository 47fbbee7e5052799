package spec

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/paths"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// scan reads, before the library does, every file that it is going to read:
// the stack files and what they include and extend. It enforces the limits and
// the trust boundary, and keeps the nodes for positions in messages.
type scan struct {
	*setup
	all      *sources           // in merge order
	parsed   map[string]*source // by absolute path; nil for a file that cannot be parsed
	nodes    int
	ports    int
	services int
	rings    map[string]bool   // cycles of extends told already
	volumes  types.Volumes     // top level, once merged
	tops     map[string]joined // networks of the top level that services are on

	unswapped       map[string]bool // services with mem_swappiness: 0, which is not the same as none
	fromEnvironment bool            // a config or secret is a variable's value
}

// scope is where a file stands: what its relative paths start from, what its
// variables mean, and the chain of includes that led to it.
type scope struct {
	base  string
	env   types.Mapping
	chain []string
}

func newScan(s *setup) *scan {
	return &scan{setup: s, parsed: map[string]*source{}, rings: map[string]bool{}, all: &sources{bases: map[string][]base{}}}
}

// run scans the user's files and all they lead to; problems go to the report.
func (s *scan) run() {
	for _, f := range s.files {
		if src := s.open(f, true, position{}, ""); src != nil {
			s.file(src, scope{base: s.dir, env: s.env, chain: []string{f}})
		}
	}
}

// open reads and parses a file once. A failure is reported at each place that names the file.
func (s *scan) open(file string, named bool, at position, path string) *source {
	if src, ok := s.parsed[file]; ok {
		return src
	}
	data, err := s.read(file, named)
	switch {
	case err != nil && at.file == "":
		s.rep.addf(position{file: file}, "", "%v", err)
		return nil
	case err != nil:
		s.rep.addf(at, path, "%s: %v", s.rep.show(file), err)
		return nil
	}
	src := parse(file, data, s.rep)
	s.parsed[file] = src
	if src != nil {
		s.all.files = append(s.all.files, src)
	}
	return src
}

func (s *scan) read(file string, named bool) ([]byte, error) {
	if file == stdinName {
		return s.guard.readAll(s.Stdin)
	}
	return s.guard.read(file, named)
}

// file scans one stack file, includes first: they are merged first.
func (s *scan) file(src *source, sc scope) {
	if len(src.docs) > 1 {
		n := src.docs[1]
		s.rep.notice(position{src.file, n.Line, n.Column}, "a second YAML document begins here; it is merged over the first")
	}
	for _, doc := range src.docs {
		if doc.Kind != yaml.MappingNode && doc.Tag != "!!null" {
			s.rep.addf(position{src.file, doc.Line, doc.Column}, "", "a stack file is a mapping that starts with attributes such as services:")
			return
		}
		s.count(src.sizes[doc], 0, position{src.file, doc.Line, doc.Column}, "")
		if v := get(doc, "version"); v != nil {
			s.rep.notice(position{src.file, v.Line, v.Column}, "version: is obsolete and ignored")
		}
		for i, inc := range items(get(doc, "include")) {
			s.include(src, inc, childPath(get(doc, "include"), i, "include"), sc)
		}
		for name, e := range entries(get(doc, "services")) {
			s.service(src, name, e, sc)
			for i, h := range items(get(e.value, "pre_start")) {
				s.volumeList(src, get(h, "volumes"), fmt.Sprintf("services.%s.pre_start[%d].volumes", name, i), sc)
			}
		}
		for name, e := range entries(get(doc, "jobs")) {
			s.job(src, name, e, sc)
		}
	}
}

// count adds to the running totals and reports when one passes its limit.
func (s *scan) count(nodes, ports int, at position, path string) {
	if s.nodes += nodes; s.nodes > maxNodes && s.nodes-nodes <= maxNodes {
		s.rep.addf(at, path, "more than %d YAML nodes in all files, counting each alias and extends where it is used", maxNodes)
	}
	if s.ports += ports; s.ports > maxPorts && s.ports-ports <= maxPorts {
		s.rep.addf(at, path, "more than %d published ports in one stack", maxPorts)
	}
}

// text is a scalar with its variables replaced; problems are reported.
func (s *scan) text(src *source, n *yaml.Node, path string, sc scope) (string, bool) {
	n = deref(n)
	if n == nil || n.Kind != yaml.ScalarNode {
		return "", false // the schema check will say what is wrong
	}
	lookup := template.Mapping(sc.env.Resolve)
	value, err := template.SubstituteWithOptions(n.Value, lookup, template.WithoutLogging)
	if err != nil {
		return "", false // the library reports it with its path
	}
	if isRemote(value) {
		s.rep.addf(position{src.file, n.Line, n.Column}, path, "%s: only files of this machine are read; fetch it first and name the local file", printable(value))
		return "", false
	}
	return value, value != ""
}

// include follows one entry of include, as the Compose Specification's section
// "Include" resolves it: paths start from the including file's project
// directory, those in the included file from its own directory.
func (s *scan) include(src *source, inc *yaml.Node, path string, sc scope) {
	list, projectDir := inc, ""
	if inc.Kind == yaml.MappingNode {
		list = get(inc, "path")
		if nested := len(sc.chain) > 1; nested && (get(inc, "project_directory") != nil || get(inc, "env_file") != nil) {
			s.rep.addf(position{src.file, inc.Line, inc.Column}, path, "in a file that is included itself, the Compose library takes project_directory and env_file from the wrong folder; include this file from the stack file instead")
			return
		}
		if dir, ok := s.text(src, get(inc, "project_directory"), path+".project_directory", sc); ok {
			projectDir = absFrom(sc.base, dir)
		}
	}
	var files []*source
	for _, n := range items(list) {
		name, ok := s.text(src, n, path, sc)
		if !ok {
			continue
		}
		file := absFrom(sc.base, name)
		if chainHas(sc.chain, file) {
			s.cycle(position{src.file, n.Line, n.Column}, path, "include", append(sc.chain, file))
			return
		}
		if projectDir == "" {
			projectDir = filepath.Dir(file)
		}
		if f := s.open(file, false, position{src.file, n.Line, n.Column}, path); f != nil {
			files = append(files, f)
		}
	}
	env := s.includeEnv(src, inc, path, projectDir, sc)
	for _, f := range files {
		s.file(f, scope{base: projectDir, env: env, chain: append(sc.chain[:len(sc.chain):len(sc.chain)], f.file)})
	}
}

// includeEnv is the environment of an included file: the outer one, then its env_file or .env.
func (s *scan) includeEnv(src *source, inc *yaml.Node, path, projectDir string, sc scope) types.Mapping {
	at := position{src.file, inc.Line, inc.Column}
	var files []string
	for _, n := range items(get(inc, "env_file")) {
		if f, ok := s.text(src, n, path+".env_file", sc); ok && f != "/dev/null" {
			files = append(files, absFrom(sc.base, f))
		}
	}
	if def := filepath.Join(projectDir, ".env"); len(files) == 0 && len(existing(projectDir, []string{".env"})) > 0 {
		files = append(files, def)
	}
	for _, f := range files {
		if err := s.guard.check(f, false); err != nil {
			s.rep.addf(at, path+".env_file", "%s: %v", s.rep.show(f), err)
			return sc.env
		}
	}
	vars, err := dotenv.GetEnvFromFile(sc.env, files)
	if err != nil {
		return sc.env // the library reports it
	}
	return sc.env.Clone().Merge(vars)
}

func (s *scan) cycle(at position, path, word string, chain []string) {
	shown := make([]string, len(chain))
	for i, c := range chain {
		shown[i] = s.rep.show(c)
	}
	s.rep.addf(at, path, "%s cycle: %s", word, strings.Join(shown, " -> "))
}

func chainHas(chain []string, file string) bool {
	for _, c := range chain {
		if c == file {
			return true
		}
	}
	return false
}

// absFrom resolves a path of a stack file; ~ is the caller's home.
func absFrom(base, path string) string {
	path = paths.ExpandUser(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}
