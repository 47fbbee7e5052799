package volume

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func newStore(t *testing.T) Store {
	t.Helper()
	return Store{Dir: filepath.Join(t.TempDir(), "volumes")}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listed compares what the store lists.
func listed(t *testing.T, s Store, want ...planner.Volume) {
	t.Helper()
	got, err := s.List()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
}

var data = planner.Volume{Key: "data", Name: "shop_data", Stack: "shop"}

func TestALifeFromCreateToRemove(t *testing.T) {
	s := newStore(t)
	listed(t, s)
	must(t, s.Create(data))
	must(t, s.Create(planner.Volume{Name: "0123abcd", Stack: "shop", Anonymous: true}))
	listed(t, s, planner.Volume{Name: "0123abcd", Stack: "shop", Anonymous: true}, data)
	for _, name := range []string{"shop_data", "0123abcd", "never-there"} {
		must(t, s.Remove(name))
	}
	listed(t, s)
	if left, err := os.ReadDir(s.Dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestCreateLeavesWhatIsThere: neither the data nor the owner change.
func TestCreateLeavesWhatIsThere(t *testing.T) {
	s := newStore(t)
	must(t, s.Create(data))
	file := filepath.Join(s.Data("shop_data"), "db")
	must(t, os.WriteFile(file, []byte("rows"), 0o600))
	must(t, s.Create(planner.Volume{Key: "x", Name: "shop_data", Stack: "other", Anonymous: true, Labels: []spec.Pair{{Name: "a"}}}))
	listed(t, s, data)
	if b, err := os.ReadFile(file); err != nil || string(b) != "rows" {
		t.Errorf("data %q, %v", b, err)
	}
}

// TestLabelsChangeInPlace: nothing else does.
func TestLabelsChangeInPlace(t *testing.T) {
	s := newStore(t)
	must(t, s.Create(data))
	want := data
	want.Labels = []spec.Pair{{Name: "a", Value: "b"}}
	now := want
	now.Key, now.Made = "other", spec.LocalMount{Type: "tmpfs", Device: "tmpfs"}
	must(t, s.Create(now))
	listed(t, s, want)
	must(t, s.Create(data))
	listed(t, s, data)
}

func TestInterruptedCreation(t *testing.T) {
	s := newStore(t)
	must(t, os.MkdirAll(s.Data("shop_data"), 0o755)) // killed before the record was written
	must(t, os.WriteFile(filepath.Join(s.Dir, "shop_data", ".volume.json.new"), []byte("{"), 0o600))
	listed(t, s)
	must(t, s.Create(data))
	listed(t, s, data)
	must(t, s.Remove("shop_data"))
	listed(t, s)
}

func TestInterruptedRemoval(t *testing.T) {
	left := map[string]func(*testing.T, Store){
		"data gone":          func(t *testing.T, s Store) { must(t, os.RemoveAll(s.Data("shop_data"))) },
		"data gone in parts": func(t *testing.T, s Store) { must(t, os.Remove(filepath.Join(s.Data("shop_data"), "b"))) },
		"a file aside": func(t *testing.T, s Store) {
			must(t, os.WriteFile(filepath.Join(s.Dir, "shop_data", ".volume.json.new"), nil, 0o600))
		},
	}
	for name, interrupt := range left {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			must(t, s.Create(data))
			for _, f := range []string{"a", "b"} {
				must(t, os.WriteFile(filepath.Join(s.Data("shop_data"), f), nil, 0o600))
			}
			interrupt(t, s)
			listed(t, s, data) // still seen, so that the next run finishes it
			must(t, s.Remove("shop_data"))
			if left, err := os.ReadDir(s.Dir); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func TestRecordsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":2,"name":"shop_data"}`: "has version 2, this stackup reads 1",
		`{}`:                               "has version 0, this stackup reads 1",
		`{`:                                "volume.json: unexpected end",
	} {
		s := newStore(t)
		must(t, statedir.WriteFile(s.recordPath("shop_data"), []byte(text), 0o600))
		if got, err := s.List(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestNamesThatAreNoFolders(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../up", "a/b", "/abs", ".hidden", "nul\x00"} {
		s := newStore(t)
		if err := s.Create(planner.Volume{Key: "k", Name: name, Stack: "shop"}); err == nil {
			t.Errorf("%q was taken", name)
		}
		if _, err := os.Stat(s.Dir); err == nil {
			t.Errorf("%q left a folder", name)
		}
	}
}

func TestFillTakesOnlyAnEmptyVolume(t *testing.T) {
	s := newStore(t)
	must(t, s.Create(data))
	fill := func(text string) {
		must(t, s.Fill("shop_data", func(into string) error {
			return os.WriteFile(filepath.Join(into, "f"), []byte(text), 0o600)
		}))
	}
	failed := s.Fill("shop_data", func(into string) error {
		must(t, os.WriteFile(filepath.Join(into, "half"), nil, 0o600))
		return os.ErrPermission
	})
	if !errors.Is(failed, os.ErrPermission) {
		t.Errorf("a failing fill: %v", failed)
	}
	fill("first")
	fill("second")
	got, err := os.ReadFile(filepath.Join(s.Data("shop_data"), "f"))
	must(t, err)
	if string(got) != "first" {
		t.Errorf("content: %q", got)
	}
	left, err := os.ReadDir(filepath.Join(s.Dir, "shop_data"))
	if err != nil || len(left) != 2 { // _data and the record
		t.Errorf("left: %v, %v", left, err)
	}
}
