package logs

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Show reads as Read does and writes what it reads to f. Unfinished lines
// appear after a short quiet time.
func Show(ctx context.Context, sources []Source, o Options, f *Formatter) error {
	var last atomic.Int64
	done, flushed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(flushed)
		flushQuiet(f, &last, done)
	}()
	err := Read(ctx, sources, o, func(s Source, r Record) error {
		last.Store(time.Now().UnixNano())
		return f.Record(s, r)
	})
	close(done)
	<-flushed
	return errors.Join(err, f.End())
}

func flushQuiet(f *Formatter, last *atomic.Int64, done <-chan struct{}) {
	tick := time.NewTicker(quietTime / 2)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		quiet := time.Since(time.Unix(0, last.Load())) >= quietTime/2
		if quiet && f.Pending() {
			_ = f.Flush() // the reader will meet the same error
		}
	}
}
