package planner

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"stackup.dev/stackup/spec"
)

var update = flag.Bool("update", false, "write what the stories give as what they want")

// TestStories compares plans, as text, with the ones in testdata. Each story
// has a stack (JSON of spec.Stack), a state and options (see parseState and
// parseOptions) and the plan or error wanted; of
// commands other than up and down also which.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, a)
			last := &a.Files[len(a.Files)-1]
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func tell(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	part := map[string]string{}
	for _, f := range a.Files {
		part[f.Name] = string(f.Data)
	}
	if a.Files[len(a.Files)-1].Name != "want" {
		t.Fatal("the last part of a story is what it wants")
	}
	var stack spec.Stack
	if err := json.Unmarshal([]byte(part["stack"]), &stack); err != nil {
		t.Fatal(err)
	}
	p, err := command(t, part["command"], &stack, parseState(t, &stack, part["state"]), parseOptions(t, part["options"]))
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return p.String()
}

// command plans what a story is about: up and down unless it names another
// command, and what that takes besides the options.
func command(t *testing.T, text string, stack *spec.Stack, st State, o Options) (*Plan, error) {
	t.Helper()
	words := strings.Fields(text + " up")
	if slices.Contains(words, "nofile") {
		stack = &spec.Stack{Name: stack.Name}
	}
	for _, w := range words[1:] {
		if name, ids, ok := strings.Cut(w, "="); ok {
			if st.Users == nil {
				st.Users = map[string][]string{}
			}
			st.Users[name] = strings.Split(ids, ",")
		}
	}
	switch words[0] {
	case "start":
		return MakeStart(stack, st, o)
	case "restart":
		return MakeRestart(stack, st, o)
	case "kill":
		return MakeKill(stack, st, words[1], o)
	case "pause":
		return MakePause(stack, st, o.Only)
	case "unpause":
		return MakeUnpause(stack, st, o.Only)
	case "rm":
		return MakeRemove(stack, st, slices.Contains(words, "stop"), o)
	case "up":
		return Make(stack, st, o)
	}
	t.Fatalf("unknown command %q", text)
	return nil, nil
}

func parseOptions(t *testing.T, text string) Options {
	t.Helper()
	var o Options
	flags := map[string]*bool{
		"force": &o.ForceRecreate, "orphans": &o.RemoveOrphans, "volumes": &o.RemoveVolumes, "wait": &o.Wait, "down": &o.Down,
		"build": &o.Build, "no-start": &o.NoStart, "no-deps": &o.NoDeps, "no-build": &o.NoBuild,
		"no-recreate": &o.NoRecreate, "recreate-deps": &o.RecreateDeps, "renew": &o.RenewVolumes,
	}
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case flags[key] != nil:
			*flags[key] = true
		case key == "for":
			o.For = value
		case key == "alone":
			o.Alone = true
		case key == "only":
			o.Only = strings.Split(value, ",")
		case key == "timeout":
			d, err := time.ParseDuration(value)
			if err != nil {
				t.Fatal(err)
			}
			o.Timeout = &d
		default:
			t.Fatalf("unknown option %q", word)
		}
	}
	return o
}
