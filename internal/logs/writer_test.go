package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// faulty is a log file that fails when told to.
type faulty struct {
	*os.File
	room        int // bytes that fit; below 0: any
	err         error
	noTruncates bool
}

func (f *faulty) Write(b []byte) (int, error) {
	if f.room < 0 || len(b) <= f.room {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:f.room])
	f.room -= n
	return n, errors.Join(f.err, err)
}

func (f *faulty) Truncate(n int64) error {
	if f.noTruncates {
		return unix.EIO
	}
	return f.File.Truncate(n)
}

func newFaulty(t *testing.T, err error) (*Writer, *faulty) {
	t.Helper()
	f := &faulty{room: -1, err: &os.PathError{Op: "write", Path: "log", Err: err}}
	w := NewWriter(t.TempDir(), Config{})
	_ = w.Close()
	w.open = func(path string) (opened, error) {
		o, err := openLog(path)
		f.File, _ = o.file.(*os.File)
		o.file = f
		return o, err
	}
	t.Cleanup(func() { _ = w.Close() })
	return w, f
}

func put(t *testing.T, w *Writer, raw string) {
	t.Helper()
	if n := w.add(Stdout, []byte(raw), nil, true, nil); n != len(raw) {
		t.Fatalf("took %d of %d bytes", n, len(raw))
	}
}

// contents reads a log folder, oldest record first; all must parse.
func contents(t *testing.T, dir string) (all []string) {
	t.Helper()
	for i := 9; i >= 0; i-- {
		b, err := os.ReadFile(filepath.Join(dir, logName(i)))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			r, err := Parse([]byte(line))
			if err != nil || !strings.HasSuffix(line, "\n") {
				t.Fatalf("%s holds %q: %v", logName(i), line, err)
			}
			all = append(all, fmt.Sprintf("%s %s", r.Stream, r.Text))
		}
	}
	return all
}

func TestWriterMarksWhatIsLost(t *testing.T) {
	for _, noTruncates := range []bool{false, true} {
		t.Run(fmt.Sprintf("truncate fails %t", noTruncates), func(t *testing.T) {
			w, f := newFaulty(t, unix.ENOSPC)
			put(t, w, "a\n")
			f.room, f.noTruncates = 60, noTruncates
			put(t, w, "b\nc\nd\n") // b fits, c is cut
			put(t, w, "e\n")
			if !w.owes() || !w.retry() {
				t.Fatal("nothing owed on a full disk")
			}
			f.room = -1
			if w.retry() || w.owes() {
				t.Fatal("marker still due")
			}
			put(t, w, "f\n")
			want := []string{"stdout a", "stdout b", "stderr stackup: 3 log lines lost: no space left on device", "stdout f"}
			if diff := cmp.Diff(want, contents(t, w.dir)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriterComesBackAfterMissingFolder(t *testing.T) {
	w, _ := newFaulty(t, unix.EIO)
	dir := w.dir
	w.dir = filepath.Join(dir, "missing")
	put(t, w, "lost\n")
	w.dir = dir
	put(t, w, "kept\n")
	want := []string{"stderr stackup: 1 log lines lost: no such file or directory", "stdout kept"}
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestWriterRotates(t *testing.T) {
	for _, files := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(files), func(t *testing.T) {
			c := Config{MaxSize: minMaxSize, MaxFiles: files}
			w := NewWriter(t.TempDir(), c)
			for i := range 5000 {
				put(t, w, fmt.Sprintf("%d\n", i))
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := len(logIndexes(w.dir)); got != files {
				t.Errorf("%d files, want %d", got, files)
			}
			for _, i := range logIndexes(w.dir) {
				if st, err := os.Stat(filepath.Join(w.dir, logName(i))); err != nil || st.Size() > c.MaxSize {
					t.Errorf("%s: %v %v", logName(i), st, err)
				}
			}
			all := contents(t, w.dir)
			for k, got := range all {
				if want := fmt.Sprintf("stdout %d", 5000-len(all)+k); got != want {
					t.Fatalf("record %d is %q, want %q", k, got, want)
				}
			}
		})
	}
}

func TestWriterRepairsCutRecord(t *testing.T) {
	dir := t.TempDir()
	good := string(Record{Time: time.Unix(1, 0), Stream: Stdout, Text: []byte("good")}.Append(nil))
	for name, body := range map[string]string{"short": good + good[:20], "long": good + strings.Repeat("x", 200<<10), "only": good[:20]} {
		if err := os.WriteFile(filepath.Join(dir, "log"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		w := NewWriter(dir, Config{})
		put(t, w, "more\n")
		_ = w.Close()
		want := []string{"stdout good", "stdout more"}
		if name == "only" {
			want = want[1:]
		}
		if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWriterTimeRises(t *testing.T) {
	w := NewWriter(t.TempDir(), Config{})
	clock := []time.Time{time.Unix(50, 0), time.Unix(40, 0), time.Unix(60, 0)}
	w.now = func() time.Time { now := clock[0]; clock = clock[1:]; return now }
	var got []int64
	for range 3 {
		got = append(got, w.stamp().UnixNano())
	}
	if diff := cmp.Diff([]int64{50e9, 50e9 + 1, 60e9}, got); diff != "" {
		t.Error(diff)
	}
	_ = w.Close()
}

// TestDiscard: nothing is kept, and nothing waits; kept again when that is asked for.
func TestDiscard(t *testing.T) {
	w := NewWriter(t.TempDir(), Config{Discard: true})
	if n := w.add(Stdout, []byte("gone\nhalf"), nil, false, nil); n != len("gone\nhalf") {
		t.Errorf("%d bytes taken", n)
	}
	w.SetConfig(Config{})
	w.add(Stdout, []byte("kept\n"), nil, false, nil)
	b, err := os.ReadFile(filepath.Join(w.dir, "log"))
	if err != nil || !strings.HasSuffix(string(b), " F kept\n") || strings.Contains(string(b), "gone") {
		t.Errorf("log %q, %v", b, err)
	}
}
