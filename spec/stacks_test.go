package spec

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"
)

// TestStacks loads the files of testdata/stacks, each in a copy of the folder
// files beside it. NAME.golden is the Stack as JSON, with its notices.
// Together they write out every attribute that is honoured.
func TestStacks(t *testing.T) {
	files, err := filepath.Glob("testdata/stacks/*.yaml")
	if err != nil || len(files) < 60 {
		t.Fatalf("only %d stacks: %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml"), func(t *testing.T) {
			o := Options{WorkingDir: stackFolder(t, f), Files: []string{filepath.Base(f)}, Store: "testdata/stacks/files/store"}
			text := stackText(t, o)
			if again := stackText(t, o); again != text {
				t.Errorf("another stack when loaded again:\n%s", cmp.Diff(text, again))
			}
			stackGolden(t, strings.TrimSuffix(f, ".yaml")+".golden", strings.ReplaceAll(text, o.WorkingDir, "$DIR"))
		})
	}
	t.Run("every attribute", func(t *testing.T) { useAll(t, files) })
}

// stackFolder makes a project directory of a stack file and its helpers.
func stackFolder(t *testing.T, file string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	err := os.CopyFS(dir, os.DirFS("testdata/stacks/files"))
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, filepath.Base(file)), fileText(t, file), 0o644)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func fileText(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update to make a golden file)", err)
	}
	return data
}

// stackText loads a stack that is valid, and that comes back from JSON the
// same but for what is never written down.
func stackText(t *testing.T, o Options) string {
	t.Helper()
	s, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if found := Validate(s); found != nil {
		t.Errorf("accepted, yet not valid: %v", found)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	back := &Stack{}
	err = errors.Join(err, json.Unmarshal(text, back))
	unwritten := cmp.Options{cmpopts.IgnoreFields(Stack{}, "Notices", "Sources"), cmpopts.IgnoreFields(File{}, "Value"), cmpopts.IgnoreFields(BuildSecret{}, "Value")}
	if diff := cmp.Diff(s, back, unwritten); err != nil || diff != "" {
		t.Errorf("another stack from JSON: %v\n%s", err, diff)
	}
	return strings.Join(append([]string{string(text)}, s.Notices...), "\nnotice: ") + "\n"
}

// stackGolden compares got with a file, or writes it.
func stackGolden(t *testing.T, file, got string) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(fileText(t, file)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// useAll wants every honoured attribute written out in one of the files.
func useAll(t *testing.T, files []string) {
	r, used := newRefuser(nil, nil, nil), map[string]bool{}
	for _, f := range files {
		for _, doc := range parse(f, fileText(t, f), &report{}).docs {
			noteUse(r, doc, "", used)
		}
	}
	for _, row := range supportTable() {
		if !row.refused && !used[row.path] {
			t.Errorf("%s: honoured, yet in no file of testdata/stacks", row.path)
		}
	}
}

// noteUse notes the attributes of a node and below, in the table's terms.
func noteUse(r *refuser, n *yaml.Node, pattern string, used map[string]bool) {
	used[pattern] = true
	for key, e := range entries(n) {
		if !strings.HasPrefix(key, "x-") {
			noteUse(r, e.value, r.childPattern(pattern, key), used)
		}
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range items(n) {
			noteUse(r, item, pattern+".[]", used)
		}
	}
}

// TestConfigOfStacksLoadsAgain: what config writes of each file asks for the same.
func TestConfigOfStacksLoadsAgain(t *testing.T) {
	files, err := filepath.Glob("testdata/stacks/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, format := range []string{"yaml", "json"} {
			t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml")+" as "+format, func(t *testing.T) {
				o := Options{WorkingDir: stackFolder(t, f), Files: []string{filepath.Base(f)}, Store: "testdata/stacks/files/store"}
				before := asked(t, o)
				out, err := Config(t.Context(), o, View{Format: format})
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(o.WorkingDir, filepath.Base(f)), out, 0o644); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, asked(t, o)); diff != "" {
					t.Errorf("(-before +after)\n%s", diff)
				}
			})
		}
	}
}

// asked is what a stack asks for, wherever that is written.
func asked(t *testing.T, o Options) *Stack {
	t.Helper()
	s, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.Files, s.Disabled, s.Notices, s.Sources = nil, nil, nil, nil
	return s
}
