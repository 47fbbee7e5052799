package spec

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/schema"
)

// The forms of the library's errors that name an attribute.
const (
	unknownForm = `(?s)^validating .+?: (.*?) ?additional properties '(.*?)'(?:, '.*)? not allowed`
	falseForm   = `(?s)^validating .+?: (\S+\.\S+) false schema$`
	invalidForm = `(?s)^validating .+?: (\S+) (.*)$`
	interpForm  = `(?s)^error while interpolating (\S+): (.*)$`
	formatForm  = `(?s)^invalid interpolation format for (\S+?)\.\n.*?\n(.*)$`
	mappingForm = `^(\S+) (must be a mapping)$`
	castForm    = `failed to cast to expected type: (?:(strconv)\.\w+: parsing|invalid boolean:) (.*?)(?:: invalid syntax|: value out of range)?$`
	decodeForm  = `(?s)'?((?:services|networks|volumes)[\[.][^\s':]+)'?:? (.*)$`
)

// explain turns an error of the library into problems with positions.
func (s *scan) explain(err error) {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			s.explain(e)
		}
		return
	}
	var own *Error
	if errors.As(err, &own) {
		s.rep.add(own)
		return
	}
	text := err.Error()
	switch {
	case s.explainUnknown(text), s.explainEmpty(text), s.explainAt(interpForm, text, ""), s.explainAt(formatForm, text, "not a valid variable reference: "),
		s.explainAt(invalidForm, text, ""), s.explainAt(decodeForm, text, ""), s.explainAt(mappingForm, text, ""):
		return
	}
	s.rep.add(&Error{File: s.onlyFile(), Msg: printable(strings.ReplaceAll(text, "\n", " "))})
}

// onlyFile is the file to blame when there is just one.
func (s *scan) onlyFile() string {
	if len(s.all.files) == 1 {
		return s.rep.show(s.all.files[0].file)
	}
	return ""
}

// explainEmpty says what a file without content lacks.
func (s *scan) explainEmpty(text string) bool {
	if text != "empty compose file" {
		return false
	}
	s.rep.add(&Error{File: s.onlyFile(), Msg: "the file is empty", Hint: "it needs at least services:"})
	return true
}

// explainUnknown finds the attribute meant by one that the schema does not know.
func (s *scan) explainUnknown(text string) bool {
	parent, name := "", ""
	if m := regexp.MustCompile(unknownForm).FindStringSubmatch(text); m != nil {
		parent, name = m[1], m[2]
	} else if m := regexp.MustCompile(falseForm).FindStringSubmatch(text); m != nil {
		parent, name = m[1][:strings.LastIndexByte(m[1], '.')], m[1][strings.LastIndexByte(m[1], '.')+1:]
	} else {
		return false
	}
	path, msg, hint := join(parent, name), "unknown attribute", ""
	switch parent {
	case "services", "networks", "volumes":
		msg = "not a valid name"
		hint = "use letters, digits, dots, dashes and underscores"
	default:
		if best := nearest(name, siblings(parent)); best != "" {
			hint = "did you mean " + best + "?"
		}
	}
	at := s.all.find(path)
	s.rep.add(&Error{File: s.rep.show(at.file), Line: at.line, Column: at.column, Path: path, Msg: msg, Hint: hint})
	return true
}

func (s *scan) explainAt(form, text, prefix string) bool {
	m := regexp.MustCompile(form).FindStringSubmatch(text)
	if m == nil {
		return false
	}
	path := plainPath(m[1])
	s.rep.addf(s.all.find(path), path, "%s%s", prefix, plainWords(m[2]))
	return true
}

// plainPath turns the library's ways to write a path into ours:
// services[web].ports.[].target, services.web.ports.0 -> services.web.ports[0].
func plainPath(path string) string {
	path = strings.ReplaceAll(strings.Trim(path, "."), ".[]", "")
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	var b strings.Builder
	for i, p := range parts {
		switch _, err := strconv.Atoi(p); {
		case err == nil && i > 2:
			b.WriteString("[" + p + "]")
		case i > 0:
			b.WriteString("." + p)
		default:
			b.WriteString(p)
		}
	}
	return b.String()
}

// plainWords says in words for humans what the schema check says in its own.
func plainWords(msg string) string {
	msg = strings.ReplaceAll(strings.ReplaceAll(msg, "\n", " "), "a array", "a list")
	if i := strings.Index(msg, " does not match pattern"); i > 0 {
		msg = msg[:i] + " is not of a valid form (letters, digits, and _ . - between them)"
	}
	if msg == "must be a null" { // the last of several types it might have had
		msg = "is of the wrong type"
	}
	if m := regexp.MustCompile(castForm).FindStringSubmatch(msg); m != nil {
		msg = m[2] + " is not a number"
		if m[1] == "" {
			msg = m[2] + " is neither true nor false"
		}
	}
	return printable(strings.ReplaceAll(msg, "array", "list"))
}

// siblings are the attributes that the schema knows at a path.
func siblings(path string) []string {
	parts := strings.Split(path, ".")
	if path == "" {
		parts = nil
	}
	var names []string
	for _, p := range schema.AttributePaths() {
		attr := strings.Split(strings.ReplaceAll(string(p), ".[]", ".*"), ".")
		if len(attr) == len(parts)+1 && matches(attr, parts) {
			names = append(names, attr[len(parts)])
		}
	}
	return names
}

func matches(pattern, parts []string) bool {
	for i, p := range parts {
		if pattern[i] != "*" && pattern[i] != p {
			return false
		}
	}
	return true
}

// nearest is the name closest to a misspelt one, or "" if none is close.
func nearest(word string, names []string) string {
	best := slices.MinFunc(append(names, ""), func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(word, a), distance(word, b)), cmp.Compare(a, b))
	})
	if distance(word, best) > max(1, len(word)/3) {
		return ""
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 99
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
