package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hasControl tells whether s holds control characters or is not UTF-8; with
// text set, line breaks and tabs are fine.
func hasControl(s string, text bool) bool {
	if !utf8.ValidString(s) {
		return true
	}
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && (!text || r != '\n' && r != '\t')
	})
}

// checkStrings refuses control characters in what the enabled services and the
// rest of the model say. They could only fool a terminal, a log or a label.
func (s *scan) checkStrings(model map[string]any) {
	for _, k := range slices.Sorted(maps.Keys(model)) {
		v := model[k]
		if k == "services" {
			v = s.enabled(v)
		}
		if !strings.HasPrefix(k, "x-") {
			s.strings(v, k)
		}
	}
}

func (s *scan) strings(value any, path string) {
	switch v := value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if hasControl(k, false) {
				s.control(path, "a name")
			} else if !strings.HasPrefix(k, "x-") {
				s.strings(v[k], join(path, k))
			}
		}
	case []any:
		for i, e := range v {
			s.strings(e, fmt.Sprintf("%s[%d]", path, i))
		}
	case string:
		if hasControl(v, isText(path)) {
			s.control(path, "the value")
		}
	}
}

func (s *scan) control(path, what string) {
	s.rep.addf(s.all.find(path), path, "%s holds control characters", what)
}

// isText tells whether an attribute may span lines.
func isText(path string) bool {
	if strings.HasPrefix(path, "configs.") && strings.HasSuffix(path, ".content") {
		return true
	}
	rest, ok := strings.CutPrefix(path, "services.")
	if !ok {
		return false
	}
	for _, part := range []string{".environment", ".command", ".entrypoint", ".labels", ".healthcheck.test", ".build.args", ".build.dockerfile_inline"} {
		if strings.Contains(rest, part) {
			return true
		}
	}
	return false
}
