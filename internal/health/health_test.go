package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

var (
	begin = time.Unix(1000, 0)
	cfg   = Config{Interval: 10 * time.Second, Timeout: 2 * time.Second, StartPeriod: 20 * time.Second, StartInterval: time.Second, Retries: 3}
)

func TestNext(t *testing.T) {
	at := func(h Health, streak int) State { return State{h, streak, begin} }
	tests := []struct {
		name  string
		prev  State
		after time.Duration
		exit  int
		want  State
	}{
		{"failure in the start period", at(Starting, 0), 19 * time.Second, 1, at(Starting, 0)},
		{"failure at its end", at(Starting, 0), 20 * time.Second, 1, at(Starting, 1)},
		{"third failure after it", at(Starting, 2), 30 * time.Second, 1, at(Unhealthy, 3)},
		{"success in the start period", at(Starting, 0), time.Second, 0, at(Healthy, 0)},
		{"failure in the start period after a success", at(Healthy, 0), 2 * time.Second, 1, at(Healthy, 1)},
		{"second failure keeps healthy", at(Healthy, 1), time.Hour, 1, at(Healthy, 2)},
		{"third failure", at(Healthy, 2), time.Hour, -1, at(Unhealthy, 3)},
		{"success heals", at(Unhealthy, 7), time.Hour, 0, at(Healthy, 0)},
		{"still unhealthy", at(Unhealthy, 3), time.Hour, 1, at(Unhealthy, 4)},
		{"reserved exit code fails", at(Healthy, 0), time.Hour, 2, at(Healthy, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Next(tt.prev, Result{Start: begin.Add(tt.after), Exit: tt.exit}, cfg)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNextDelay(t *testing.T) {
	for name, tt := range map[string]struct {
		h     Health
		after time.Duration
		want  time.Duration
	}{
		"starting":                  {Starting, 0, time.Second},
		"starting, period over":     {Starting, 20 * time.Second, 10 * time.Second},
		"healthy within the period": {Healthy, time.Second, 10 * time.Second},
	} {
		if got := NextDelay(State{tt.h, 0, begin}, begin.Add(tt.after), cfg); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestConfigOf(t *testing.T) {
	want := Config{30 * time.Second, 30 * time.Second, 0, 5 * time.Second, 3}
	if diff := cmp.Diff(want, ConfigOf(spec.Healthcheck{})); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	own := spec.Healthcheck{Interval: 1, Timeout: 2, StartPeriod: 3, StartInterval: 4, Retries: 5}
	if diff := cmp.Diff(Config{1, 2, 3, 4, 5}, ConfigOf(own)); diff != "" {
		t.Errorf("own (-want +got):\n%s", diff)
	}
}

// script is a prober that plays its steps and then hangs.
type script []func(ctx context.Context, started func()) (int, string, error)

func (s *script) Probe(ctx context.Context, started func()) (int, string, error) {
	if len(*s) == 0 {
		return hang(ctx, started)
	}
	step := (*s)[0]
	*s = (*s)[1:]
	return step(ctx, started)
}

func exit(code int, out string) func(context.Context, func()) (int, string, error) {
	return func(_ context.Context, started func()) (int, string, error) {
		started()
		return code, out, nil
	}
}

func hang(ctx context.Context, started func()) (int, string, error) {
	started()
	<-ctx.Done()
	return 0, "half", ctx.Err()
}

func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type seen struct {
			After   time.Duration
			Health  Health
			Changed bool
			Exit    int
			Output  string
			Kept    int
		}
		broken := func(context.Context, func()) (int, string, error) { return 0, "", errors.New("no such program") }
		p := &script{exit(1, "no"), exit(0, "yes"), exit(1, "no"), broken}
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var got []seen
		l := Loop{Prober: p, Config: cfg, Publish: func(s Status, changed bool) {
			r := s.Results[len(s.Results)-1]
			got = append(got, seen{time.Since(start), s.Health, changed, r.Exit, r.Output, len(s.Results)})
			if len(got) == 6 {
				cancel()
			}
		}}
		l.Run(ctx, NewStatus(start))
		slow := "probe took longer than 2s\nhalf"
		want := []seen{
			{1 * time.Second, Starting, false, 1, "no", 1},
			{2 * time.Second, Healthy, true, 0, "yes", 2},
			{12 * time.Second, Healthy, false, 1, "no", 3},
			{22 * time.Second, Healthy, false, -1, "no such program", 4},
			{34 * time.Second, Unhealthy, true, -1, slow, 5},
			{46 * time.Second, Unhealthy, false, -1, slow, 5},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
	})
}

// TestLoopWithoutAnEngine: a probe that did not come to be is no result, however often,
// and the time until a probe's process runs is not the probe's.
func TestLoopWithoutAnEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		away := func(context.Context, func()) (int, string, error) {
			return 0, "", fmt.Errorf("%w: the engine is away", ErrNoResult)
		}
		slow := func(ctx context.Context, started func()) (int, string, error) {
			time.Sleep(2 * cfg.Timeout)
			return exit(0, "late")(ctx, started)
		}
		var got []Status
		l := Loop{Prober: &script{exit(0, "yes"), away, away, away, away, slow}, Config: cfg, Publish: func(s Status, _ bool) {
			if got = append(got, s); len(got) == 2 {
				cancel()
			}
		}}
		l.Run(ctx, NewStatus(time.Now()))
		if len(got) != 2 || got[1].Health != Healthy || got[1].Streak != 0 || got[1].Results[1].Output != "late" {
			t.Errorf("%+v", got)
		}
	})
}

func TestLoopCapsOutputAndEndsQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2500*time.Millisecond, cancel) // within the second probe, which hangs
		var got []Status
		l := Loop{
			Prober: &script{exit(0, strings.Repeat("ä", MaxOutput))}, Config: Config{Interval: time.Second, Timeout: time.Hour, Retries: 1},
			Publish: func(s Status, _ bool) { got = append(got, s) },
		}
		l.Run(ctx, NewStatus(time.Now()))
		if len(got) != 1 || got[0].Results[0].Output != strings.Repeat("ä", MaxOutput/2) {
			t.Errorf("published %d times, output of %d bytes", len(got), len(got[0].Results[0].Output))
		}
	})
}

func newDirs(t *testing.T) statedir.Dirs {
	t.Helper()
	return statedir.Dirs{Root: filepath.Join(t.TempDir(), "r"), State: t.TempDir()}
}

func TestFile(t *testing.T) {
	d := newDirs(t)
	if _, err := ReadFile(d, "c"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("without a file: %v", err)
	}
	want := NewStatus(begin.UTC())
	want.Results = []Result{{begin.UTC(), begin.UTC(), 1, "no"}}
	if err := WriteFile(d, "c", want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(d, "c")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := statedir.WriteFile(path(d, "c"), []byte(`{"version":9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(d, "c"); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("unknown version: %v", err)
	}
}

func TestWatch(t *testing.T) {
	d := newDirs(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ch := Watch(ctx, d, "c")
	for _, h := range []Health{Starting, Healthy, Unhealthy} {
		s := NewStatus(begin.UTC())
		s.Health = h
		at := time.Now()
		if err := WriteFile(d, "c", s); err != nil {
			t.Fatal(err)
		}
		got, ok := <-ch
		if diff := cmp.Diff(s, got); !ok || diff != "" {
			t.Fatalf("%t (-want +got):\n%s", ok, diff)
		}
		t.Logf("%s after %v", h, time.Since(at))
	}
	cancel()
	if s, ok := <-ch; ok {
		t.Errorf("%v after the end", s)
	}
}
