package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errEnough = errors.New("enough")

func second(n int) time.Time { return time.Unix(int64(n), 0).UTC() }

// write makes a log file of full records on stdout; "P " before a text makes
// it partial.
func write(t *testing.T, dir string, index int, entries map[int]string, order ...int) {
	t.Helper()
	var b []byte
	for _, at := range order {
		text, partial := strings.CutPrefix(entries[at], "P ")
		b = Record{second(at), Stdout, partial, []byte(text)}.Append(b)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, logName(index)), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, ss []Source, o Options) (got []string) {
	t.Helper()
	err := Read(t.Context(), ss, o, func(s Source, r Record) error {
		got = append(got, s.Name+" "+string(r.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	a, b := Source{ID: "1", Name: "a", Dir: filepath.Join(dir, "a")}, Source{ID: "2", Name: "b", Dir: filepath.Join(dir, "b")}
	write(t, a.Dir, 1, map[int]string{1: "one", 3: "three"}, 1, 3)
	write(t, a.Dir, 0, map[int]string{5: "P fi", 6: "ve", 8: "eight"}, 5, 6, 8)
	write(t, b.Dir, 0, map[int]string{2: "two", 3: "also three", 9: "nine"}, 2, 3, 9)
	missing := Source{ID: "3", Name: "c", Dir: filepath.Join(dir, "c")}
	all := []string{"a one", "b two", "a three", "b also three", "a fi", "a ve", "a eight", "b nine"}
	tests := []struct {
		name string
		o    Options
		want []string
	}{
		{"all, merged by time", Options{Tail: -1}, all},
		{"none", Options{Tail: 0}, nil},
		{"last line of each", Options{Tail: 1}, []string{"a eight", "b nine"}},
		{"parts are one line", Options{Tail: 2}, []string{"b also three", "a fi", "a ve", "a eight", "b nine"}},
		{"tail goes into the older file", Options{Tail: 3}, []string{"b two", "a three", "b also three", "a fi", "a ve", "a eight", "b nine"}},
		{"tail longer than the log", Options{Tail: 100}, all},
		{"since and until are included", Options{Tail: -1, Since: second(3), Until: second(6)}, all[2:6]},
		{"follow ends when until has passed", Options{Tail: -1, Follow: true, Until: second(3)}, all[:4]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readAll(t, []Source{a, b, missing}, tt.o)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadPassesOverDamage(t *testing.T) {
	s := Source{ID: "1", Name: "a", Dir: t.TempDir()}
	good := Record{second(1), Stdout, false, []byte("good")}.Append(nil)
	body := "garbage\n" + string(good) + strings.Repeat("\x00", 300<<10) + "\n" + string(good) + string(good[:9])
	if err := os.WriteFile(filepath.Join(s.Dir, "log"), []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 2} {
		if diff := cmp.Diff([]string{"a good", "a good"}, readAll(t, []Source{s}, Options{Tail: n})); diff != "" {
			t.Errorf("tail %d (-want +got):\n%s", n, diff)
		}
	}
}

// Tail reads little of a large log.
func TestReadTailAcrossBlocks(t *testing.T) {
	s := Source{ID: "1", Name: "a", Dir: t.TempDir()}
	w := NewWriter(s.Dir, Config{})
	for i := range 30000 {
		put(t, w, fmt.Sprintf("%d %s\n", i, strings.Repeat("x", i%200)))
	}
	_ = w.Close()
	for _, n := range []int{1, 999, 5000} {
		got := readAll(t, []Source{s}, Options{Tail: n})
		if len(got) != n || !strings.HasPrefix(got[0], fmt.Sprintf("a %d ", 30000-n)) {
			t.Errorf("tail %d gave %d lines", n, len(got))
		}
	}
}

// Many rotations while following: nothing is lost, nothing comes twice, and
// the removal of the folder ends the reading.
func TestReadFollowsRotation(t *testing.T) {
	const lines = 20000
	s := Source{ID: "1", Name: "a", Dir: filepath.Join(t.TempDir(), "later")}
	var seen atomic.Int64
	go func() {
		_ = os.Mkdir(s.Dir, 0o700)
		w := NewWriter(s.Dir, Config{MaxSize: minMaxSize, MaxFiles: 3})
		defer func() { _ = w.Close(); _ = os.RemoveAll(s.Dir) }()
		for i := range lines {
			for int64(i)-seen.Load() > 500 { // do not outrun the reader by the whole log
				<-time.After(100 * time.Microsecond)
			}
			w.add(Stdout, fmt.Appendf(nil, "%d\n", i), nil, true, nil)
		}
		for seen.Load() < lines && t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
	}()
	want := 0
	err := Read(t.Context(), []Source{s}, Options{Tail: -1, Follow: true}, func(_ Source, r Record) error {
		if string(r.Text) != fmt.Sprint(want) {
			return fmt.Errorf("got %q, want %d", r.Text, want)
		}
		want++
		seen.Store(int64(want))
		return nil
	})
	if err != nil || want != lines {
		t.Errorf("%d lines: %v", want, err)
	}
}

func TestReadFollowsNewSources(t *testing.T) {
	dir := t.TempDir()
	a, b := Source{ID: "1", Name: "a", Dir: filepath.Join(dir, "a")}, Source{ID: "2", Name: "a", Dir: filepath.Join(dir, "b")}
	write(t, a.Dir, 0, map[int]string{1: "old", 2: "end"}, 1, 2)
	var asked atomic.Int64
	o := Options{Tail: 1, Follow: true, Sources: func() []Source {
		if asked.Add(1) == 2 {
			write(t, b.Dir, 0, map[int]string{3: "new", 4: "life"}, 3, 4)
			return []Source{a, b}
		}
		return []Source{a}
	}}
	var got []string
	err := Read(t.Context(), []Source{a}, o, func(_ Source, r Record) error {
		if got = append(got, string(r.Text)); len(got) == 3 {
			return errEnough
		}
		return nil
	})
	if diff := cmp.Diff([]string{"end", "new", "life"}, got); !errors.Is(err, errEnough) || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestReadEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errEnough) })
	s := Source{ID: "1", Name: "a", Dir: t.TempDir()}
	if err := Read(ctx, []Source{s}, Options{Follow: true}, nil); !errors.Is(err, errEnough) {
		t.Errorf("got %v, want the cause", err)
	}
}
