package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fillLog writes numbered lines and waits until what is full is compressed.
func fillLog(t *testing.T, w *Writer, from, to int) {
	t.Helper()
	scratch := make([]byte, 0, maxBatch)
	for i := from; i < to; i++ {
		w.add(Stdout, []byte(fmt.Sprintf("line %06d %s\n", i, strings.Repeat("x", 80))), scratch, false, nil)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		busy := w.packs
		w.mu.Unlock()
		if !busy {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it is still compressing")
		}
	}
}

func forms(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// linesOf gives the numbers of the lines that a reader sees.
func linesOf(t *testing.T, dir string, tail int) (out []string) {
	t.Helper()
	err := Read(t.Context(), []Source{{ID: "c", Name: "c", Dir: dir}}, Options{Tail: tail}, func(_ Source, r Record) error {
		out = append(out, strings.Fields(string(r.Text))[1])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCompress: full files are compressed, rotate, and read as before.
func TestCompress(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(dir, Config{MaxSize: minMaxSize, MaxFiles: 3, Compress: true})
	fillLog(t, w, 0, 700)
	if got := forms(t, dir); got != "log log.1.gz log.2.gz" {
		t.Errorf("there is %s", got)
	}
	all := linesOf(t, dir, -1)
	for i, n := range all {
		if want := fmt.Sprintf("%06d", 700-len(all)+i); n != want {
			t.Fatalf("line %d is %s, want %s", i, n, want)
		}
	}
	if len(all) < 500 {
		t.Errorf("%d lines are left of three files", len(all))
	}
	if last := linesOf(t, dir, 450); len(last) != 450 || last[0] != "000250" {
		t.Errorf("the last 450 lines are %d, from %s", len(last), last[0])
	}
	w.SetConfig(Config{MaxSize: minMaxSize, MaxFiles: 2})
	if got := forms(t, dir); got != "log log.1.gz" {
		t.Errorf("after a smaller bound there is %s", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCompressAfterACrash: what a killed writer has left half done is no harm.
func TestCompressAfterACrash(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(dir, Config{MaxSize: minMaxSize, MaxFiles: 3})
	fillLog(t, w, 0, 700)
	before := linesOf(t, dir, -1)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(os.WriteFile(filepath.Join(dir, aside), []byte("half"), 0o600)) // killed while it compressed
	in, err := os.Open(filepath.Join(dir, "log.2"))
	try(err)
	try(packInto(filepath.Join(dir, "log.2.gz"), in)) // killed before the plain one was removed
	try(in.Close())
	if got := linesOf(t, dir, -1); strings.Join(got, " ") != strings.Join(before, " ") {
		t.Errorf("%d lines are read, were %d", len(got), len(before))
	}
	w = NewWriter(dir, Config{MaxSize: minMaxSize, MaxFiles: 3, Compress: true})
	fillLog(t, w, 700, 1400)
	if got := forms(t, dir); got != "log log.1.gz log.2.gz" {
		t.Errorf("there is %s", got)
	}
	all := linesOf(t, dir, -1)
	if all[len(all)-1] != "001399" || len(all) < 500 {
		t.Errorf("%d lines, the last %s", len(all), all[len(all)-1])
	}
}

// TestFollowOverCompressed: a reader that follows sees each line once while files
// are compressed under it.
func TestFollowOverCompressed(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(dir, Config{MaxSize: minMaxSize, MaxFiles: 4, Compress: true})
	fillLog(t, w, 0, 100)
	seen := 0
	go func() {
		for i := 100; i < 3000; i += 50 {
			fillLog(t, w, i, i+50)
			time.Sleep(time.Millisecond)
		}
	}()
	err := Read(t.Context(), []Source{{ID: "c", Name: "c", Dir: dir}}, Options{Follow: true, Tail: -1}, func(_ Source, r Record) error {
		if got, want := strings.Fields(string(r.Text))[1], fmt.Sprintf("%06d", seen); got != want {
			return fmt.Errorf("line %s, want %s", got, want)
		}
		if seen++; seen == 3000 {
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Error(err)
	}
}

var errDone = errors.New("all is read")
