package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

func TestTTYRedrawsInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{t: t, width: 100, height: 24}
		p := NewTTY(term, term.size, &Model{Color: true})
		for _, e := range upStory() {
			p.Emit(e)
			time.Sleep(redraw)
			synctest.Wait()
		}
		if !term.hidden {
			t.Error("the cursor shows while frames are drawn")
		}
		if got, want := strings.Count(term.screen(), "\n"), 6; got != want {
			t.Errorf("%d lines for %d things:\n%s", got, want, term.screen())
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if term.hidden {
			t.Error("the cursor stays hidden")
		}
		m := modelOf(upStory())
		want := m.Frame(100, time.Now()) + m.Summary()
		if diff := cmp.Diff(want, term.screen()); diff != "" {
			t.Errorf("last screen (-want +got):\n%s", diff)
		}
	})
}

func TestTTYDrawsAtMostTenFramesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{t: t, width: 80, height: 24}
		p := NewTTY(term, term.size, &Model{})
		for range 3000 {
			p.Emit(at(0, event.Started, "pull/x", planner.OpPull, container("web", 1)))
			time.Sleep(time.Millisecond)
		}
		_ = p.Close()
		if term.writes > 31 {
			t.Errorf("%d frames in 3 s", term.writes)
		}
	})
}

func TestTTYFitsTheScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{t: t, width: 40, height: 6}
		p := NewTTY(term, term.size, &Model{})
		for n := 1; n <= 30; n++ {
			p.Emit(at(0, event.Started, planner.StepID(container("web", n).String()), planner.OpStart, container("web", n)))
			time.Sleep(redraw)
			synctest.Wait()
			if got := strings.Count(term.screen(), "\n"); got > 5 {
				t.Fatalf("%d lines on a screen of 6", got)
			}
		}
		_ = p.Close()
		if got := strings.Count(term.screen(), "\n"); got != 30 {
			t.Errorf("the last frame has %d rows, want all 30", got)
		}
	})
}

func TestTTYWritesNothingWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{t: t, width: 40, height: 6}
		p := NewTTY(term, term.size, &Model{})
		time.Sleep(time.Second)
		_ = p.Close()
		_ = p.Close()
		p.Emit(at(0, event.Started, "x", planner.OpStart, container("web", 1)))
		if term.writes != 0 {
			t.Errorf("wrote %q", term.screen())
		}
	})
}
