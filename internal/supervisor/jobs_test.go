package supervisor

import (
	"context"
	"testing"
	"testing/synctest"
)

// held is a job that lasts until its context ends, and then until free is closed.
func held(began *int, free <-chan struct{}) func(context.Context) {
	return func(ctx context.Context) {
		*began++
		<-ctx.Done()
		<-free
	}
}

func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j jobs
		j.init(t.Context())
		free := make(chan struct{})
		var first, same, other, again int
		j.start("c", "run1", held(&first, free))
		synctest.Wait()
		j.start("c", "run1", held(&same, free))
		synctest.Wait()
		if first != 1 || same != 0 {
			t.Errorf("one key: began %d and %d times", first, same)
		}
		j.start("c", "run2", held(&other, free))
		j.start("d", "run1", func(context.Context) {})
		synctest.Wait()
		if other != 1 {
			t.Error("another key does not take the place of the first")
		}
		j.stop("c")
		j.start("c", "run2", held(&again, free)) // while the former is ending
		synctest.Wait()
		if again != 1 {
			t.Error("a start while the stopped job is ending is lost")
		}
		if j.none() {
			t.Error("no job is at work?")
		}
		j.keep(map[string]bool{"c": true})
		if j.none() {
			t.Error("the job of a container that is there was stopped")
		}
		close(free)
		j.stopAll()
		if !j.none() {
			t.Error("jobs are left")
		}
	})
}

func TestAJobThatEndsMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j jobs
		j.init(t.Context())
		ran := 0
		for range 2 {
			j.start("c", "", func(context.Context) { ran++ })
			synctest.Wait()
		}
		if ran != 2 || !j.none() {
			t.Errorf("ran %d times", ran)
		}
	})
}
