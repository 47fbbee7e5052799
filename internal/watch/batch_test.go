package watch

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// audit holds batches against what was sent, and when.
type audit struct {
	t    *testing.T
	seed uint64
	sent map[string]time.Time
	told map[string]bool
}

func (a *audit) check(b Batch) {
	a.t.Helper()
	now := time.Now()
	if first := now.Sub(b.First); first > Most {
		a.t.Fatalf("seed %d: a batch %s after its first change", a.seed, first)
	}
	for _, n := range b.Paths {
		if quiet := now.Sub(a.sent[n]); quiet < Quiet && now.Sub(b.First) != Most {
			a.t.Fatalf("seed %d: a batch %s after its last change", a.seed, quiet)
		}
		if a.told[n] || a.sent[n].IsZero() {
			a.t.Fatalf("seed %d: %s told twice, or never sent", a.seed, n)
		}
		a.told[n] = true
	}
}

// until checks what comes for a while.
func (a *audit) until(out <-chan Batch, d time.Duration) {
	a.t.Helper()
	for end := time.After(d); ; {
		select {
		case b := <-out:
			a.check(b)
		case <-end:
			return
		}
	}
}

// all says of every name that it is there.
func all(m map[string]bool) Batch {
	return Batch{Paths: slices.Sorted(maps.Keys(m)), Gone: map[string]bool{}}
}

// TestBatches: whatever comes when, a batch is told after 20 ms of quiet, and
// 200 ms after its first change at the latest; nothing is lost, or told twice.
func TestBatches(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			in, out := make(chan []string), make(chan Batch)
			go batches(t.Context(), in, all, out)
			a := &audit{t, seed, map[string]time.Time{}, map[string]bool{}}
			for i := range 200 {
				a.until(out, time.Duration(rnd.IntN(30))*time.Millisecond)
				name := fmt.Sprint(i)
				in <- []string{name, name}
				a.sent[name] = time.Now()
			}
			a.until(out, time.Second)
			if len(a.told) != len(a.sent) {
				t.Fatalf("seed %d: %d of %d told", seed, len(a.told), len(a.sent))
			}
		})
	}
}

// TestBatchesWait: while nobody takes a batch, later ones are added to it.
func TestBatchesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := make(chan []string), make(chan Batch)
		go batches(t.Context(), in, all, out)
		first := time.Now()
		for _, n := range []string{"b", "a", "b"} {
			in <- []string{n}
			time.Sleep(time.Second)
		}
		if b := <-out; !slices.Equal(b.Paths, []string{"a", "b"}) || !b.First.Equal(first) {
			t.Errorf("%v", b)
		}
	})
}
