package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// refuser walks a loaded model and reports every attribute that the support
// table does not honour.
type refuser struct {
	rows  map[string]support
	below map[string]bool // patterns that have rows below them
	given func(setting string) bool
	at    func(path string) position
	rep   *report
}

func newRefuser(given func(setting string) bool, at func(string) position, rep *report) *refuser {
	r := &refuser{rows: map[string]support{}, below: map[string]bool{}, given: given, at: at, rep: rep}
	for _, row := range supportTable() {
		r.rows[row.path] = row
		for p := row.path; ; {
			i := strings.LastIndexByte(p, '.')
			if i < 0 {
				break
			}
			p = p[:i]
			r.below[p] = true
		}
	}
	return r
}

// walk checks value, which stands at path; pattern is the path in the table's terms.
func (r *refuser) walk(value any, path, pattern string) {
	switch v := value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if k == extension && pattern != "services.*" {
				at, p := r.at(join(path, k)), join(path, k)
				r.rep.addf(at, p, "it belongs to a service")
			}
			if !strings.HasPrefix(k, "x-") && !strings.HasPrefix(k, "#") {
				r.attribute(v[k], join(path, k), r.childPattern(pattern, k))
			}
		}
	case []any:
		for i, e := range v {
			r.walk(e, fmt.Sprintf("%s[%d]", path, i), pattern+".[]")
		}
	}
}

// childPattern prefers the row of that very key to the one for any name.
func (r *refuser) childPattern(pattern, key string) string {
	p := join(pattern, key)
	if likeService(pattern) && !r.has(p) {
		pattern = "services.*"
		p = join(pattern, key)
	}
	if _, ok := r.rows[p]; ok || r.below[p] || !r.below[join(pattern, "*")] && !r.has(join(pattern, "*")) {
		return p
	}
	return join(pattern, "*")
}

// likeService knows what has the attributes of a service beside its own.
func likeService(pattern string) bool {
	return pattern == "services.*.pre_start.[]" || pattern == "jobs.*"
}

func (r *refuser) has(pattern string) bool { _, ok := r.rows[pattern]; return ok }

func (r *refuser) attribute(value any, path, pattern string) {
	row, known := r.rows[pattern]
	switch {
	case !known:
		r.refuse(path, row)
	case row.refused && row.empty && isEmpty(value):
	case row.needs != "":
		if !r.given(row.needs) {
			r.refuse(path, row)
		}
		r.walk(value, path, pattern)
	case row.refused && !slices.Contains(row.allowed, plainValue(value)):
		r.refuse(path, row)
	case !row.refused && r.below[pattern]:
		r.walk(value, path, pattern)
	}
}

func isEmpty(v any) bool {
	m, ok := v.(map[string]any)
	return v == nil || ok && len(m) == 0
}

// plainValue gives nil for what cannot be compared with ==.
func plainValue(v any) any {
	switch v.(type) {
	case string, bool, int:
		return v
	}
	return nil
}

func (r *refuser) refuse(path string, row support) {
	at, msg := r.at(path), "not supported yet"
	if row.refused {
		msg = "not possible here"
	}
	r.rep.add(&Error{
		File: r.rep.show(at.file), Line: at.line, Column: at.column,
		Path: path, Msg: msg, Hint: row.what,
	})
}
