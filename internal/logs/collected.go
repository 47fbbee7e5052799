package logs

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// collected is one container whose output is being collected.
type collected struct {
	w       *Writer
	drains  []*drain
	changed time.Time // of its io.json
	cancel  context.CancelFunc
	last    atomic.Bool
	running sync.WaitGroup
}

// collect begins to drain a folder. What a killed collector had done halfway
// is finished first: that needs the log to itself.
func collect(ctx context.Context, folder string, f ioFile, k *kits, log *slog.Logger) (*collected, error) {
	c := &collected{w: NewWriter(f.Dir, f.config())}
	for _, s := range []Stream{Stdout, Stderr} {
		d, err := openDrain(filepath.Join(folder, string(s)), s, c.w, k)
		if err != nil {
			c.close()
			return nil, err
		}
		c.drains = append(c.drains, d)
	}
	for _, d := range c.drains {
		if err := d.recover(); err != nil {
			log.Warn("lines may repeat after a crash", "stream", d.stream, "err", err)
		}
	}
	ctx, c.cancel = context.WithCancel(ctx)
	for _, d := range c.drains {
		c.running.Go(func() { d.keep(ctx, c.last.Load, log) })
	}
	return c, nil
}

// keep runs d and runs it again after an error: always draining comes first.
func (d *drain) keep(ctx context.Context, last func() bool, log *slog.Logger) {
	for {
		err := d.run(ctx, last)
		if err == nil || ctx.Err() != nil {
			return
		}
		log.Error("drain a container's output", "stream", d.stream, "err", err)
		t := time.NewTimer(100 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// same says whether the FIFOs at the path are still those being drained.
func (c *collected) same(folder string) bool {
	for _, d := range c.drains {
		mine, err := d.fifo.Stat()
		if err != nil {
			return false
		}
		there, err := os.Stat(filepath.Join(folder, string(d.stream)))
		if err != nil || !os.SameFile(mine, there) {
			return false
		}
	}
	return true
}

// stop stores what is left and closes all; last says that no one comes after.
func (c *collected) stop(last bool) {
	c.last.Store(last)
	c.cancel()
	c.running.Wait()
	c.close()
}

func (c *collected) close() {
	for _, d := range c.drains {
		d.close()
	}
	_ = c.w.Close()
}
