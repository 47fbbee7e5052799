package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
)

func TestLogFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.log")
	l, err := openLog(path, 20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // two lines fit
		if _, err := fmt.Fprintf(l, "line %d..\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{path: "line 4..\n", path + ".1": "line 2..\nline 3..\n"}
	if diff := cmp.Diff(want, readAll(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestOpenLogMovesAFullFileAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.log")
	if err := os.WriteFile(path, []byte("old and long\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(path, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{path: "", path + ".1": "old and long\n"}
	if diff := cmp.Diff(want, readAll(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestOpenLogFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(dir, "engine.log")); err != nil {
		t.Fatal(err)
	}
	if _, err := openLog(filepath.Join(dir, "engine.log"), 5); err == nil {
		t.Error("a link was opened")
	}
}

func TestLogsPrintsBothFilesInOrder(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	var got bytes.Buffer
	if err := Logs(t.Context(), d, &got, false); err != nil || got.Len() != 0 {
		t.Errorf("no log: %q, %v", &got, err)
	}
	for path, text := range map[string]string{d.EngineLog(): "new\n", rotated(d.EngineLog()): "old\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Logs(t.Context(), d, &got, false); err != nil || got.String() != "old\nnew\n" {
		t.Errorf("Logs = %q, %v", &got, err)
	}
}

func TestLogsFollowsAcrossRotation(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	l, err := openLog(d.EngineLog(), 10)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Logs(ctx, d, w, true)
		_ = w.Close()
	}()
	for _, line := range []string{"first\n", "second\n", "third\n"} { // one fits
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != line {
			t.Fatalf("followed %q, %v, want %q", got, err, line)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLastLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("a\nb\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for offset, want := range map[int64]string{0: "b", 2: "b", 4: ""} {
		if got := lastLine(path, offset); got != want {
			t.Errorf("lastLine from %d = %q, want %q", offset, got, want)
		}
	}
	if got := lastLine(path+"x", 0); got != "" {
		t.Errorf("lastLine of no file = %q", got)
	}
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, rerr := os.ReadFile(path)
		files[path] = string(b)
		return errors.Join(err, rerr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
