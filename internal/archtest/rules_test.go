package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const module = "stackup.dev/stackup"

// pkg is what go list says of a package.
type pkg struct {
	Name         string
	ImportPath   string
	Dir          string
	GoFiles      []string
	CgoFiles     []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// short is the path below the module.
func (p pkg) short() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func (p pkg) testImports() []string { return slices.Concat(p.TestImports, p.XTestImports) }

// within says whether path is pattern, or below it if pattern ends in "/...".
func within(path, pattern string) bool {
	if pattern == "..." {
		return true
	}
	base, tree := strings.CutSuffix(pattern, "/...")
	return path == base || tree && strings.HasPrefix(path, base+"/")
}

func withinAny(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return within(path, p) })
}

// below says whether an import path is root or under it, whatever the major
// version ("x/v2" is under "x").
func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// rowOf finds the row of a package; an exact row wins over a tree.
func rowOf(table []row, name string) (row, bool) {
	for _, r := range table {
		if r.pkg == name {
			return r, true
		}
	}
	for _, r := range table {
		if within(name, r.pkg) {
			return r, true
		}
	}
	return row{}, false
}

// checkArrows gives the imports of ours that a package's row does not allow.
func checkArrows(table []row, p pkg) []string {
	r, ok := rowOf(table, p.short())
	if !ok {
		return []string{fmt.Sprintf("%s has no row: add a row to the table in rows_test.go, with a reason", p.short())}
	}
	bad := arrows(p, p.Imports, r.may, r, "imports")
	inTests := slices.Concat(r.may, r.tests, []string{p.short(), "internal/dev/..."})
	return append(bad, arrows(p, p.testImports(), inTests, r, "in its tests imports")...)
}

func arrows(p pkg, imports, may []string, r row, verb string) []string {
	var bad []string
	for _, i := range imports {
		ours, isOurs := strings.CutPrefix(i, module+"/")
		if isOurs && !withinAny(ours, may) {
			bad = append(bad, fmt.Sprintf("%s %s %s: %s", p.short(), verb, ours, r.reason))
		}
	}
	return bad
}

// checkForeign gives the libraries that a package imports and should not.
func checkForeign(table []foreign, p pkg) []string {
	var bad []string
	for _, f := range table {
		root := f.path
		if ours, ok := strings.CutPrefix(root, "our/"); ok {
			root = module + "/" + ours
		}
		imports := p.Imports
		if !f.tests {
			imports = slices.Concat(imports, p.testImports())
		}
		for _, i := range imports {
			if below(i, root) && !withinAny(p.short(), f.by) && !below(p.ImportPath, root) {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", p.short(), i, f.reason))
			}
		}
	}
	return bad
}

// checkName refuses shelves.
func checkName(p pkg) []string {
	name := path.Base(p.ImportPath)
	if slices.Contains(shelves, name) || strings.HasSuffix(name, "util") || strings.HasSuffix(name, "utils") {
		return []string{fmt.Sprintf("%s: %q names a shelf, not an idea", p.short(), name)}
	}
	return nil
}

// checkHelper gives what makes a helper program heavy.
func checkHelper(p pkg) []string {
	if p.Name != "main" || withinAny(p.short(), large) {
		return nil
	}
	var bad []string
	for _, d := range p.Deps {
		for _, h := range heavy {
			if below(d, h) {
				bad = append(bad, fmt.Sprintf("%s links %s: a helper program must stay small", p.short(), d))
			}
		}
	}
	return bad
}
