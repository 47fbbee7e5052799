package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// parse reads the non-test files of a package.
func parse(p pkg) ([]*ast.File, error) {
	var files []*ast.File
	fset := token.NewFileSet()
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// names maps the names by which a file knows its imports to their paths.
func names(f *ast.File) map[string]string {
	m := map[string]string{}
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		m[name] = p
	}
	return m
}

// checkPure gives the impure imports of a file, and its uses of the clock.
func checkPure(f *ast.File) []string {
	var bad []string
	imported := names(f)
	for name, p := range imported {
		if slices.ContainsFunc(impure, func(i string) bool { return below(p, i) }) {
			bad = append(bad, fmt.Sprintf("imports %s: planning does no I/O and has no clock and no dice", p))
		}
		if p == "time" && name == "." {
			bad = append(bad, "imports time with a dot: its use of the clock could not be seen")
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, pkg := selected(n); imported[pkg] == "time" && slices.Contains(clock, s) {
			bad = append(bad, "uses time."+s+": planning has no clock")
		}
		return true
	})
	slices.Sort(bad)
	return bad
}

// selected takes x.Sel apart.
func selected(n ast.Node) (sel, x string) {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if id, ok := s.X.(*ast.Ident); ok {
		return s.Sel.Name, id.Name
	}
	return "", ""
}

// checkNoLeak gives the exported declarations of a file that show a type of
// the library under root.
func checkNoLeak(f *ast.File, root string) []string {
	var bad []string
	imported := names(f)
	for name, node := range exported(f) {
		ast.Inspect(node, func(n ast.Node) bool {
			if s, pkg := selected(n); below(imported[pkg], root) {
				bad = append(bad, fmt.Sprintf("exported %s shows %s.%s", name, pkg, s))
			}
			return true
		})
	}
	// The library's package name may differ from the end of its path ("v2").
	for _, p := range imported {
		if below(p, root) && strings.HasPrefix(path.Base(p), "v") && path.Base(p) != "validation" {
			bad = append(bad, fmt.Sprintf("imports %s without a name", p))
		}
	}
	slices.Sort(bad)
	return bad
}

// exported gives the visible part of each exported declaration: signatures,
// types, and the types of variables.
func exported(f *ast.File) map[string]ast.Node {
	out := map[string]ast.Node{}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() {
				out[d.Name.Name] = d.Type
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				addSpec(out, s)
			}
		}
	}
	return out
}

func addSpec(out map[string]ast.Node, s ast.Spec) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			out[s.Name.Name] = s.Type
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() {
				out[n.Name] = s // values too: their type may be inferred
			}
		}
	}
}
