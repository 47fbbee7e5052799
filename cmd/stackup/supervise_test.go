package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAwaitEngine: a supervisor that comes while the engine is away waits for it, for as
// long as there are containers, and says once why.
func TestAwaitEngine(t *testing.T) {
	errAway := errors.New("nobody listens")
	for _, tt := range []struct {
		name            string
		back            time.Duration // when the engine is there
		needed, stops   time.Duration // until when
		want            error
		after, atLatest time.Duration
	}{
		{"it is there", 0, 0, time.Hour, nil, 0, 0},
		{"it comes back", 90 * time.Second, time.Hour, time.Hour, nil, 90 * time.Second, 91 * time.Second},
		{"nobody needs it any more", time.Hour, time.Minute, time.Hour, errAway, time.Minute, 61 * time.Second},
		{"the supervisor is to end", time.Hour, time.Hour, time.Minute, errAway, time.Minute, 61 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), tt.stops)
			defer cancel()
			var said strings.Builder
			_, err := awaitEngine(ctx, slog.New(slog.NewTextHandler(&said, nil)), func() bool { return time.Since(begin) < tt.needed }, func() (int, error) {
				if time.Since(begin) < tt.back {
					return 0, errAway
				}
				return 1, nil
			})
			if took := time.Since(begin); !errors.Is(err, tt.want) || took < tt.after || took > tt.atLatest {
				t.Errorf("%s: %v after %s", tt.name, err, took)
			}
			if n := strings.Count(said.String(), errAway.Error()); n > 1 || n == 0 && tt.back > 0 {
				t.Errorf("%s: said %d times: %s", tt.name, n, said.String())
			}
		})
	}
}
