// Package forward hands what a container prints on to syslog, journald or
// fluentd. It reads the container's log files, which every driver has, and keeps
// in the same folder how far it has come: the files are the buffer, so that no
// container ever waits, and whoever forwards may be killed at any time. A line
// may come twice then, and is lost only if it falls out of the files before it
// could be sent.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

const (
	sentFile  = "sent" // in the log folder: the time of the last record that was sent
	saveEvery = time.Second
	firstWait = 100 * time.Millisecond
	lastWait  = 10 * time.Second
	giveUp    = 30 * time.Second // lines of a container that is gone wait so long, no longer
)

// errGivenUp says that the container is gone and nobody takes its lines.
var errGivenUp = errors.New("the container is gone, and its last lines could not be sent")

// Container is whose lines they are.
type Container struct {
	ID, Name, Image string
	Dir             string // log folder
	Labels          map[string]string
	Environment     map[string]string
}

// sink takes records. One that fails is closed, and made anew for the next try.
type sink interface {
	send(r logs.Record) error
	close() error
}

// Run forwards until ctx ends, or until the container's log is gone and all that
// was in it is sent. A log is made before its container starts: if there is none,
// nothing was ever printed, or it has gone already.
func Run(ctx context.Context, c Container, l spec.Logging, log *slog.Logger) {
	f := &forwarder{c: c, l: l, log: log.With("id", c.ID, "driver", l.Driver), giveUp: giveUp}
	f.sent, _ = readSent(c.Dir) // from the beginning, if it cannot be told
	for ctx.Err() == nil {
		err := logs.Read(ctx, []logs.Source{{ID: c.ID, Dir: c.Dir}}, logs.Options{Follow: true, Begun: true, Tail: -1, Since: f.sent}, func(_ logs.Source, r logs.Record) error {
			return f.forward(ctx, r)
		})
		f.save()
		if errors.Is(err, errGivenUp) {
			f.log.Warn("forward", "err", err)
		}
		if err == nil || errors.Is(err, errGivenUp) {
			break
		}
		if ctx.Err() == nil {
			f.log.Warn("read what is to be forwarded", "err", err)
		}
		pause(ctx, lastWait)
	}
	f.drop()
}

type forwarder struct {
	c     Container
	l     spec.Logging
	log   *slog.Logger
	to    sink // nil: none is open
	sent  time.Time
	saved time.Time // when it was last written down

	giveUp time.Duration
}

// forward sends one record, however long that takes.
func (f *forwarder) forward(ctx context.Context, r logs.Record) error {
	if !r.Time.After(f.sent) {
		return nil
	}
	begin := time.Now()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := f.try(r)
		if err == nil {
			break
		}
		if wait == firstWait {
			f.log.Warn("lines wait to be forwarded", "err", err)
		}
		f.drop()
		if _, err := os.Stat(f.c.Dir); err != nil && time.Since(begin) > f.giveUp {
			return errGivenUp
		}
		if pause(ctx, wait); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	f.sent = r.Time
	if time.Since(f.saved) >= saveEvery {
		f.save()
	}
	return nil
}

func (f *forwarder) try(r logs.Record) (err error) {
	if f.to == nil {
		if f.to, err = open(f.c, f.l); err != nil {
			return err
		}
	}
	return f.to.send(r)
}

func (f *forwarder) drop() {
	if f.to != nil {
		_ = f.to.close() // what it has not said to have sent is sent again
		f.to = nil
	}
}

func open(c Container, l spec.Logging) (sink, error) {
	switch l.Driver {
	case spec.LogSyslog:
		return openSyslog(c, l.Forward)
	case spec.LogJournald:
		return openJournald(c, l.Forward)
	case spec.LogFluentd:
		return openFluentd(c, l.Forward)
	default:
		return nil, fmt.Errorf("nothing is forwarded by %q", l.Driver)
	}
}

// save is best effort: a log that is gone has no place for it any more.
func (f *forwarder) save() {
	f.saved = time.Now()
	if _, err := os.Stat(f.c.Dir); err != nil || f.sent.IsZero() {
		return
	}
	if err := statedir.WriteVolatile(filepath.Join(f.c.Dir, sentFile), []byte(f.sent.Format(time.RFC3339Nano)), 0o600); err != nil {
		f.log.Warn("note what is forwarded", "err", err)
	}
}

func readSent(dir string) (time.Time, error) {
	b, err := os.ReadFile(filepath.Join(dir, sentFile))
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, string(b))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
