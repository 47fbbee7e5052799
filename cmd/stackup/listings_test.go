package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/internal/volume"
)

// TestWrongUseSaysWhatIsRight: refused before any engine is asked.
func TestWrongUseSaysWhatIsRight(t *testing.T) {
	for want, args := range map[string][]string{
		`--policy "never": must be always or missing`: {"pull", "--policy", "never"},
		`--format "yaml": must be table or json`:      {"volumes", "ls", "--format", "yaml"},
		"requires at least 1 arg(s)":                  {"volumes", "rm"},
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

// TestVolumeRows: those of the stack alone, without any engine.
func TestVolumeRows(t *testing.T) {
	g := &globals{root: t.TempDir(), state: t.TempDir()}
	if rows, err := g.volumeRows("shop"); err != nil || len(rows) > 0 {
		t.Errorf("on an empty machine: %v, %v", rows, err)
	}
	s := volume.Store{Dir: filepath.Join(g.root, "volumes")}
	for name, stack := range map[string]string{"shop_data": "shop", "other_data": "other"} {
		if err := s.Create(stack, "data", name, false); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.volumeRows("shop")
	want := []ui.VolumeRow{{Name: "shop_data", Key: "data", Project: "shop", Mountpoint: s.Data("shop_data")}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
