package spec

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Error is one thing that is wrong with the files of a stack.
type Error struct {
	File   string // as shown: relative to the working directory where that is shorter; empty if no file is to blame
	Line   int    // from 1; 0 if unknown
	Column int    // from 1; 0 if unknown
	Path   string // attribute, e.g. services.web.ports[0]; may be empty
	Msg    string // what is wrong
	Hint   string // what to do instead; may be empty
	Class  error  // what errors.Is finds in it; may be nil
}

// Unwrap gives the class.
func (e *Error) Unwrap() error { return e.Class }

// Error says it in one line: file:line:column: path: message (hint).
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		if e.Line > 0 && e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(printable(e.Path) + ": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Problems is everything found wrong in one load, sorted by file and line.
type Problems []*Error

// Error gives one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, e := range p {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single problems to errors.Is and errors.As.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, e := range p {
		errs[i] = e
	}
	return errs
}

// report collects problems and notices during a load.
type report struct {
	wd      string
	found   Problems
	notices []string
	lenient bool // see Options
}

func (r *report) add(e *Error) { r.found = append(r.found, e) }

func (r *report) addf(at position, path, format string, args ...any) {
	r.add(&Error{File: r.show(at.file), Line: at.line, Column: at.column, Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (r *report) notice(at position, format string, args ...any) {
	e := &Error{File: r.show(at.file), Line: at.line, Msg: fmt.Sprintf(format, args...)}
	if !slices.Contains(r.notices, e.Error()) {
		r.notices = append(r.notices, e.Error())
	}
}

// err sorts what was found and drops repetitions; nil if nothing was found.
func (r *report) err() error {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Error(), b.Error()))
	})
	r.found = slices.CompactFunc(r.found, func(a, b *Error) bool { return *a == *b })
	return r.found
}

// fail reports err together with what was found before.
func (r *report) fail(err error) error {
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Msg: err.Error()}
	}
	r.add(known)
	return r.err()
}

// show gives a path relative to the working directory when that is shorter.
func (r *report) show(file string) string {
	if file == stdinName {
		return "<stdin>"
	}
	rel, err := filepath.Rel(r.wd, file)
	if file == "" || err != nil || len(rel) >= len(file) {
		return printable(file)
	}
	return printable(rel)
}

// printable keeps control characters of a file off the reader's terminal.
func printable(s string) string {
	if !hasControl(s, false) {
		return s
	}
	q := fmt.Sprintf("%q", s)
	return q[1 : len(q)-1]
}
