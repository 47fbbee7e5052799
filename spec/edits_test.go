package spec

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The random edits of a run, for longer ones (see CONTRIBUTING.md).
const (
	editsVar = "STACKUP_EDITS"     // how many
	seedVar  = "STACKUP_EDIT_SEED" // of the first; a failure names its own
)

// TestRandomEdits loads files of the corpus with random edits: each returns
// soon, with an answer for humans or with a stack that is valid and can be
// printed, and leaves the project directory as it was.
func TestRandomEdits(t *testing.T) {
	count, seed := fromEnv(t, editsVar, 3000), fromEnv(t, seedVar, uint64(time.Now().UnixNano()))
	if testing.Short() {
		count = min(count, 300)
	}
	corpus := editCorpus(t)
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.CopyFS(dir, os.DirFS("testdata/stacks/files")); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	accepted := 0
	for i := range count {
		if t.Failed() {
			t.Fatalf("stopped after %d edits from seed %d", i, seed)
		}
		e := &editor{rand.New(rand.NewPCG(seed+i, 0)), corpus}
		if loadEdited(t, dir, seed+i, e.text()) {
			accepted++
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the project directory has changed:\n%s\nwas:\n%s", after, before)
	}
	t.Logf("%d edits from seed %d: %d accepted", count, seed, accepted)
	if accepted == 0 && count >= 300 {
		t.Error("nothing was accepted: the edits are too coarse to test anything")
	}
}

func fromEnv(t *testing.T, name string, standard uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// editCorpus is what the edits start from.
func editCorpus(t *testing.T) (texts []string) {
	t.Helper()
	for _, pattern := range []string{"testdata/stacks/*.yaml", "testdata/corpus/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			if text := fileText(t, f); len(text) < 20_000 { // the larger ones only hurt by their size
				texts = append(texts, string(text))
			}
		}
	}
	return texts
}

// listing is the names, sizes and times of all files of a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// loadEdited says whether the text was accepted. Whatever fails names the seed
// and the text.
func loadEdited(t *testing.T, dir string, seed uint64, text string) (accepted bool) {
	t.Helper()
	where := fmt.Sprintf("%s=1 %s=%d", editsVar, seedVar, seed)
	hang := time.AfterFunc(20*time.Second, func() { panic("hangs: " + where + "\n" + text) })
	defer hang.Stop()
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("%s: panic: %v\n%s", where, v, text)
		}
	}()
	o := Options{WorkingDir: dir, Files: []string{"-"}, ProjectDir: dir, Stdin: strings.NewReader(text)}
	s, err := Load(t.Context(), o)
	switch {
	case err != nil && strings.Contains(err.Error(), "cannot cope with these files"):
		t.Errorf("%s: the library panics: %v\n%s", where, err, text)
	case err != nil && strings.TrimSpace(err.Error()) == "":
		t.Errorf("%s: an error without a message\n%s", where, text)
	case err != nil:
		return false
	case Validate(s) != nil:
		t.Errorf("%s: accepted, yet not valid: %v\n%s", where, Validate(s), text)
	}
	o.Stdin = strings.NewReader(text)
	if _, err := Config(t.Context(), o, View{}); err != nil {
		t.Errorf("%s: accepted, yet config fails: %v\n%s", where, err, text)
	}
	return true
}
