package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/planner"
)

// TestCopyChoosesContainers: one to copy from, all to copy to; of a replica the
// incarnation that runs, else the newest.
func TestCopyChoosesContainers(t *testing.T) {
	list := append(street(), one("web2old", "web", 2, planner.TaskStopped), one("web1new", "web", 1, planner.TaskStopped), one("once", "web", planner.OneOff, planner.TaskRunning))
	list[len(list)-2].Generation = 2
	for name, tt := range map[string]struct {
		c    Copying
		want string // containers that have the file, or "error: " and a part of it
	}{
		"into all":               {Copying{Service: "web", Into: true}, "web1new web2 web3"},
		"into one":               {Copying{Service: "web", Into: true, Index: 3}, "web3"},
		"into those of run, too": {Copying{Service: "web", Into: true, All: true}, "once web1new web2 web3"},
		"no such replica":        {Copying{Service: "web", Into: true, Index: 4}, `error: service "web" has no container #4`},
		"no container":           {Copying{Service: "none", Into: true}, `error: no container found for service "none"`},
	} {
		t.Run(name, func(t *testing.T) {
			a, m := newApp(t)
			m.list, m.files = list, t.TempDir()
			for _, c := range list {
				if err := os.Mkdir(filepath.Join(m.files, c.ID), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			tt.c.Outside, tt.c.Inside = filepath.Join(t.TempDir(), "f"), "/f"
			if err := os.WriteFile(tt.c.Outside, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := a.Copy(t.Context(), "shop", tt.c); err != nil {
				got = "error: " + err.Error()
			} else {
				var have []string
				found, _ := filepath.Glob(m.files + "/*/f")
				for _, f := range found {
					have = append(have, filepath.Base(filepath.Dir(f)))
				}
				got = strings.Join(have, " ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCopyOutOfTheFirst(t *testing.T) {
	a, m := newApp(t)
	m.list, m.files = street(), t.TempDir()
	for _, id := range []string{"web1", "web2"} {
		if err := os.MkdirAll(filepath.Join(m.files, id), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(m.files, id, "f"), []byte("of "+id), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "n")
	if err := a.Copy(t.Context(), "shop", Copying{Service: "web", Inside: "f", Outside: to}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "of web1" {
		t.Errorf("%q, %v", b, err)
	}
	var archive bytes.Buffer
	if err := a.Copy(t.Context(), "shop", Copying{Service: "web", Index: 2, Inside: "f", Archive: &archive}); err != nil || !strings.Contains(archive.String(), "of web2") {
		t.Errorf("archive: %v", err)
	}
	if err := a.Copy(t.Context(), "shop", Copying{Service: "web", Into: true, Inside: "/", Archive: &archive}); err == nil || !strings.Contains(err.Error(), "choose one by --index") {
		t.Errorf("an archive for several: %v", err)
	}
}
