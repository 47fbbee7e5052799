package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

func emitAll(t *testing.T, p Progress, events []event.Event) {
	t.Helper()
	for _, e := range events {
		p.Emit(e)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPlain(t *testing.T) {
	var b bytes.Buffer
	emitAll(t, NewPlain(&b, nil), upStory())
	if strings.Contains(b.String(), "\x1b") {
		t.Error("escape code in plain output")
	}
	golden(t, "plain.txt", b.String())
}

func TestJSONLinesReadBack(t *testing.T) {
	var b bytes.Buffer
	emitAll(t, NewJSON(&b), upStory())
	golden(t, "events.jsonl", b.String())
	var got []event.Event
	for l := range strings.Lines(b.String()) {
		var e event.Event
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(upStory(), got); diff != "" {
		t.Errorf("events (-emitted +read):\n%s", diff)
	}
}

// stuck is a reader that takes nothing until it is let go.
type stuck struct {
	gate chan struct{}
	bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.gate
	return s.Buffer.Write(p)
}

func TestEmitNeverBlocksAndProgressCollapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{gate: make(chan struct{})}
		p := NewJSON(out)
		ref := planner.Ref{Kind: planner.KindImage, Name: "nginx"}
		p.Emit(at(0, event.Started, "pull/nginx", planner.OpPull, ref))
		synctest.Wait() // the writer now hangs in Write
		for n := range int64(1000) {
			e := at(0, event.Progress, "pull/nginx", planner.OpPull, ref)
			e.Done = n
			p.Emit(e)
		}
		p.Emit(at(0, event.Done, "pull/nginx", planner.OpPull, ref))
		close(out.gate)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "\n"); got != 3 || !strings.Contains(out.String(), `"done":999`) {
			t.Errorf("want started, the last progress and done, got:\n%s", out.String())
		}
	})
}

func TestTTYEmitNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{gate: make(chan struct{})}
		p := NewTTY(out, func() (int, int) { return 80, 24 }, &Model{})
		p.Emit(at(0, event.Started, "a", planner.OpStart, container("web", 1)))
		time.Sleep(2 * redraw) // the drawing now hangs in Write
		for range 1000 {
			p.Emit(at(0, event.Progress, "a", planner.OpStart, container("web", 1)))
		}
		close(out.gate)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStreamsTakeEventsFromManyGoroutines(t *testing.T) {
	var b bytes.Buffer
	p := NewJSON(&b)
	var all sync.WaitGroup
	for n := 1; n <= 8; n++ {
		all.Go(func() {
			for range 100 {
				p.Emit(at(0, event.Started, "start", planner.OpStart, container("web", n)))
			}
		})
	}
	all.Wait()
	emitAll(t, p, nil)
	if got := strings.Count(b.String(), "\n"); got != 800 {
		t.Errorf("%d lines, want 800", got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestCloseGivesTheWriteError(t *testing.T) {
	for name, p := range map[string]Progress{
		"plain": NewPlain(broken{}, nil),
		"json":  NewJSON(broken{}),
		"tty":   NewTTY(broken{}, func() (int, int) { return 80, 24 }, &Model{}),
	} {
		t.Run(name, func(t *testing.T) {
			p.Emit(at(0, event.Started, "a", planner.OpStart, container("web", 1)))
			if err := p.Close(); err == nil || err.Error() != "broken pipe" {
				t.Errorf("error %v, want broken pipe", err)
			}
		})
	}
}
