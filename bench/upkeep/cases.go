package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"stackup.dev/stackup/bench/internal/measure"
)

const (
	rate     = 5000 // questions a second
	lasting  = 10 * time.Second
	askers   = 8
	patience = 2 * time.Second
)

// restarts is the time from a process's end until the next one of its container
// runs, with the first delay of its policy (100 ms) in it.
func restarts() error {
	all, err := measure.Running("sleep " + sleeps)
	if err != nil || len(all) != services {
		return fmt.Errorf("%d of %d containers run: %w", len(all), services, err)
	}
	var took []time.Duration
	for _, pid := range all {
		time.Sleep(200 * time.Millisecond)
		begin := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		err := measure.Until(10*time.Second, "it runs again", func() bool {
			now, err := measure.Running("sleep " + sleeps)
			return err == nil && len(now) == services && !slices.Contains(now, pid)
		})
		if err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	measure.Tell("restart, its delay of 100 ms included", took, "200 ms")
	return nil
}

// names asks from within a container's network for the services there are, at a
// steady rate from several sockets.
func names() error {
	pids, err := measure.Running("sleep " + sleeps)
	if err != nil || len(pids) == 0 {
		return fmt.Errorf("no container runs: %w", err)
	}
	var mu sync.Mutex
	var took []time.Duration
	var lost int
	var failed error
	var group sync.WaitGroup
	begin := time.Now()
	for i := range askers {
		group.Go(func() {
			a, err := newAsker(pids[0])
			if err == nil {
				defer a.close()
				err = a.steady(begin.Add(time.Duration(i)*time.Second/rate), func(d time.Duration, ok bool) {
					mu.Lock()
					defer mu.Unlock()
					if took = append(took, d); !ok {
						lost++
					}
				})
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			}
		})
	}
	group.Wait()
	if failed != nil {
		return failed
	}
	measure.Tell(fmt.Sprintf("a name of the stack, %.0f times a second", float64(len(took))/time.Since(begin).Seconds()), took, fmt.Sprintf("%d a second, p99 2 ms; lost: %d", rate, lost))
	return nil
}

// steady asks at its share of the rate; who falls behind asks without a pause.
func (a *asker) steady(at time.Time, told func(took time.Duration, ok bool)) error {
	for end := at.Add(lasting); at.Before(end); at = at.Add(askers * time.Second / rate) {
		time.Sleep(time.Until(at))
		begin := time.Now()
		ok, err := a.ask(fmt.Sprintf("s%d.", rand.IntN(services)))
		if err != nil {
			return err
		}
		told(time.Since(begin), ok)
	}
	return nil
}
