package planner

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPlannerIsPure: the package can do no I/O, and reads neither clock nor dice.
func TestPlannerIsPure(t *testing.T) {
	allowed := []string{
		"cmp", "crypto/sha256", "encoding/hex", "errors", "fmt", "maps", "slices", "strconv", "strings", "time",
		"stackup.dev/stackup/spec",
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", e.Name(), path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && s.Sel.Name != "Duration" {
					t.Errorf("%s uses time.%s", e.Name(), s.Sel.Name)
				}
			}
			return true
		})
	}
}
