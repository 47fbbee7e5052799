package busy

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// loaded sets how many processes there are for each processor.
func loaded(t *testing.T, perProcessor func() float64) {
	t.Helper()
	load := Load
	Load = func() float64 { return perProcessor() * float64(runtime.NumCPU()) }
	t.Cleanup(func() { Load = load })
}

func TestStretch(t *testing.T) {
	for perProcessor, want := range map[float64]time.Duration{0: 20 * time.Second, 1: 20 * time.Second, 2.5: 50 * time.Second, 1000: 5 * time.Minute} {
		loaded(t, func() float64 { return perProcessor })
		if got := Stretch(20 * time.Second); got != want {
			t.Errorf("%g for each processor: %s, want %s", perProcessor, got, want)
		}
	}
}

func TestLoadOfThisMachine(t *testing.T) {
	if l := Load(); l < 0 || l > 1e6 {
		t.Errorf("load %g", l)
	}
}

var errLate = errors.New("late")

// TestWithTimeout: it ends when the stretched limit has passed, of which a load that
// rises meanwhile is part.
func TestWithTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		load func(passed time.Duration) float64
		want time.Duration
	}{
		"quiet":        {func(time.Duration) float64 { return 0.5 }, 20 * time.Second},
		"busy":         {func(time.Duration) float64 { return 3 }, time.Minute},
		"getting busy": {func(passed time.Duration) float64 { return 1 + passed.Seconds()/40 }, 40 * time.Second},
		"calming down": {func(passed time.Duration) float64 { return 6 - passed.Seconds()/20 }, 60 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			loaded(t, func() float64 { return c.load(time.Since(begin)) })
			ctx, cancel := WithTimeout(t.Context(), 20*time.Second, errLate)
			defer cancel()
			<-ctx.Done()
			if got := time.Since(begin).Round(time.Second); got != c.want || !errors.Is(context.Cause(ctx), errLate) {
				t.Errorf("%s: after %s: %v, want %s", name, got, context.Cause(ctx), c.want)
			}
		})
	}
}

// TestAfterAStall: who notices its limit late waits once more.
func TestAfterAStall(t *testing.T) {
	loaded(t, func() float64 { return 1 })
	for late, want := range map[time.Duration]time.Duration{time.Millisecond: 0, 5 * time.Second: 5 * time.Second, time.Hour: 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan struct{})
			begun := time.Now().Add(-20*time.Second - late)
			w := &wait{limit: 20 * time.Second, left: 20 * time.Second, began: begun, armed: begun, over: func() { close(ended) }}
			w.timer = time.AfterFunc(time.Hour, w.look)
			now := time.Now()
			w.look()
			<-ended
			if got := time.Since(now); got != want {
				t.Errorf("%s late: %s more, want %s", late, got, want)
			}
		})
	}
}

func TestTheCallersEndComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		ctx, cancel := WithTimeout(parent, 20*time.Second, errLate)
		defer cancel()
		stop()
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), context.Canceled) {
			t.Error(context.Cause(ctx))
		}
	})
}
