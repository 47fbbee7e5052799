package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// service checks what must hold of a service before the library expands it.
func (s *scan) service(src *source, name string, e entry, sc scope) {
	at := position{src.file, e.key.Line, e.key.Column}
	path := join("services", name)
	if s.services++; s.services == maxServices+1 {
		s.rep.addf(at, "services", "more than %d services in one stack", maxServices)
	}
	s.portList(src, get(e.value, "ports"), path+".ports", sc)
	s.volumeList(src, get(e.value, "volumes"), path+".volumes", sc)
	s.extends(src, name, e.value, sc, []string{extendsStep(src.file, name)})
}

// job checks what must hold of a job, which counts as a service does.
func (s *scan) job(src *source, name string, e entry, sc scope) {
	if s.services++; s.services == maxServices+1 {
		s.rep.addf(position{src.file, e.key.Line, e.key.Column}, "jobs", "more than %d services in one stack", maxServices)
	}
	s.portList(src, get(e.value, "ports"), join("jobs", name)+".ports", sc)
	s.volumeList(src, get(e.value, "volumes"), join("jobs", name)+".volumes", sc)
}

// extends follows extends to its end. Each use of a base counts again: the
// library copies it.
func (s *scan) extends(src *source, name string, service *yaml.Node, sc scope, chain []string) {
	ext := get(service, "extends")
	if ext == nil || s.nodes > maxNodes {
		return
	}
	path := join("services", name) + ".extends"
	at := position{src.file, ext.Line, ext.Column}
	ref := ext.Value
	if ext.Kind == yaml.MappingNode {
		ref, _ = s.text(src, get(ext, "service"), path+".service", sc)
		if n := get(ext, "file"); n != nil {
			file, ok := s.text(src, n, path+".file", sc)
			if !ok {
				return
			}
			at = position{src.file, n.Line, n.Column}
			file = absFrom(sc.base, file)
			if src = s.open(file, false, at, path+".file"); src == nil {
				return
			}
			sc.base = filepath.Dir(file)
		}
	}
	step := extendsStep(src.file, ref)
	if chainHas(chain, step) {
		s.extendsCycle(at, path, append(chain, step))
		return
	}
	_, top, _ := strings.Cut(chain[0], "\x00")
	s.all.bases[top] = append(s.all.bases[top], base{src, ref})
	for _, doc := range src.docs {
		base := get(get(doc, "services"), ref)
		if base == nil {
			continue
		}
		s.count(src.sizes[base], s.countPorts(get(base, "ports"), sc), at, path)
		s.extends(src, ref, base, sc, append(chain[:len(chain):len(chain)], step))
	}
}

func extendsStep(file, service string) string { return file + "\x00" + service }

func (s *scan) extendsCycle(at position, path string, chain []string) {
	ring := slices.Clone(chain[slices.Index(chain, chain[len(chain)-1]):])
	chain = ring
	members := slices.Compact(slices.Sorted(slices.Values(ring)))
	if s.rings[strings.Join(members, "\n")] {
		return // told already, seen from another of its services
	}
	s.rings[strings.Join(members, "\n")] = true
	shown := make([]string, len(chain))
	for i, c := range chain {
		file, service, _ := strings.Cut(c, "\x00")
		shown[i] = fmt.Sprintf("%s (%s)", printable(service), s.rep.show(file))
	}
	s.rep.addf(at, path, "extends cycle: %s", strings.Join(shown, " -> "))
}

// portList counts the ports of a service and checks the syntax of short forms,
// after the count: a range is not expanded before it is known to be small.
func (s *scan) portList(src *source, list *yaml.Node, path string, sc scope) {
	for i, n := range items(list) {
		at := position{src.file, n.Line, n.Column}
		before := s.ports
		if s.count(0, s.countPorts(n, sc), at, path); s.ports > maxPorts || n.Kind != yaml.ScalarNode {
			continue
		}
		text, ok := s.text(src, n, path, sc)
		if !ok {
			continue
		}
		if _, err := types.ParsePortConfig(text); err != nil && s.ports-before <= maxPorts {
			s.rep.addf(at, childPath(list, i, path), "%q is not a port mapping: %v", text, err)
		}
	}
}

// countPorts tells how many ports the entries of a list publish at most.
func (s *scan) countPorts(list *yaml.Node, sc scope) int {
	total := 0
	for _, n := range items(list) {
		if n.Kind != yaml.ScalarNode {
			total++
			continue
		}
		text, _ := s.text(&source{}, n, "", sc)
		total += rangeSize(text)
	}
	return total
}

// rangeSize is the number of container ports in [[IP:]HOST:]FIRST-LAST[/PROTO].
func rangeSize(text string) int {
	text, _, _ = strings.Cut(text, "/")
	first, last, isRange := strings.Cut(text[strings.LastIndexByte(text, ':')+1:], "-")
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if !isRange || err1 != nil || err2 != nil || to < from {
		return 1
	}
	return to - from + 1
}

// volumeList checks the syntax of short forms where they stand.
func (s *scan) volumeList(src *source, list *yaml.Node, path string, sc scope) {
	for i, n := range items(list) {
		if n.Kind != yaml.ScalarNode {
			if scalar(get(n, "type")) == "bind" && get(n, "source") == nil {
				s.rep.addf(position{src.file, n.Line, n.Column}, childPath(list, i, path), "a bind mount needs a source")
			}
			continue
		}
		text, ok := s.text(src, n, path, sc)
		if !ok {
			continue
		}
		if _, err := format.ParseVolume(text); err != nil {
			s.rep.addf(position{src.file, n.Line, n.Column}, childPath(list, i, path), "%q is not a volume: %v", printable(text), err)
		}
	}
}
