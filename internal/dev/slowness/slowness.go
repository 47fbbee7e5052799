// Package slowness measures how fast programs start on this machine, here and now,
// beside how fast they start on a quiet one.
package slowness

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// usualStart is how long `stackup version` takes on a quiet machine of the kind on
// which the limits of the tests were chosen.
const usualStart = 20 * time.Millisecond

// longestStart bounds one start: a program that hangs is no slow machine.
const longestStart = time.Minute

// kept is how many of the last starts count.
const kept = 5

// Gauge remembers the last starts. The zero Gauge is ready; it may be used from many
// goroutines.
type Gauge struct {
	mu   sync.Mutex
	last []time.Duration
}

// Measure starts a stackup program once, or as often as the gauge still lacks for a
// judgement, and returns how many times longer than usual the last starts took, in
// the middle: at least 1.
func (g *Gauge) Measure(stackup string) (float64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for first := true; first || len(g.last) < kept; first = false {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), longestStart)
		err := exec.CommandContext(ctx, stackup, "version").Run()
		cancel()
		if err != nil {
			return 0, fmt.Errorf("%s version: %w", stackup, err)
		}
		g.last = append(g.last, time.Since(begin))
	}
	g.last = g.last[len(g.last)-kept:]
	sorted := slices.Sorted(slices.Values(g.last))
	return max(1, float64(sorted[kept/2])/float64(usualStart)), nil
}
