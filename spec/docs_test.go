package spec

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const docFile = "../docs/compose-compatibility.md"

// TestDocumentedTableIsTheSupportTable keeps docs/compose-compatibility.md true: what
// stands between its markers is written from the table (-update rewrites it).
func TestDocumentedTableIsTheSupportTable(t *testing.T) {
	data, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin: attributes -->\n", "<!-- end: attributes -->\n"
	before, rest, ok1 := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no markers for the table", docFile)
	}
	want := before + begin + attributeTables() + end + after
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("run with -update (-want +got):\n%s", diff)
	}
}

func attributeTables() string {
	var yes, never strings.Builder
	yes.WriteString("### Honoured\n\n| attribute | remarks |\n|---|---|\n")
	never.WriteString("\n### Refused for good\n\n| attribute | unless | why, and what instead |\n|---|---|---|\n")
	for _, row := range supportTable() {
		path := strings.ReplaceAll(row.path, ".[]", "[]")
		if !row.refused {
			fmt.Fprintf(&yes, "| `%s` | %s |\n", path, row.what)
			continue
		}
		var unless []string
		for _, v := range row.allowed {
			unless = append(unless, fmt.Sprintf("`%v`", v))
		}
		if row.needs != "" {
			unless = append(unless, "`STACKUP_"+row.needs+"` is set")
		}
		fmt.Fprintf(&never, "| `%s` | %s | %s |\n", path, strings.Join(unless, ", "), row.what)
	}
	return yes.String() + never.String()
}
