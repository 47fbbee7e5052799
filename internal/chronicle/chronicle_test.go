package chronicle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inBook runs a test in a bubble of fake time, with a book of its own.
func inBook(t *testing.T, test func(t *testing.T, b Book)) {
	t.Helper()
	b := Book{Path: filepath.Join(t.TempDir(), "new", "events.jsonl")}
	synctest.Test(t, func(t *testing.T) { test(t, b) })
}

func note(t *testing.T, b Book, at time.Time, id, action string) {
	t.Helper()
	if err := b.Note(Entry{Time: at, Type: Container, ID: id, Action: action}); err != nil {
		t.Fatal(err)
	}
}

// follow collects what is told until stop, as "ACTION ID".
func follow(t *testing.T, b Book, since time.Time) (told func() []string) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Follow(ctx, since, time.Time{}, func(e Entry) error {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, e.Action+" "+e.ID)
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func() []string {
		time.Sleep(hold + 2*look)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

// past is what a reader who comes now is told of all that was.
func past(t *testing.T, b Book) (list []string) {
	t.Helper()
	err := b.Follow(t.Context(), time.Unix(1, 0), time.Now(), func(e Entry) error {
		list = append(list, e.Action+" "+e.ID)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestOrderOfTime: what is noted a little late takes its place, and one end that
// two have noted is one.
func TestOrderOfTime(t *testing.T) {
	inBook(t, func(t *testing.T, b Book) {
		note(t, b, time.Now().Add(-time.Hour), "c", "create")
		told := follow(t, b, time.Time{})
		begin := time.Now().Add(time.Millisecond)
		note(t, b, begin.Add(20*time.Millisecond), "c", Die)
		note(t, b, begin, "c", "start")
		note(t, b, begin.Add(20*time.Millisecond), "c", Die)
		note(t, b, begin.Add(30*time.Millisecond), "c", Die)
		want(t, "from now on", told(), "start c", "die c", "die c")
		note(t, b, begin.Add(5*time.Millisecond), "d", Die)
		want(t, "noted late", told(), "start c", "die c", "die c", "die d")
		want(t, "all of the past", past(t, b), "create c", "start c", "die d", "die c", "die c")
		ends, err := b.Ends()
		if err != nil || len(ends) != 2 || !ends["c"].Equal(begin.Add(30*time.Millisecond)) {
			t.Errorf("ends %v, %v", ends, err)
		}
	})
}

func TestSinceAndUntil(t *testing.T) {
	inBook(t, func(t *testing.T, b Book) {
		begin := time.Now()
		for i := range 5 {
			note(t, b, begin.Add(time.Duration(i)*time.Second), fmt.Sprint(i), "start")
		}
		time.Sleep(10 * time.Second)
		var list []string
		tell := func(e Entry) error { list = append(list, e.ID); return nil }
		if err := b.Follow(t.Context(), begin.Add(time.Second), begin.Add(3*time.Second), tell); err != nil {
			t.Error(err)
		}
		want(t, "between", list, "1", "2", "3")
		enough := errors.New("enough")
		if err := b.Follow(t.Context(), begin, time.Time{}, func(Entry) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("a tell that fails: %v", err)
		}
	})
}

// TestCutLines: what a killed writer leaves harms nobody else's entry.
func TestCutLines(t *testing.T) {
	inBook(t, func(t *testing.T, b Book) {
		note(t, b, time.Now(), "a", "start")
		whole, err := os.ReadFile(b.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.Path, append(whole, whole[:len(whole)/2]...), 0o600); err != nil {
			t.Fatal(err)
		}
		told := follow(t, b, time.Unix(1, 0))
		want(t, "with half a line at the end", told(), "start a")
		note(t, b, time.Now(), "b", "start")
		want(t, "with an entry behind it", told(), "start a", "start b")
	})
}

// TestTurns: the record is bounded, and a reader who follows misses nothing when a
// new file is begun, whoever wrote into which.
func TestTurns(t *testing.T) {
	inBook(t, func(t *testing.T, b Book) {
		told := follow(t, b, time.Time{})
		time.Sleep(time.Millisecond)
		long := strings.Repeat("x", 1000)
		slow, err := b.open() // by a writer who takes his time
		if err != nil {
			t.Fatal(err)
		}
		n := 3 * maxSize / 1000
		for i := range n {
			note(t, b, time.Now(), fmt.Sprint(i), "start"+long)
			if i%500 == 0 {
				time.Sleep(look)
			}
			if i == n/3+100 {
				line := fmt.Sprintf("{\"time\":%q,\"type\":\"container\",\"id\":\"slow\"}\n", time.Now().Format(time.RFC3339Nano))
				if _, err := slow.WriteString(line); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := slow.Close(); err != nil {
			t.Fatal(err)
		}
		if got := told(); len(got) != n+1 || !slices.Contains(got, " slow") {
			t.Errorf("%d entries told of %d", len(got), n+1)
		}
		files, err := filepath.Glob(b.Path + "*")
		if err != nil || len(files) != 2 {
			t.Errorf("files %v, %v", files, err)
		}
		for _, f := range files {
			if st, err := os.Stat(f); err != nil || st.Size() > maxSize+2000 {
				t.Errorf("%s has %d bytes, %v", f, st.Size(), err)
			}
		}
	})
}

// TestManyWriters: entries of many writers are whole, and all there.
func TestManyWriters(t *testing.T) {
	b := Book{Path: filepath.Join(t.TempDir(), "events.jsonl")}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 100 {
				note(t, b, time.Now(), fmt.Sprintf("%d-%d", w, i), "start")
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, id := range past(t, b) {
		seen[id] = true
	}
	if len(seen) != 800 {
		t.Errorf("%d entries of 800", len(seen))
	}
}
