package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/internal/volume"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// TestWrongUseSaysWhatIsRight: refused before any engine is asked.
func TestWrongUseSaysWhatIsRight(t *testing.T) {
	for want, args := range map[string][]string{
		`--policy "never": must be always or missing`:                                 {"pull", "--policy", "never"},
		`--format "yaml": must be table or json`:                                      {"volumes", "ls", "--format", "yaml"},
		"requires at least 1 arg":                                                     {"images", "save", "-o", "x.tar"},
		"accepts 2 arg":                                                               {"images", "tag", "web"},
		"requires at least 1 arg(s)":                                                  {"volumes", "rm"},
		"standard input is no terminal to ask on: give --force to go ahead":           {"images", "prune"},
		"standard input is no terminal to ask on: give --force to go ahead (with -a)": {"images", "prune", "-a"},
	} {
		want = strings.TrimSuffix(want, " (with -a)")
		if _, err := execute(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

func TestPullNotes(t *testing.T) {
	got := pullNotes(app.Pulled{Here: []string{"a:1", "b:1"}, Pulled: []string{"a:1"}, Failed: []string{"b:1", "c:1"}})
	want := []string{
		"image b:1 was not pulled; up takes the one that is on this machine",
		"image c:1 was not pulled and is not on this machine",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPrintPruned(t *testing.T) {
	for want, p := range map[string]inspect.Pruned{
		"Total reclaimed space: 0B\n": {},
		"Deleted Images:\nuntagged: a:1\nuntagged: a:2\ndeleted: sha256:1\n\nTotal reclaimed space: 12.3MB\n": {
			Untagged: []string{"a:1", "a:2"}, Deleted: []string{"sha256:1"}, Freed: 12_300_000,
		},
	} {
		var out bytes.Buffer
		if err := printPruned(&out, p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestYes(t *testing.T) {
	for in, want := range map[string]bool{
		"y\n": true, "Y\n": true, "yes\r\n": true, " Yes \n": true, "y": true,
		"": false, "\n": false, "n\n": false, "yesterday\n": false, "no\ny\n": false,
	} {
		if got := yes(strings.NewReader(in)); got != want {
			t.Errorf("%q: %t", in, got)
		}
	}
}

// TestWriteWhole: a failure leaves what was there, and nothing else.
func TestWriteWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.tar")
	text := func(s string, end error) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return errors.Join(err, end) }
	}
	broken := errors.New("no such image")
	steps := []struct {
		write func(io.Writer) error
		err   error
		want  string
	}{
		{text("half", broken), broken, ""},
		{text("one", nil), nil, "one"},
		{text("half", broken), broken, "one"},
		{text("two", nil), nil, "two"},
	}
	for i, s := range steps {
		if err := writeWhole(path, s.write); !errors.Is(err, s.err) {
			t.Errorf("step %d: %v, want %v", i, err, s.err)
		}
		b, _ := os.ReadFile(path) // not there at first
		if string(b) != s.want {
			t.Errorf("step %d: %q, want %q", i, b, s.want)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 1 {
			t.Errorf("step %d: left %v, %v", i, left, err)
		}
	}
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink("web.tar", link); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(link, text("3", nil)); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "3" { // through the link, shorter than before
		t.Errorf("%q, %v", b, err)
	}
	if err := writeWhole(filepath.Join(path, "no-folder"), text("", nil)); err == nil {
		t.Error("a file in no folder was written")
	}
}

// TestVolumeRows: those of the stack alone, without any engine.
func TestVolumeRows(t *testing.T) {
	g := &globals{root: t.TempDir(), state: t.TempDir()}
	if rows, err := g.volumeRows("shop"); err != nil || len(rows) > 0 {
		t.Errorf("on an empty machine: %v, %v", rows, err)
	}
	s := volume.Store{Dir: filepath.Join(g.root, "volumes")}
	for name, stack := range map[string]string{"shop_data": "shop", "other_data": "other"} {
		if err := s.Create(planner.Volume{Key: "data", Name: name, Stack: stack, Labels: []spec.Pair{{Name: "a", Value: "b"}}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.volumeRows("shop")
	want := []ui.VolumeRow{{Name: "shop_data", Key: "data", Project: "shop", Labels: []spec.Pair{{Name: "a", Value: "b"}}, Mountpoint: s.Data("shop_data")}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
