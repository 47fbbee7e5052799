package supervisor

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"stackup.dev/stackup/internal/network"
)

const (
	calm       = 200 * time.Millisecond // what changes comes in bursts: it is looked when there is none for so long
	impatient  = 2 * time.Second        // or when the first is so old
	relapse    = 3 * time.Second        // what is lost again so soon was put right in vain
	firstPause = time.Second            // after the first such time, or what could not be put right,
	lastPause  = 30 * time.Second       // and at most
)

// Links are the networks' part in the kernel.
type Links interface {
	// Look returns what running containers' networks have lost; of all stacks for "".
	Look(ctx context.Context, stack string) ([]network.Loss, error)
	// Mend puts right what a network has lost, and returns what that was.
	Mend(ctx context.Context, name string) ([]network.Loss, error)
	// Settings are the files of the kernel's settings that Look looks at.
	Settings() []string
}

// News tells that something in the kernel has changed.
type News interface {
	C() <-chan struct{}
	Settings(files []string) // of which changes are told too
}

// Mender puts right what networks lose, as soon as it hears of it, while nobody is at
// work on them. It needs no engine. Where that does not help, since it cannot be done or
// somebody undoes it, it takes more and more time between two tries.
type Mender struct {
	Links Links
	News  News
	// Looked is told after each look: links may be other ones now.
	Looked func()
	Log    *slog.Logger

	tried   map[network.Loss]time.Time // what was lost, and when it was last put right, or was to be
	trouble map[string]trouble         // by network: where that did not help
}

// trouble is when it is tried again.
type trouble struct {
	pause time.Duration
	until time.Time
}

// Run works until ctx ends. It looks once at the beginning: nobody may have listened before.
func (m *Mender) Run(ctx context.Context) {
	m.tried, m.trouble = map[network.Loss]time.Time{}, map[string]trouble{}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.News.C():
			m.calm(ctx)
		case <-again.C:
		}
		again.Stop()
		if ctx.Err() != nil {
			return
		}
		if next := m.look(ctx); next > 0 {
			again.Reset(next)
		}
	}
}

// calm waits until no more is heard for a while.
func (m *Mender) calm(ctx context.Context) {
	quiet, late := time.NewTimer(calm), time.NewTimer(impatient)
	defer quiet.Stop()
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.News.C():
			quiet.Reset(calm)
		case <-quiet.C:
			return
		case <-late.C:
			return
		}
	}
}

// look puts right what is lost, and returns when it is to look again though nothing is
// heard: 0 for not at all.
func (m *Mender) look(ctx context.Context) (next time.Duration) {
	m.News.Settings(m.Links.Settings()) // before the look, so that none goes unheard between
	defer m.Looked()
	lost, err := m.Links.Look(ctx, "")
	if err != nil {
		m.Log.Warn("look what networks have lost", "err", err)
		return firstPause
	}
	now := time.Now()
	for name := range byNetwork(lost) {
		t := m.trouble[name]
		if now.Before(t.until) {
			next = sooner(next, t.until.Sub(now))
			continue
		}
		if m.helps(ctx, name, lost, now) {
			delete(m.trouble, name)
			continue
		}
		t.pause = min(max(2*t.pause, firstPause), lastPause)
		t.until = now.Add(t.pause)
		m.trouble[name] = t
		next = sooner(next, t.pause)
	}
	maps.DeleteFunc(m.tried, func(_ network.Loss, at time.Time) bool { return now.Sub(at) > relapse+lastPause })
	return next
}

// sooner is the smaller of two times, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// helps puts right what a network has lost, and reports whether that went well, and no
// part of it was put right just before.
func (m *Mender) helps(ctx context.Context, name string, lost []network.Loss, now time.Time) bool {
	fresh := true
	for _, l := range lost {
		if l.Network != name {
			continue
		}
		if at, ok := m.tried[l]; ok && now.Sub(at) < relapse+m.trouble[name].pause {
			fresh = false
		}
		m.tried[l] = now
	}
	_, err := m.Links.Mend(ctx, name)
	if err != nil && ctx.Err() == nil {
		m.Log.Warn("a network cannot be put right", "network", name, "err", err)
	}
	return err == nil && fresh
}

// byNetwork yields the networks that have lost something, each once.
func byNetwork(lost []network.Loss) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, l := range lost {
			first := slices.IndexFunc(lost, func(o network.Loss) bool { return o.Network == l.Network }) == i
			if first && !yield(l.Network) {
				return
			}
		}
	}
}
